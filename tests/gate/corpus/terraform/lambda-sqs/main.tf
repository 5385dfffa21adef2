resource "aws_lambda_function" "worker" {
  function_name                  = var.name
  role                           = aws_iam_role.worker.arn
  package_type                   = "Image"
  image_uri                      = "${var.repository}@${var.digest}"
  architectures                  = ["arm64"]
  memory_size                    = 512
  timeout                        = 30
  reserved_concurrent_executions = 10

  environment {
    variables = {
      LOG_LEVEL = upper(var.log_level)
      TABLE     = aws_dynamodb_table.jobs.name
    }
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead.arn
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_lambda_event_source_mapping" "jobs" {
  event_source_arn                   = aws_sqs_queue.jobs.arn
  function_name                      = aws_lambda_function.worker.arn
  batch_size                         = 10
  maximum_batching_window_in_seconds = 5
  function_response_types            = ["ReportBatchItemFailures"]

  filter_criteria {
    filter {
      pattern = jsonencode({ body = { kind = ["resize", "crop"] } })
    }
  }
}

resource "aws_sqs_queue" "jobs" {
  name                       = var.name
  visibility_timeout_seconds = 180

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 14 * 24 * 60 * 60
}

resource "aws_dynamodb_table" "jobs" {
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  range_key    = "at"

  dynamic "attribute" {
    for_each = { id = "S", at = "N" }

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}

resource "aws_iam_role" "worker" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}
