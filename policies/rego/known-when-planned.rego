# METADATA
# title: What decides about cost, reach and data is known while planning
# custom:
#   input: terraform-plan
package main

import rego.v1

import data.lib.terraform

deny contains {"msg": msg} if {
	some change in terraform.changes
	some attribute in data.guarded_attributes[change.type]
	some place in unknown(change.change.after_unknown[attribute])

	# What nobody wrote is computed by the provider, and no way to hide anything.
	terraform.resources[terraform.configured(change)].expressions[attribute]
	msg := sprintf("%s: %s%s is known only after the apply, so nobody can review it: give it a value of its own", [
		change.address,
		attribute,
		place,
	])
}

unknown(value) := {""} if value == true

unknown(value) := {" (in part)"} if {
	not is_boolean(value)
	walk(value, [_, true])
}
