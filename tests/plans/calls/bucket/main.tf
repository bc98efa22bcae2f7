variable "name" {}

variable "encrypted" {
  default = true
}

resource "aws_s3_bucket" "this" {
  bucket = var.name
}

resource "aws_s3_bucket_policy" "this" {
  count  = var.encrypted ? 1 : 0
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Encrypted"
      Effect    = "Deny"
      Action    = "s3:PutObject"
      Principal = "*"
      Resource  = "${aws_s3_bucket.this.arn}/*"
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "AES256" } }
    }]
  })
}

output "arn" {
  value = aws_s3_bucket.this.arn
}
