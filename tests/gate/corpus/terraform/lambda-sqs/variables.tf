variable "name" { type = string }
variable "repository" { type = string }
variable "digest" { type = string }

variable "log_level" {
  type    = string
  default = "info"

  validation {
    condition     = contains(["debug", "info", "warning"], var.log_level)
    error_message = "One of debug, info, warning."
  }
}
