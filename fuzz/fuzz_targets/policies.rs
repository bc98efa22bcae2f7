//! Four arbitrary policy documents around one upload: identity, bucket, endpoint, key; parted by a zero byte.
#![no_main]

const ESTATE: &[u8] = br#"
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}
resource "aws_iam_role" "r" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = file("identity.json")
}
resource "aws_kms_key" "k" {
  policy = file("key.json")
}
resource "aws_s3_bucket" "b" {
  bucket = "fuzzed"
}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.k.arn
    }
  }
}
resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = file("bucket.json")
}
resource "aws_vpc_endpoint" "e" {
  vpc_id          = "vpc-1"
  service_name    = "com.amazonaws.eu-west-1.s3"
  route_table_ids = ["rtb-1"]
  policy          = file("endpoint.json")
}
"#;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |b| *b == 0);
    let mut next = || parts.next().unwrap_or(b"{}");
    let report = iaclint_fuzz::analyse(&[
        ("main.tf", ESTATE),
        ("identity.json", next()),
        ("bucket.json", next()),
        ("endpoint.json", next()),
        ("key.json", next()),
    ]);
    iaclint_fuzz::check(&report);
});
