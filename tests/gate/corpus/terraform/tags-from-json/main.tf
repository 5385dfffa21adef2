variable "tags" {
  type        = string
  default     = "{}"
  description = "Tags as JSON: {\"Team\": \"x\"}"
}

locals {
  tags = jsondecode(var.tags)
  hash = substr(sha256(jsonencode(local.tags)), 0, 8)
}

resource "aws_sns_topic" "this" {
  name = "t-${local.hash}"
  tags = { for key, value in local.tags : key => tostring(value) if !startswith(key, "aws:") }
}
