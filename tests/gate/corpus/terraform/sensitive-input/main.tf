variable "db_password" {
  type      = string
  sensitive = true
}

resource "aws_ssm_parameter" "db" {
  name  = "/app/db/password"
  type  = "SecureString"
  value = var.db_password
}

output "parameter" {
  value     = aws_ssm_parameter.db.arn
  sensitive = false
}
