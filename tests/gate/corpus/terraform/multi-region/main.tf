provider "aws" {
  region = "eu-central-1"
}

provider "aws" {
  alias  = "us"
  region = "us-east-1"
}

resource "aws_acm_certificate" "edge" {
  provider          = aws.us
  domain_name       = "example.com"
  validation_method = "DNS"
}
