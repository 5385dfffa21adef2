# What policies on IAM documents share.
package lib.policy

import rego.v1

import data.lib.terraform

# The statements that allow something, with the address and the attribute in which they stand.
allowed contains found if {
	some change in terraform.changes
	some attribute in data.policy_attributes
	text := change.change.after[attribute]
	is_string(text)
	json.is_valid(text)
	document := json.unmarshal(text)
	is_object(document)
	some statement in list(object.get(document, "Statement", []))
	statement.Effect == "Allow"
	found := {"address": change.address, "type": change.type, "attribute": attribute, "statement": statement}
}

# One value, or a list of values -> a list.
list(value) := value if is_array(value)

list(value) := [value] if not is_array(value)
