resource "aws_cloudwatch_event_rule" "nightly" {
  name                = "nightly"
  schedule_expression = "cron(0 2 * * ? *)"
}

resource "aws_cloudwatch_event_target" "nightly" {
  rule = aws_cloudwatch_event_rule.nightly.name
  arn  = var.state_machine_arn

  input_transformer {
    input_paths = {
      time = "$.time"
    }
    input_template = <<EOF
{
  "time": <time>,
  "comment": "100 % \"done\""
}
EOF
  }
}

resource "aws_cloudwatch_event_rule" "failures" {
  name          = "failures"
  event_pattern = <<-JSON
    {
      "source": ["aws.states"],
      "detail": { "status": ["FAILED", "TIMED_OUT"] }
    }
  JSON
}

variable "state_machine_arn" {
  type = string
}
