resource "aws_s3_bucket" "default" {
  bucket = "logs"
}

resource "aws_s3_bucket" "explicit" {
  bucket        = "reports"
  force_destroy = false
}
