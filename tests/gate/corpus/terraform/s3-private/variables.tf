variable "name" {
  description = "Name of the bucket, without the account."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{2,40}$", var.name))
    error_message = "Use 3 to 41 lower-case letters, digits and dashes."
  }
}

variable "versioning" {
  type    = bool
  default = true
}

variable "lifecycle_rules" {
  type = list(object({
    id          = string
    prefix      = optional(string, "")
    expire_days = optional(number)
  }))
  default = []
}

locals {
  tags = {
    ManagedBy = "terraform"
    Team      = "platform"
  }
}
