variable "instance_type" {
  type    = string
  default = "t3.small"
}
variable "port" {
  type    = number
  default = 8080
}
variable "greeting" {
  type    = string
  default = "hello"
}
variable "hosts" {
  type    = list(string)
  default = []
}
variable "subnet_ids" {
  type = list(string)
}
variable "tags" {
  type    = map(string)
  default = {}
}
