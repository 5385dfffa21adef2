resource "aws_secretsmanager_secret" "db" {
  name                    = "app/db"
  description             = "Credentials of the application's database, written by its rotation"
  recovery_window_in_days = 30
}

resource "aws_secretsmanager_secret_rotation" "db" {
  secret_id           = aws_secretsmanager_secret.db.id
  rotation_lambda_arn = var.rotation_lambda_arn

  rotation_rules {
    automatically_after_days = 30
  }
}

variable "rotation_lambda_arn" {
  type = string
}

output "secret_arn" {
  description = "Name of the secret, for the application's role"
  value       = aws_secretsmanager_secret.db.arn
}
