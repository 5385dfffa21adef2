resource "aws_elasticache_replication_group" "this" {
  count                      = var.enabled ? 1 : 0
  replication_group_id       = "cache"
  description                = "cache"
  node_type                  = var.environment == "prod" ? "cache.m7g.large" : (var.environment == "staging" ? "cache.t4g.medium" : "cache.t4g.micro")
  num_cache_clusters         = max(1, var.replicas)
  transit_encryption_enabled = true
  auth_token                 = var.auth_token
}

output "endpoint" {
  value = one(aws_elasticache_replication_group.this[*].primary_endpoint_address)
}

variable "enabled" {
  type    = bool
  default = true
}
variable "environment" {
  type = string
}
variable "replicas" {
  type    = number
  default = -1
}
variable "auth_token" {
  type      = string
  sensitive = true
}
