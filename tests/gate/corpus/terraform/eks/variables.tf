variable "name" { type = string }
variable "kms_key_arn" { type = string }
variable "subnet_ids" { type = list(string) }
variable "node_groups" {
  description = <<-EOT
    Groups of nodes:
      min, max:  how many
      taints:    list of { key, value?, effect }
  EOT
  type = map(object({
    role_arn = string
    spot     = optional(bool, false)
    min      = number
    max      = number
    taints   = optional(list(object({ key = string, value = optional(string), effect = string })), [])
  }))
}
