resource "aws_s3_bucket" "primary" {
  bucket_prefix = "primary-"
}

resource "aws_s3_bucket" "replica" {
  provider      = aws.replica
  bucket_prefix = "replica-"
}
