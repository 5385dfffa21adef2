# Orders of the shop. Losing a row means a customer who paid for nothing.
resource "aws_dynamodb_table" "orders" {
  name                        = "prod-orders"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "customer"
  range_key                   = "order"
  deletion_protection_enabled = true

  attribute {
    name = "customer"
    type = "S"
  }

  attribute {
    name = "order"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

module "logs" {
  source = "../../modules/log-group"

  name           = "/prod/orders"
  retention_days = 365
}
