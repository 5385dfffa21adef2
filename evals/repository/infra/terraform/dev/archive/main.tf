# Scanned letters of the mail room. Kept for ten years, see the register of retention.
resource "aws_s3_bucket" "letters" {
  bucket = "acme-dev-letters"

  tags = {
    Owner = "mail-room" # answers the pager in office hours
  }
}

resource "aws_s3_bucket_versioning" "letters" {
  bucket = aws_s3_bucket.letters.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "letters" {
  bucket = aws_s3_bucket.letters.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
    bucket_key_enabled = true
  }
}

# Nothing in here is ever public.
resource "aws_s3_bucket_public_access_block" "letters" {
  bucket                  = aws_s3_bucket.letters.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "letters" {
  bucket = aws_s3_bucket.letters.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.keep_old_versions_days
    }
  }
}
