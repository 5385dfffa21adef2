output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "domain" {
  value = aws_s3_bucket.this.bucket_regional_domain_name
}
