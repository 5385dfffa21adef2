resource "aws_iam_policy" "deploy" {
  name   = "deploy"
  policy = file("${path.module}/policies/deploy.json")
}

resource "aws_sns_topic" "alerts" {
  name   = "alerts"
  policy = templatefile("policies/topic.json", { account = data.aws_caller_identity.this.account_id })
}

data "aws_caller_identity" "this" {}
