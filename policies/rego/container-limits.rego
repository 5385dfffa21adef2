# METADATA
# title: Containers say what they need and what they may use at most
# custom:
#   input: kubernetes
#   severity: medium
package main

import rego.v1

deny contains {"msg": msg} if {
	some container in containers
	some name in data.container_resources.requests
	not container.resources.requests[name]
	msg := sprintf("%s: container %s requests no %s", [subject, object.get(container, "name", "?"), name])
}

deny contains {"msg": msg} if {
	some container in containers
	some name in data.container_resources.limits
	not container.resources.limits[name]
	msg := sprintf("%s: container %s has no limit for %s", [subject, object.get(container, "name", "?"), name])
}

subject := sprintf("%s %s", [input.kind, object.get(object.get(input, "metadata", {}), "name", "?")])

# Containers of a pod, however deep its template stands in a Deployment or a CronJob.
containers contains container if {
	input.kind in data.container_resources.kinds
	walk(input.spec, [path, container])
	count(path) >= 2
	path[count(path) - 2] in {"containers", "initContainers"}
}
