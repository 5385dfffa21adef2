variable "force" {
  type    = bool
  default = true
}

resource "aws_s3_bucket" "literal" {
  bucket        = "logs"
  force_destroy = true
}

resource "aws_s3_bucket" "variable" {
  bucket        = "reports"
  force_destroy = var.force
}
