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
	anybody_has_an_account(provider)
	not names_subject(found.statement, provider)
	msg := sprintf("%s: everybody whom %s knows may take the role: add a condition on the `sub`", [
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

anybody_has_an_account(provider) if contains(provider, "oidc-provider/")

anybody_has_an_account(provider) if provider in public

# With these the application is who is trusted: its own users, by the `aud` or the `app_id` that is its id there.
public := {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}

names_subject(statement, provider) if {
	some operator in {"StringEquals", "StringLike"}
	some key, value in statement.Condition[operator]
	some part in parts(provider)
	endswith(key, part)
	every item in policy.list(value) {
		item != "*"
	}
}

parts(provider) := {":sub", ":aud", ":app_id"} if provider in public

parts(provider) := {":sub"} if not provider in public
