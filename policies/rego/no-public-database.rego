# METADATA
# title: No database answers to the internet
# custom:
#   id: no-public-database
#   input: terraform-plan
#   severity: critical
package main

import rego.v1

import data.lib.terraform

types := {
	"aws_db_instance",
	"aws_dms_replication_instance",
	"aws_docdb_cluster_instance",
	"aws_neptune_cluster_instance",
	"aws_rds_cluster_instance",
	"aws_redshift_cluster",
}

deny contains {"msg": msg} if {
	some change in terraform.changes
	change.type in types
	change.change.after.publicly_accessible == true
	msg := sprintf("%s has a public address: set publicly_accessible to false and reach it within the network", [
		change.address,
	])
}
