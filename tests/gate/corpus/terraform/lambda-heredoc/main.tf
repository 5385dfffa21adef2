# A function whose code lives in a bucket.
resource "aws_lambda_function" "this" {
  function_name = "report"
  role          = aws_iam_role.this.arn
  handler       = "index.handler"
  runtime       = "python3.12"
  s3_bucket     = var.artifacts_bucket
  s3_key        = "report/${var.release}.zip"
  timeout       = 30
  memory_size   = 256

  environment {
    variables = {
      LOG_LEVEL = "INFO"
      TABLE     = aws_dynamodb_table.state.name
    }
  }

  tracing_config {
    mode = "Active"
  }
}

resource "aws_iam_role" "this" {
  name = "report"

  assume_role_policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": { "Service": "lambda.amazonaws.com" },
          "Action": "sts:AssumeRole"
        }
      ]
    }
  EOT
}

resource "aws_dynamodb_table" "state" {
  name         = "report-state"
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
    enabled = true
  }
}

variable "artifacts_bucket" {
  type = string
}

variable "release" {
  type = string
}
