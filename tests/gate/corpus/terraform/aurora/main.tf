resource "aws_rds_cluster" "this" {
  cluster_identifier            = "app"
  engine                        = "aurora-postgresql"
  master_username               = "app"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.kms_key_id
  storage_encrypted             = true
}

variable "kms_key_id" {
  type = string
}

output "secret_arn" {
  value     = aws_rds_cluster.this.master_user_secret[0].secret_arn
  sensitive = true
}
