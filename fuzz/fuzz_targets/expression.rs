//! An arbitrary expression as the value of a policy: evaluation, functions, templates.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut text = br#"
variable "open" {}
locals {
  list = ["a", "b", var.open]
  map  = { a = 1, b = "two", c = [true, null] }
}
resource "aws_s3_bucket" "b" {
  bucket = "fuzzed"
}
resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = "#
        .to_vec();
    text.extend_from_slice(data);
    text.extend_from_slice(b"\n}\n");
    iaclint_fuzz::analyse(&[("main.tf", &text)]);
});
