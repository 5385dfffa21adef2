output "private_subnet_ids" {
  value = [for subnet in aws_subnet.private : subnet.id]
}

output "nat_ips" {
  value = aws_eip.nat.*.public_ip
}
