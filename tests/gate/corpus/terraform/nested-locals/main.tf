locals {
  environments = {
    dev  = { size = "small", replicas = 1 }
    prod = { size = "large", replicas = 3 }
  }

  flat = flatten([
    for env, spec in local.environments : [
      for replica in range(spec.replicas) : {
        key  = "${env}-${replica}"
        size = spec.size
      }
    ]
  ])

  by_key  = { for item in local.flat : item.key => item }
  grouped = { for item in local.flat : item.size => item.key... }
  first   = try(local.flat[0].key, "none")
  merged = merge([
    for env, spec in local.environments : { (env) = spec.replicas }
  ]...)
  text = <<-EOT
    %{for item in local.flat~}
    ${item.key} is ${item.size == "small" ? "cheap" : "dear"}
    %{endfor~}
  EOT
}

output "text" {
  value = local.text
}
