resource "aws_cognito_user_pool" "this" {
  name                     = "users"
  auto_verified_attributes = ["email"]

  password_policy {
    minimum_length                   = 14
    require_symbols                  = true
    temporary_password_validity_days = 3
  }
}

resource "aws_cognito_user_pool_client" "web" {
  name                          = "web"
  user_pool_id                  = aws_cognito_user_pool.this.id
  generate_secret               = false
  prevent_user_existence_errors = "ENABLED"

  token_validity_units {
    access_token = "hours"
    id_token     = "hours"
  }
}
