resource "aws_db_instance" "this" {
  identifier                   = var.name
  engine                       = "postgres"
  engine_version               = "16.4"
  instance_class               = "db.t4g.medium"
  allocated_storage            = 50
  max_allocated_storage        = 200
  db_name                      = replace(var.name, "-", "_")
  username                     = "app"
  manage_master_user_password  = true
  storage_encrypted            = true
  kms_key_id                   = aws_kms_key.db.arn
  multi_az                     = var.environment == "prod"
  deletion_protection          = true
  backup_retention_period      = 14
  performance_insights_enabled = true
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${var.name}-final"
  parameter_group_name         = aws_db_parameter_group.this.name

  timeouts {
    create = "60m"
  }

  lifecycle {
    prevent_destroy = true

    precondition {
      condition     = length(var.name) < 40
      error_message = "The name must be shorter than 40 characters."
    }
  }
}

resource "aws_db_parameter_group" "this" {
  name   = var.name
  family = "postgres16"

  dynamic "parameter" {
    for_each = {
      "rds.force_ssl"              = "1"
      "log_min_duration_statement" = 500
      (var.extra_parameter)        = "on"
    }
    content {
      name  = parameter.key
      value = parameter.value
    }
  }
}

resource "aws_kms_key" "db" {
  description             = "Database of ${var.name}"
  deletion_window_in_days = 30
  enable_key_rotation     = true
}

variable "name" { type = string }
variable "environment" { type = string }
variable "extra_parameter" {
  type    = string
  default = "pg_stat_statements.track_utility"
}
