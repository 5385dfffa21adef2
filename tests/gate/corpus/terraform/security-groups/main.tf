locals {
  rules = merge([
    for group, ports in var.open : {
      for port in ports : "${group}-${port}" => { group = group, port = port }
    }
  ]...)
}

data "aws_vpc" "main" {
  tags = { Name = var.vpc }
}

resource "aws_security_group" "this" {
  for_each = var.open

  name        = "${var.vpc}-${each.key}"
  description = "Traffic to ${each.key}"
  vpc_id      = data.aws_vpc.main.id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.rules

  security_group_id = aws_security_group.this[each.value.group].id
  description       = "From inside the network"
  cidr_ipv4         = data.aws_vpc.main.cidr_block
  from_port         = each.value.port
  to_port           = each.value.port
  ip_protocol       = "tcp"
}

variable "vpc" {
  type = string
}

variable "open" {
  type    = map(set(number))
  default = { web = [80, 443], db = [5432] }
}
