resource "aws_s3_bucket" "logs" {
  bucket_prefix = "logs-"
}

check "region" {
  data "aws_s3_bucket" "logs" {
    bucket = aws_s3_bucket.logs.id
  }

  assert {
    condition     = data.aws_s3_bucket.logs.region == "eu-central-1"
    error_message = "The log bucket stands in ${data.aws_s3_bucket.logs.region}."
  }
}
