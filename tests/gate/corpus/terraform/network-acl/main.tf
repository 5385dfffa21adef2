locals {
  zones   = slice(sort(data.aws_availability_zones.available.names), 0, 3)
  private = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index) }
  public  = { for index, zone in local.zones : zone => cidrsubnet(var.cidr, 4, index + 8) }
}

data "aws_availability_zones" "available" {
  state = "available"
}

resource "aws_subnet" "private" {
  for_each = local.private

  vpc_id            = var.vpc_id
  availability_zone = each.key
  cidr_block        = each.value
}

resource "aws_network_acl" "private" {
  vpc_id     = var.vpc_id
  subnet_ids = [for subnet in aws_subnet.private : subnet.id]

  dynamic "ingress" {
    for_each = { for index, block in values(local.public) : (index + 1) * 10 => block }

    content {
      rule_no    = tonumber(ingress.key)
      protocol   = "tcp"
      action     = "allow"
      cidr_block = ingress.value
      from_port  = 1024
      to_port    = 65535
    }
  }

  egress {
    rule_no    = 10
    protocol   = "-1"
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

variable "vpc_id" { type = string }

variable "cidr" {
  type    = string
  default = "10.20.0.0/16"
}
