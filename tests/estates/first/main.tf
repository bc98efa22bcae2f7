resource "aws_s3_bucket" "invoices" {
  bucket = "example-invoices"
}

resource "aws_s3_bucket_policy" "invoices" {
  bucket = aws_s3_bucket.invoices.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyEncrypted"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:PutObject"
      Resource  = "${aws_s3_bucket.invoices.arn}/*"
      Condition = { StringNotEquals = { "s3:x-amz-server-side-encryption" = "AES256" } }
    }]
  })
}

resource "aws_iam_user" "billing" {
  name = "billing"
}

resource "aws_iam_user_policy" "billing" {
  user = aws_iam_user.billing.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:PutObject", Resource = "${aws_s3_bucket.invoices.arn}/*" }]
  })
}
