terraform {
  backend "s3" {
    bucket = "acme-state"
    key    = "storage/terraform.tfstate"
    region = "eu-west-1"
  }
}

resource "aws_kms_key" "reports" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:role/admin" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_s3_bucket" "reports" {}

resource "aws_s3_bucket_server_side_encryption_configuration" "reports" {
  bucket = aws_s3_bucket.reports.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.reports.arn
    }
  }
}

resource "aws_s3_bucket" "inbox" {}

resource "aws_s3_bucket_policy" "inbox" {
  bucket = aws_s3_bucket.inbox.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.inbox.arn}/*"
      Condition = { Null = { "s3:x-amz-server-side-encryption" = "true" } }
    }]
  })
}

resource "aws_ssm_parameter" "inbox" {
  name  = "/acme/inbox"
  type  = "String"
  value = aws_s3_bucket.inbox.id
}

output "buckets" {
  value = { reports = aws_s3_bucket.reports.arn }
}
