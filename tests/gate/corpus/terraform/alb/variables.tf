variable "name" {
  type = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "The name has to begin with a letter and hold at most 21 letters, digits and dashes."
  }
}

variable "domain" { type = string }
variable "vpc_id" { type = string }
variable "log_bucket" { type = string }
variable "subnet_ids" { type = list(string) }
variable "security_group_ids" { type = list(string) }

variable "internal" {
  type    = bool
  default = false
}

variable "services" {
  type = list(object({
    name  = string
    port  = number
    paths = list(string)
    hosts = optional(list(string), [])
  }))
}
