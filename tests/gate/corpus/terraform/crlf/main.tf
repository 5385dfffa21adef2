variable "a" {
  type = string
}

locals {
  b = "${var.a}-b"
}
