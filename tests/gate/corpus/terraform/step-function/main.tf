resource "aws_sfn_state_machine" "this" {
  name     = "nightly"
  role_arn = var.role_arn
  definition = templatefile("${path.module}/definition.json.tftpl", {
    function_arn = var.function_arn
    retries      = 3
  })
}

variable "role_arn" {
  type = string
}

variable "function_arn" {
  type = string
}
