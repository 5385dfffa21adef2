data "aws_route53_zone" "this" {
  name         = "example.com."
  private_zone = false
}

resource "aws_route53_record" "records" {
  for_each = local.records

  zone_id = data.aws_route53_zone.this.zone_id
  name    = each.value.name
  type    = upper(each.value.type)
  ttl     = lookup(each.value, "ttl", 300)
  records = each.value.values
}

resource "aws_acm_certificate" "this" {
  domain_name               = "example.com"
  subject_alternative_names = ["*.example.com"]
  validation_method         = "DNS"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route53_record" "validation" {
  for_each = {
    for option in aws_acm_certificate.this.domain_validation_options : option.domain_name => {
      name   = option.resource_record_name
      record = option.resource_record_value
      type   = option.resource_record_type
    }
  }

  allow_overwrite = true
  name            = each.value.name
  records         = [each.value.record]
  ttl             = 60
  type            = each.value.type
  zone_id         = data.aws_route53_zone.this.zone_id
}

locals {
  records = {
    "www-a" = { name = "www", type = "a", values = ["192.0.2.10"] }
    "mx"    = { name = "", type = "mx", values = ["10 mail.example.com"], ttl = 3600 }
    "spf"   = { name = "", type = "txt", values = ["v=spf1 include:_spf.example.com ~all"] }
  }
}
