variable "account" {}

provider "aws" {
  allowed_account_ids = [var.account]
}

data "terraform_remote_state" "storage" {
  backend   = "s3"
  workspace = terraform.workspace
  config = {
    bucket = "acme-state"
    key    = "storage.tfstate"
  }
}

resource "aws_iam_role" "app" {
  name = "app"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "app" {
  role = aws_iam_role.app.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "${data.terraform_remote_state.storage.outputs.drop}/*"
    }]
  })
}
