resource "aws_sns_topic" "orders" {
  name              = "orders"
  kms_master_key_id = "alias/aws/sns"
}

resource "aws_sqs_queue" "subscriber" {
  for_each = var.subscribers

  name = "orders-${each.key}"
}

resource "aws_sns_topic_subscription" "this" {
  for_each = var.subscribers

  topic_arn            = aws_sns_topic.orders.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.subscriber[each.key].arn
  raw_message_delivery = true
  filter_policy        = length(each.value) > 0 ? jsonencode({ kind = each.value }) : null
}

data "aws_iam_policy_document" "send" {
  for_each = var.subscribers

  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.subscriber[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.orders.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "send" {
  for_each = var.subscribers

  queue_url = aws_sqs_queue.subscriber[each.key].id
  policy    = data.aws_iam_policy_document.send[each.key].json
}

variable "subscribers" {
  type    = map(list(string))
  default = { billing = ["paid"], mail = [] }
}
