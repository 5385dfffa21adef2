variable "name" {
  description = "Name of the log group."
  type        = string
}

variable "retention_days" {
  description = "Days for which lines are kept."
  type        = number
}
