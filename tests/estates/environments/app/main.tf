variable "env" {}

variable "org" {}

variable "locked" {
  default = false
}

resource "aws_s3_bucket" "logs" {
  bucket = "${var.org}-${var.env}-logs"
}

resource "aws_s3_bucket_policy" "logs" {
  count  = var.locked ? 1 : 0
  bucket = aws_s3_bucket.logs.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.logs.arn}/*"
      Condition = { Null = { "s3:x-amz-server-side-encryption" = "true" } }
    }]
  })
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
      Resource = ["${aws_s3_bucket.logs.arn}/*", "arn:aws:s3:::acme-audit-${var.env}/*"]
    }]
  })
}
