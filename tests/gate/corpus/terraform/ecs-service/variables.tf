variable "execution_role_arn" { type = string }
variable "repository_url" { type = string }
variable "image_digest" { type = string }
variable "cluster_arn" { type = string }
variable "vpc_id" { type = string }
variable "vpc_cidr" { type = string }
variable "subnet_ids" { type = list(string) }
variable "ports" {
  type    = list(number)
  default = [8080]
}
variable "environment" {
  type    = map(string)
  default = {}
}
