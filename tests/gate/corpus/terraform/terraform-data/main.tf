resource "terraform_data" "release" {
  input = var.release
}

resource "aws_ssm_parameter" "release" {
  name  = "/app/release"
  type  = "String"
  value = terraform_data.release.output

  lifecycle {
    replace_triggered_by = [terraform_data.release]
  }
}

variable "release" {
  type = string
}
