locals {
  records = yamldecode(file("${path.module}/records.yaml"))
}

data "aws_route53_zone" "this" {
  name         = "example.com."
  private_zone = false
}

resource "aws_route53_record" "this" {
  for_each = { for record in local.records : "${record.name}/${record.type}" => record }

  zone_id = data.aws_route53_zone.this.zone_id
  name    = each.value.name
  type    = each.value.type
  ttl     = try(each.value.ttl, 300)
  records = each.value.values
}
