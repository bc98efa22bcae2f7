terraform {
  backend "s3" {
    bucket = "acme-state"
    key    = "storage.tfstate"
  }
}

variable "strict" {}

resource "aws_s3_bucket" "drop" {}

resource "aws_s3_bucket_policy" "drop" {
  bucket = aws_s3_bucket.drop.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = var.strict ? "Deny" : "Allow"
      Principal = { AWS = "arn:aws:iam::111122223333:role/app" }
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.drop.arn}/*"
    }]
  })
}

output "drop" {
  value = aws_s3_bucket.drop.arn
}
