data "terraform_remote_state" "storage" {
  backend = "s3"
  config = {
    bucket = "acme-state"
    key    = "storage/terraform.tfstate"
    region = "eu-west-1"
  }
}

data "terraform_remote_state" "network" {
  backend = "local"
  config = {
    path = "../network/terraform.tfstate"
  }
}

data "aws_ssm_parameter" "inbox" {
  name = "/acme/inbox"
}

resource "aws_iam_role" "report" {
  name = "report"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "report" {
  role = aws_iam_role.report.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "s3:PutObject"
        Resource = "${data.terraform_remote_state.storage.outputs.buckets["reports"]}/*"
      },
      {
        Effect   = "Allow"
        Action   = "kms:GenerateDataKey"
        Resource = "*"
      }
    ]
  })
}

resource "aws_iam_role" "deliver" {
  name = "deliver"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "deliver" {
  role = aws_iam_role.deliver.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "arn:aws:s3:::${data.aws_ssm_parameter.inbox.value}/*"
    }]
  })
}

resource "aws_lambda_function" "deliver" {
  function_name = "deliver"
  role          = aws_iam_role.deliver.arn
  vpc_config {
    subnet_ids         = data.terraform_remote_state.network.outputs.subnets
    security_group_ids = []
  }
}
