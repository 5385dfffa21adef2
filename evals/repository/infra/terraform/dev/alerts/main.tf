module "logs" {
  source = "../../modules/log-group"

  name           = "/dev/alerts"
  retention_days = 14
}

resource "aws_sns_topic" "pager" {
  name              = "dev-pager"
  kms_master_key_id = "alias/aws/sns"
}

# Two of three periods: the nightly import alone must not wake anybody.
resource "aws_cloudwatch_metric_alarm" "cpu" {
  alarm_name          = "dev-cpu-high"
  alarm_description   = "Processors of the import hosts are busy."
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  statistic           = "Average"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 80
  period              = 300
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  alarm_actions       = [aws_sns_topic.pager.arn]
}
