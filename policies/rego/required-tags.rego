# METADATA
# title: Resources carry the tags that the platform asks for
# custom:
#   input: terraform-plan
#   severity: medium
package main

import rego.v1

import data.lib.terraform

deny contains {"msg": msg} if {
	some change in terraform.changes
	some tag in data.required_tags

	# `tags_all` holds the provider's default tags as well; only types that can have tags have it.
	present := object.union(
		names(object.get(change.change.after, "tags_all", null)),
		names(object.get(object.get(change.change, "after_unknown", {}), "tags_all", null)),
	)
	not present[tag]
	has_tags(change)
	msg := sprintf("%s has no tag %s: add it to the tags of the environment or of the resource", [change.address, tag])
}

has_tags(change) if "tags_all" in object.keys(change.change.after)

has_tags(change) if object.get(object.get(change.change, "after_unknown", {}), "tags_all", false) != false

names(tags) := {name: true | some name, _ in tags} if is_object(tags)

names(tags) := {} if not is_object(tags)
