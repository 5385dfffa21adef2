"""Terraform module -> findings: what runs programs, reaches out, or reads secrets at plan time. Pure."""

import re
from collections.abc import Iterator

from agent.gate.hcl import traversal
from agent.gate.rules import Example, Hit, Rule
from agent.gate.terraform_module import RESOURCES, Module, effective_kind, literal

TOP_BLOCKS = frozenset({
    "resource", "data", "ephemeral", "variable", "output", "locals", "module", "provider", "terraform", "check",
    "moved", "removed", "import",
})  # fmt: skip
LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1, "check": 1}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")

# Reading these runs a program, sends a request to an address of the author's choice, or brings a secret into the plan.
REACHING_DATA = re.compile(
    r"external|http|https|terraform_remote_state|local_.*|null_data_source|template_.*|tls_certificate|dns_.*"
    r"|archive_.*_remote|git_.*|github_.*|gitlab_.*|consul_.*|vault_.*|kubernetes_(?!namespace|service|all_namespaces).*"
    r"|kubectl_.*|helm_.*|docker_.*|shell_.*|command_.*|curl.*|graphql.*|restapi_.*|jq_.*|sops_.*|onepassword_.*"
    r"|bitwarden_.*|akeyless_.*|doppler_.*|sql_.*|mysql_.*|postgresql_.*|python_.*|powershell_.*|ct_config|ansible_.*"
    r"|tfe_(?:outputs|variables?)|hcp_.*secret.*|azurerm_key_vault_(?:secrets?|key|certificate_data)"
    r"|azurerm_app_configuration_keys?|google_secret_manager_.*|google_kms_secret.*|google_client_config"
    r"|google_service_account_(?:access|id)_token|google_storage_bucket_object_content|.*_random_password"
    r"|aws_lambda_invocation|aws_secretsmanager_secret_versions?|aws_kms_secrets?|aws_ssm_parameters_by_path"
    r"|aws_s3_object|aws_s3_bucket_object|aws_ecr_authorization_token|aws_ecrpublic_authorization_token"
    r"|aws_eks_cluster_auth|aws_codeartifact_authorization_token|aws_iam_access_keys|aws_rds_.*_token"
    r"|aws_dynamodb_table_item|aws_cloudformation_export|aws_appconfig_configuration|aws_api_gateway_api_keys?"
    r"|aws_cognito_user_pool_client|aws_transfer_.*_credentials|aws_redshift_cluster_credentials"
    r"|aws_sts_.*|aws_ssm_command.*|aws_glue_connection|aws_launch_configuration"
    r"|aws_ecs_container_definition|aws_cognito_identity_openid_.*"
)
# Making these writes files on the runner, runs programs, or puts a long-lived credential into the state.
RUNNING_RESOURCES = re.compile(
    r"local_.*|null_resource|shell_.*|command_.*|template_dir|docker_.*|kubectl_.*|helm_release|ansible_.*|git_.*"
    r"|restapi_.*|curl.*|jq_.*|python_.*|powershell_.*|sql_.*|external.*|http.*|terraform_remote_.*|github_.*|gitlab_.*"
    r"|aws_lambda_invocation|aws_ssm_command.*|aws_iam_access_key|aws_iam_user_login_profile|remote_.*|ssh_.*"
    r"|aws_cloudformation_(?:stack|stack_set|stack_set_instance|stack_instances)|aws_cloudcontrolapi_resource"
    r"|aws_serverlessapplicationrepository_.*|aws_iam_service_specific_credential|aws_iot_certificate"
    r"|aws_servicecatalog_provisioned_product|aws_redshiftdata_statement"
    r"|aws_lightsail_key_pair|aws_iam_virtual_mfa_device|google_service_account_key|azuread_.*_password|azuread_.*_certificate|tls_private_key"
)


def blocks(module: Module) -> Iterator[Hit]:
    """Only the kinds of blocks that this gate knows, with plain names for labels: a kind it does not know (a newer
    Terraform's `action`, `list`, …) could do what the other rules forbid.
    """
    for source in module.changed:
        for item in source.body.attributes:
            yield source.hit(f"{item.name} = … stands outside any block", item.at)
        for above, block in source.blocks:
            if not above and block.kind not in TOP_BLOCKS:
                yield source.hit(f"{block.kind!r} is no kind of block that a change may use", block.at)
            if not above and len(block.labels) != LABELS.get(block.kind, 0):
                yield source.hit(f"{block.kind} takes {LABELS.get(block.kind, 0)} names", block.at)
            if not all(NAME.fullmatch(label) for label in block.labels):
                yield source.hit(f"{block.kind}: a name must be ASCII letters, digits, '_' and '-'", block.at)
            if block.kind in RESOURCES and block.labels and above and above[0].kind != "check":
                yield source.hit(f"{block.kind} cannot stand inside {above[0].kind}", block.at)


def provisioners(module: Module) -> Iterator[Hit]:
    """`provisioner` and `connection` run programs on the runner or on a machine while Terraform applies, and no plan
    shows them. The same goes for a `dynamic` block that would make one.
    """
    for source in module.changed:
        for above, block in source.blocks:
            if above and effective_kind(block) in {"provisioner", "connection"}:
                yield source.hit(f"{effective_kind(block)} runs a program that no plan shows", block.at)
            if above and above[-1].kind == "lifecycle" and block.kind == "action_trigger":
                yield source.hit("action_trigger runs an action that no plan shows", block.at)


def data_sources(module: Module) -> Iterator[Hit]:
    """Data sources and ephemeral resources that run a program (`external`), reach out to an address that the author
    chose (`http`, `dns_*`, `terraform_remote_state`), or bring a secret into the plan
    (`aws_secretsmanager_secret_version`, `vault_*`, …). `aws_ssm_parameter` may read the public parameters below
    `/aws/service/`.
    """
    for source, block in module.top("data", "ephemeral"):
        kind = block.labels[0] if block.labels else ""
        if REACHING_DATA.fullmatch(kind.lower()):
            yield source.hit(f"{block.kind} {kind!r} runs a program, reaches out or reads a secret", block.at)
        if kind in {"aws_ssm_parameter", "aws_ssm_parameters"}:
            name = block.body.get("name")
            if name is not None and name.kind == "template":
                name = name.parts[0]
            if not (literal(name) or "").startswith("/aws/service/"):
                yield source.hit(f"{kind} may only read /aws/service/…, which is public", block.at)
        for flag in ("get_password_data", "get_user_data", "with_decryption"):
            value = block.body.get(flag)
            if value is not None and (value.kind, value.text) != ("word", "false"):
                yield source.hit(f"{flag} brings a secret into the plan", block.at)


def resource_types(module: Module) -> Iterator[Hit]:
    """Resources that write files on the runner (`local_file`), exist to carry provisioners (`null_resource`), run
    programs, make what no plan shows (`aws_cloudformation_stack`, `aws_cloudcontrolapi_resource`), or put a long-lived
    credential into the state (`aws_iam_access_key`, `tls_private_key`).
    """
    for source, block in module.top("resource"):
        if block.labels and RUNNING_RESOURCES.fullmatch(block.labels[0].lower()):
            yield source.hit(f"resource {block.labels[0]!r} acts on the runner or leaves a credential behind", block.at)


def provider_list(module: Module) -> Iterator[Hit]:
    """Every resource, data source and provider block belongs to a provider that `providers` in the guardrails names
    by its source address. A type's provider is what Terraform takes: the `provider` argument, else the part of the
    type before the first underscore, looked up in `required_providers`, else `hashicorp/…`.
    """
    for source, block in module.top("resource", "data", "ephemeral", "provider"):
        if not block.labels:
            continue
        locals_ = [block.labels[0] if block.kind == "provider" else block.labels[0].split("_", 1)[0]]
        chosen = block.body.get("provider") if block.kind != "provider" else None
        if chosen is not None:
            names = tuple(chosen.text.split(".")) if chosen.kind == "string" else traversal(chosen)
            if not names:
                yield source.hit("provider must be a plain name", block.at)
            else:
                locals_ = [names[0]]
        for local in locals_:
            if not module.allows(module.provider_of(local)):
                where = module.provider_of(local) or "an address that cannot be read"
                yield source.hit(f"provider {local!r} is {where}, which the guardrails do not allow", block.at)


def _tf(text: str) -> Example:
    return {"infra/terraform/dev/app/main.tf": text}


RULES: tuple[Rule[Module], ...] = (
    Rule(
        "terraform/block",
        "only kinds of blocks that are known",
        blocks,
        fires=(_tf('action "x" "y" {\n}\n'), _tf("a = 1\n"), _tf('data "ex\\u0020t" "x" {\n}\n')),
        passes=(_tf('locals {\n  a = 1\n}\n\nvariable "b" {}\n'),),
        waivable=False,
    ),
    Rule(
        "terraform/provisioner",
        "no provisioners and connections",
        provisioners,
        fires=(
            _tf('resource "terraform_data" "w" {\n  provisioner "local-exec" {\n    command = "env"\n  }\n}\n'),
            _tf('resource "terraform_data" "w" {\n  connection {\n    host = "h"\n  }\n}\n'),
            _tf('resource "terraform_data" "w" {\n  dynamic "provisioner" {\n    content {}\n  }\n}\n'),
        ),
        passes=(_tf('resource "terraform_data" "w" {\n  input = "provisioner"\n}\n'),),
        waivable=False,
    ),
    Rule(
        "terraform/data-source",
        "no data source that runs programs, reaches out or reads secrets",
        data_sources,
        fires=(
            _tf('data "external" "x" {\n  program = ["sh", "-c", "env"]\n}\n'),
            _tf('data "http" "y" {\n  url = "https://attacker.example"\n}\n'),
            _tf('data "\\u0065xternal" "x" {\n}\n'),
            _tf('ephemeral "aws_secretsmanager_secret_version" "x" {\n  secret_id = "x"\n}\n'),
            _tf('data "aws_ssm_parameter" "x" {\n  name = "/prod/db/password"\n}\n'),
        ),
        passes=(
            _tf('data "aws_caller_identity" "current" {}\n'),
            _tf('data "aws_ssm_parameter" "ami" {\n  name = "/aws/service/ami-amazon-linux-latest/al2023"\n}\n'),
        ),
    ),
    Rule(
        "terraform/resource-type",
        "no resource that acts on the runner or leaves a credential behind",
        resource_types,
        fires=(
            _tf('resource "local_file" "x" {\n  filename = "/tmp/x"\n  content  = "y"\n}\n'),
            _tf('resource "aws_iam_access_key" "x" {\n  user = "u"\n}\n'),
        ),
        passes=(_tf('resource "aws_sqs_queue" "x" {\n  name = "q"\n}\n'),),
    ),
    Rule(
        "terraform/provider",
        "only providers that the guardrails name",
        provider_list,
        fires=(
            _tf('resource "evil_thing" "x" {\n}\n'),
            _tf('provider "evil" {\n}\n'),
            _tf('resource "aws_sqs_queue" "x" {\n  provider = evil.here\n}\n'),
            _tf('terraform {\n  required_providers {\n    aws = { source = "a/aws" }\n  }\n}\ndata "aws_vpc" "x" {}\n'),
        ),
        passes=(
            _tf('resource "aws_sqs_queue" "x" {\n  provider = aws.west\n}\n'),
            _tf('resource "terraform_data" "x" {}\n'),
        ),
        waivable=False,
    ),
)
