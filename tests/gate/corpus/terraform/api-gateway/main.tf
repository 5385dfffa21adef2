resource "aws_apigatewayv2_api" "this" {
  name          = "orders"
  protocol_type = "HTTP"

  cors_configuration {
    allow_origins = ["https://example.com"]
    allow_methods = ["GET", "POST"]
  }
}

locals {
  routes = {
    "GET /orders"      = var.list_arn
    "POST /orders"     = var.create_arn
    "GET /orders/{id}" = var.get_arn
  }
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.this.id
  name        = "$default"
  auto_deploy = true

  access_log_settings {
    destination_arn = var.log_group_arn
    format          = jsonencode({ requestId = "$context.requestId", status = "$context.status" })
  }
}

variable "list_arn" { type = string }
variable "create_arn" { type = string }
variable "get_arn" { type = string }
variable "log_group_arn" { type = string }
