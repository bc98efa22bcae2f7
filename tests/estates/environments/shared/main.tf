resource "aws_s3_bucket" "audit" {
  for_each = toset(["dev", "prod"])
  bucket   = "acme-audit-${each.key}"
}

resource "aws_s3_bucket_policy" "audit" {
  bucket = aws_s3_bucket.audit["prod"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.audit["prod"].arn}/*"
    }]
  })
}
