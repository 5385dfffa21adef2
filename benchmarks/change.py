"""A number of units -> the text of an ordinary Terraform change, laid out as `terraform fmt` does, ten files a unit."""

_FILES: dict[str, str] = {
    "main.tf": """\
locals {
  name   = "${var.prefix}-@NAME@"
  queues = { for name in var.queues : name => "${local.name}-${name}" }
}

resource "aws_s3_bucket" "data" {
  bucket_prefix = local.name
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
""",
    "variables.tf": """\
variable "prefix" {
  description = "Beginning of every name"
  type        = string
  default     = "app"
}

variable "queues" {
  description = "Queues to make"
  type        = set(string)
  default     = ["orders", "mails"]
}

variable "tags" {
  description = "Tags for everything"
  type        = map(string)
  default     = {}
}
""",
    "outputs.tf": """\
output "bucket" {
  description = "Name of the bucket"
  value       = aws_s3_bucket.data.bucket
}

output "queues" {
  description = "Addresses of the queues"
  value       = { for name, queue in aws_sqs_queue.work : name => queue.arn }
}
""",
    "encryption.tf": """\
resource "aws_kms_key" "data" {
  description             = "Data of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.data.arn
    }
  }
}
""",
    "queues.tf": """\
resource "aws_sqs_queue" "work" {
  for_each = local.queues

  name                       = each.value
  kms_master_key_id          = aws_kms_key.data.id
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
}
""",
    "table.tf": """\
resource "aws_dynamodb_table" "state" {
  name         = local.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.data.arn
  }
}
""",
    "logs.tf": """\
resource "aws_cloudwatch_log_group" "app" {
  name              = "/app/${local.name}"
  retention_in_days = 365
  kms_key_id        = aws_kms_key.data.arn
}
""",
    "access.tf": """\
data "aws_iam_policy_document" "app" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
  }

  dynamic "statement" {
    for_each = aws_sqs_queue.work

    content {
      actions   = ["sqs:SendMessage"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_policy" "app" {
  name   = local.name
  policy = data.aws_iam_policy_document.app.json
}
""",
    "alarms.tf": """\
resource "aws_cloudwatch_metric_alarm" "age" {
  for_each = aws_sqs_queue.work

  alarm_name          = "${each.value.name}-age"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 3
  period              = 60
  statistic           = "Maximum"
  threshold           = 600
  dimensions          = { QueueName = each.value.name }
}
""",
    "lifecycle.tf": """\
resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket_versioning.data.bucket

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}
""",
}
_ONE = """\
resource "aws_sqs_queue" "work" {
  name                    = "work"
  sqs_managed_sse_enabled = true
}
"""


def one_file() -> dict[str, str]:
    """A unit of one file: path -> content."""
    return {"infra/terraform/dev/app0/main.tf": _ONE}


def fifty_files() -> dict[str, str]:
    """Five units of ten files each: path -> content."""
    return {
        f"infra/terraform/dev/app{number}/{name}": text.replace("@NAME@", f"app{number}")
        for number in range(5)
        for name, text in _FILES.items()
    }
