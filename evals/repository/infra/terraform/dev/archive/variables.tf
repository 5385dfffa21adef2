variable "keep_old_versions_days" {
  description = "Days after which a version that was replaced goes."
  type        = number
  default     = 30
}
