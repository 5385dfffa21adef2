output "topic" {
  description = "ARN of the pager's topic."
  value       = aws_sns_topic.pager.arn
}
