variable "cluster_name" {
  type = string
}

variable "cluster_version" {
  type    = string
  default = "1.32"
}

variable "subnet_ids" {
  type = list(string)
}

variable "node_groups" {
  type = map(object({
    min            = number
    max            = number
    spot           = optional(bool, false)
    instance_types = optional(list(string), ["m6i.large"])
    taints         = optional(list(object({ key = string, value = string, effect = string })), [])
  }))
}
