resource "aws_sqs_queue" "main" {
  for_each                   = var.queues
  name                       = each.key
  visibility_timeout_seconds = each.value.timeout
  sqs_managed_sse_enabled    = true

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = each.value.retries
  })
}

resource "aws_sqs_queue" "dead" {
  for_each                  = var.queues
  name                      = "${each.key}-dead"
  message_retention_seconds = 14 * 24 * 60 * 60
}

resource "aws_cloudwatch_metric_alarm" "dead" {
  for_each = {
    for name, queue in var.queues : name => queue
    if queue.alarm
  }

  alarm_name          = "${each.key}-dead-letters"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  dimensions = {
    QueueName = aws_sqs_queue.dead[each.key].name
  }
}

variable "queues" {
  type = map(object({
    timeout = optional(number, 30)
    retries = optional(number, 5)
    alarm   = optional(bool, true)
  }))
}
