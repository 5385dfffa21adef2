# METADATA
# title: The whole internet reaches load balancers on 80 and 443, and nothing else
# custom:
#   input: terraform-plan
package main

import rego.v1

import data.lib.terraform

deny contains {"msg": msg} if {
	some rule in rules
	not is_public_port(rule)
	msg := sprintf("%s lets everyone in on %s: name the networks that need it", [rule.address, ports(rule)])
}

deny contains {"msg": msg} if {
	some rule in rules
	is_public_port(rule)
	not rule.group in balancers
	msg := sprintf(
		"%s lets everyone in on %s, and is on no load balancer: put one in front",
		[rule.address, ports(rule)],
	)
}

# A rule of its own, in the newer and the older form.
rules contains {"address": change.address, "group": group, "from": after.from_port, "to": after.to_port} if {
	some change in terraform.changes
	change.type in {"aws_vpc_security_group_ingress_rule", "aws_security_group_rule"}
	after := change.change.after
	object.get(after, "type", "ingress") == "ingress"
	open(after)
	group := group_of(change)
}

# A rule within its group.
rules contains {"address": change.address, "group": terraform.configured(change), "from": from, "to": to} if {
	some change in terraform.changes
	change.type in {"aws_security_group", "aws_default_security_group"}
	some ingress in change.change.after.ingress
	open(ingress)
	from := object.get(ingress, "from_port", null)
	to := object.get(ingress, "to_port", null)
}

open(rule) if {
	some name in {"cidr_ipv4", "cidr_ipv6"}
	wide(rule[name])
}

open(rule) if {
	some name in {"cidr_blocks", "ipv6_cidr_blocks"}
	some network in rule[name]
	wide(network)
}

# `0.0.0.0/0` and `::/0`, and parts of them: two rules for /1 are as open as one for /0.
wide(network) if {
	is_string(network)
	regex.match(`/[0-3]$`, network)
}

is_public_port(rule) if {
	rule.from == rule.to
	rule.from in data.public_ports
}

ports(rule) := "every port" if rule.from in {null, -1}

ports(rule) := sprintf("port %v", [rule.from]) if {
	not rule.from in {null, -1}
	rule.from == rule.to
}

ports(rule) := sprintf("ports %v to %v", [rule.from, rule.to]) if {
	not rule.from in {null, -1}
	rule.from != rule.to
}

# The security groups that load balancers of the same module have.
balancers contains concat("", [module, reference]) if {
	some address, resource in terraform.resources
	resource.type in {"aws_lb", "aws_alb", "aws_elb"}
	module := trim_suffix(address, resource.address)
	some reference in resource.expressions.security_groups.references
}

# The group that a rule names, as far as the configuration says so; else no group at all.
group_of(change) := concat("", [trim_suffix(address, resource.address), group]) if {
	address := terraform.configured(change)
	resource := terraform.resources[address]
	some group in resource.expressions.security_group_id.references
	regex.match(`^[a-z_]+\.[A-Za-z0-9_-]+$`, group)
} else := ""
