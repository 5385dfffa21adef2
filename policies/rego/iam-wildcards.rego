# METADATA
# title: Permissions name their actions, their resources and their principals
# custom:
#   input: terraform-plan
package main

import rego.v1

import data.lib.policy

deny contains {"msg": msg} if {
	some found in policy.allowed
	some action in policy.list(object.get(found.statement, "Action", []))
	is_string(action)
	regex.match(`^(\*|[*a-zA-Z0-9-]*\*[*a-zA-Z0-9-]*:.*|[a-zA-Z0-9-]+:\*)$`, action)
	"*" in policy.list(object.get(found.statement, "Resource", []))
	msg := sprintf("%s: %s allows %s on every resource: name the actions or the resources", [
		found.address,
		found.attribute,
		action,
	])
}

deny contains {"msg": msg} if {
	some found in policy.allowed
	some field in {"NotAction", "NotResource", "NotPrincipal"}
	found.statement[field]
	msg := sprintf("%s: %s allows everything except what %s names: name what is allowed", [
		found.address,
		found.attribute,
		field,
	])
}

deny contains {"msg": msg} if {
	some found in policy.allowed
	some action in policy.list(object.get(found.statement, "Action", []))
	is_string(action)
	lower(action) in {"iam:passrole", "iam:pass*", "iam:*"}
	some resource in policy.list(object.get(found.statement, "Resource", []))
	is_string(resource)
	regex.match(`^(\*|arn:aws[a-z-]*:iam::[0-9*]*:(role/)?\*)$`, resource)
	msg := sprintf("%s: %s lets its holder pass on any role: name the roles", [found.address, found.attribute])
}

deny contains {"msg": msg} if {
	some found in policy.allowed
	principals_matter(found)
	anyone(found.statement.Principal)
	not object.get(found.statement, "Condition", false)
	msg := sprintf("%s: %s lets everyone in, without a condition: name the principals", [
		found.address,
		found.attribute,
	])
}

deny contains {"msg": msg} if {
	some found in policy.allowed
	found.attribute == "assume_role_policy"
	some provider in policy.list(found.statement.Principal.Federated)
	is_string(provider)
	contains(provider, "oidc-provider/")
	not names_subject(found.statement)
	msg := sprintf("%s: every workload of %s may take the role: add a condition on its `sub`", [
		found.address,
		provider,
	])
}

principals_matter(found) if found.attribute == "assume_role_policy"

principals_matter(found) if found.type in data.resource_policies

anyone(principal) if principal == "*"

anyone(principal) if {
	some name in {"AWS", "Service", "Federated"}
	"*" in policy.list(principal[name])
}

names_subject(statement) if {
	some operator in {"StringEquals", "StringLike"}
	some key, value in statement.Condition[operator]
	endswith(key, ":sub")
	every item in policy.list(value) {
		item != "*"
	}
}
