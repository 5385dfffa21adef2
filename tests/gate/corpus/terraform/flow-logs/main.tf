data "aws_vpcs" "all" {}

resource "aws_flow_log" "all" {
  for_each             = toset(data.aws_vpcs.all.ids)
  vpc_id               = each.value
  traffic_type         = "ALL"
  log_destination_type = "s3"
  log_destination      = "arn:aws:s3:::acme-flow-logs/AWSLogs/"
  log_format           = "$${version} $${account-id} $${srcaddr} $${dstaddr} $${action}"
}
