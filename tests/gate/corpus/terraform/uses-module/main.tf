module "bucket" {
  source = "../../modules/bucket"

  for_each = toset(["logs", "reports"])
  name     = "acme-${each.key}"

  providers = {
    aws = aws.frankfurt
  }
}

module "network" {
  source     = "./network"
  depends_on = [module.bucket]
}

provider "aws" {
  alias  = "frankfurt"
  region = "eu-central-1"

  default_tags {
    tags = local.tags
  }
}

locals {
  tags = { Team = "platform" }
}

output "buckets" {
  value = { for name, bucket in module.bucket : name => bucket.arn }
}
