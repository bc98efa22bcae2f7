variable "buckets" {
  type = map(object({ encrypted = optional(bool, true) }))
}

variable "token" {
  sensitive = true
}

provider "aws" {
  region = "eu-west-1"
}

data "aws_iam_role" "writer" {
  name = "writer"
}

data "aws_ssm_parameter" "suffix" {
  name = "/suffix"
}

module "bucket" {
  source    = "./bucket"
  for_each  = var.buckets
  name      = "acme-${each.key}-${data.aws_ssm_parameter.suffix.value}"
  encrypted = each.value.encrypted
}

module "uploader" {
  source     = "acme/uploader/aws"
  version    = "1.0.0"
  bucket_arn = module.bucket["logs"].arn
}

output "token" {
  value     = var.token
  sensitive = true
}
