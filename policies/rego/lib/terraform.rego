# What policies on Terraform plans share.
package lib.terraform

import rego.v1

# Changes that leave a resource behind: a policy has nothing to say of what is only destroyed or read.
changes contains change if {
	some change in input.resource_changes
	change.mode == "managed"
	some action in change.change.actions
	action in {"create", "update"}
}

# The same address without `[0]` and `["key"]`, as the configuration has it.
configured(change) := regex.replace(change.address, `\[[^\]]*\]`, "")

# Every resource of the configuration by that address, through all module calls.
resources[address] := resource if {
	walk(input.configuration.root_module, [path, resource])
	count(path) >= 2
	path[count(path) - 2] == "resources"
	calls := [sprintf("module.%s.", [path[i + 1]]) | some i; path[i] == "module_calls"]
	address := concat("", [concat("", calls), resource.address])
}
