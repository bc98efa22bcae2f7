provider "aws" {
  region = "eu-west-1"
}

data "aws_vpc" "main" {
  tags = { Name = "named" }
}

data "aws_vpc_endpoint" "s3" {
  vpc_id       = data.aws_vpc.main.id
  service_name = "com.amazonaws.eu-west-1.s3"
}

data "aws_iam_role" "deliver" {
  name = "deliver"
}

data "aws_elb_service_account" "main" {}

resource "aws_s3_bucket" "drop" {}

resource "aws_s3_bucket_policy" "drop" {
  bucket = aws_s3_bucket.drop.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { AWS = data.aws_iam_role.deliver.arn }
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.drop.arn}/*"
      },
      {
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = "${aws_s3_bucket.drop.arn}/*"
        Condition = { StringNotEquals = { "aws:SourceVpce" = data.aws_vpc_endpoint.s3.id } }
      }
    ]
  })
}

resource "aws_s3_bucket" "balancer" {}

resource "aws_s3_bucket_policy" "balancer" {
  bucket = aws_s3_bucket.balancer.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = data.aws_elb_service_account.main.arn }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.balancer.arn}/*"
    }]
  })
}

resource "aws_lb" "main" {
  name = "main"
  access_logs {
    bucket  = aws_s3_bucket.balancer.id
    enabled = true
  }
}
