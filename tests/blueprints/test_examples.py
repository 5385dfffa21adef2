"""Every example of every blueprint: its issue text, the gate, checkov, and the whole way on a local AWS."""

import json
import os
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from agent.author.blueprint import write
from agent.author.catalog import Blueprint, load_blueprints
from agent.checks import checkov
from agent.checks.check import Context
from agent.checks.severity import load_severities
from agent.checks.waivers import apply_waivers, load_waivers
from agent.domain import ChangeSet, File
from agent.gate import examine
from agent.guardrails import load_guardrails
from agent.settings import Settings
from agent.targets import terraform
from agent.targets.probes import load_probes, run_probe
from agent.targets.terraform_validate import validate_all
from agent.tools import Tools, write_files
from tests.author.values import make_request

ROOT = Path(__file__).parents[2]
BLUEPRINTS = load_blueprints()
EXAMPLES = [(name, example) for name, blueprint in BLUEPRINTS.items() for example in blueprint.examples]
GUARDRAILS = load_guardrails(ROOT)
LOCK = (ROOT / "policies/terraform.lock.hcl").read_text(encoding="utf-8")
# Of each blueprint the larger example is applied: it has what the demo has, and more.
PLANNED_ONLY = {(name, "demo") for name in BLUEPRINTS}
# Parameter sets that no example has, for what a template writes on request: they are validated, not applied.
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "s3-lifecycle": (
        "s3-bucket",
        {"name": "kept", "noncurrent_days": "90", "incomplete_upload_days": "7", "archive_days": "30"},
    ),
    "s3-unversioned-kms": ("s3-bucket", {"name": "scratch", "versioning": "no", "encryption": "kms"}),
    "dynamodb-autoscaling": (
        "dynamodb-table",
        {"name": "busy", "hash_key": "id", "billing": "provisioned", "autoscaling": "true", "encryption": "kms"},
    ),
    "web-own-network": (
        "web-service",
        {
            "name": "inside",
            "vpc_id": "vpc-0123456789abcdef0",
            "load_balancer_subnets": "[subnet-0123456789abcdef0, subnet-0fedcba9876543210]",
            "ami_id": "ami-0123456789abcdef0",
            "allowed_cidrs": "10.0.0.0/8",
        },
    ),
}


def written(blueprint: Blueprint, example: str, settings: Settings, **replaced: str) -> ChangeSet:
    """The change of an example, from its issue text alone; `replaced` are answers to give after it."""
    item = blueprint.examples[example]
    answers = [f"{key}: {value}" for key, value in replaced.items()]
    request = make_request(item.issue, title=item.title, answers=answers)
    intent, change = write(request, settings=settings, guardrails=GUARDRAILS, blueprints=BLUEPRINTS, existing={})
    assert intent.questions == ()
    assert (intent.blueprint, intent.environment) == (blueprint.name, item.environment)
    return change


def variant(name: str, settings: Settings) -> ChangeSet:
    blueprint, parameters = VARIANTS[name]
    lines = "\n".join(f"{key}: {value}" for key, value in parameters.items())
    fields = {"what": name, "environment": "dev", "blueprint": blueprint, "parameters": lines}
    intent, change = write(
        make_request("", fields=fields), settings=settings, guardrails=GUARDRAILS, blueprints=BLUEPRINTS, existing={}
    )
    assert intent.questions == ()
    return change


def placed(change: ChangeSet, root: Path, settings: Settings) -> str:
    """Write the change and the trusted files of its unit below `root`; the unit."""
    unit = change.units[0]
    texts = [file.content or "" for file in change.files if file.path.endswith(".tf")]
    trusted = terraform.trusted_files(unit, settings=settings, lock=LOCK, existing=texts)
    write_files(root, (*change.files, *trusted))
    return unit


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_s_issue_gives_its_parameters_and_passes_the_gate(
    name: str, example: str, settings: Settings
) -> None:
    change = written(BLUEPRINTS[name], example, settings)
    given = BLUEPRINTS[name].examples[example].parameters
    assert change.units == (f"infra/terraform/{BLUEPRINTS[name].examples[example].environment}/{given['name']}",)
    assert examine(change.files, guardrails=GUARDRAILS, base={}) == ()
    probes = next(file.content or "" for file in change.files if file.path.endswith("/probes.yaml"))
    assert load_probes(probes)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_passes_the_gate(name: str, settings: Settings) -> None:
    assert examine(variant(name, settings).files, guardrails=GUARDRAILS, base={}) == ()


@pytest.mark.slow
def test_examples_and_variants_are_laid_out_and_valid(
    provider_mirror: Path, tools: Tools, settings: Settings, tmp_path: Path
) -> None:
    changes = [written(BLUEPRINTS[name], example, settings) for name, example in EXAMPLES]
    changes += [variant(name, settings) for name in VARIANTS]
    units = [placed(change, tmp_path, settings) for change in changes]
    assert len(set(units)) == len(EXAMPLES) + len(VARIANTS)
    for unit in units:
        assert terraform.fmt_check(tools, tmp_path, unit, settings) == (), unit
    assert validate_all(tools, tmp_path, units, settings) == ()


@pytest.mark.slow
def test_checkov_finds_only_what_is_waived(tools: Tools, settings: Settings) -> None:
    python = Path(os.environ.get("INFRA_AGENT_CHECKOV_PYTHON", ""))
    if not python.is_file():
        pytest.skip("INFRA_AGENT_CHECKOV_PYTHON names no interpreter: bin/setup-env checkov makes one")
    changes = [written(BLUEPRINTS[name], example, settings) for name, example in EXAMPLES]
    files = [file for change in changes for file in change.files]
    context = Context(
        tools=tools,
        units=tuple(unit for change in changes for unit in change.units),
        settings=settings,
        guardrails=GUARDRAILS,
        trusted=(),
        root=ROOT,
        severities=load_severities(ROOT),
        checkov=str(python),
    )
    result = checkov.run(files, context=context)
    waivers = load_waivers(ROOT)
    today = min(waiver.expires for waiver in waivers.waivers)
    left = [item for item in apply_waivers(result.findings, waivers, today=today) if item.severity != "info"]
    assert left == []
    used = {item.rule for item in result.findings}
    assert {waiver.rule for waiver in waivers.waivers} - used == set(), "waivers that nothing needs"


@pytest.fixture(scope="module")
def world(moto_url: str) -> dict[str, dict[str, str]]:
    """What the examples take for granted in an account: a log bucket and a certificate; answers by blueprint."""
    common: dict[str, Any] = {
        "endpoint_url": moto_url,
        "aws_access_key_id": "sandbox",
        "aws_secret_access_key": "sandbox",
        "config": Config(proxies={}),
    }
    s3 = boto3.client("s3", region_name="eu-west-1", **common)
    s3.create_bucket(Bucket="central-access-logs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    may_log = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": ["s3:PutObject"],
        "Resource": "arn:aws:s3:::central-access-logs/*",
    }
    s3.put_bucket_policy(
        Bucket="central-access-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": [may_log]})
    )
    iam = boto3.client("iam", region_name="eu-west-1", **common)
    made = iam.upload_server_certificate(
        ServerCertificateName="shop", CertificateBody="made for this test", PrivateKey="none"
    )
    return {"certificate": {"arn": made["ServerCertificateMetadata"]["Arn"]}}


def test_every_blueprint_is_applied_once() -> None:
    assert {name for name, _ in set(EXAMPLES) - PLANNED_ONLY} == set(BLUEPRINTS)
    assert set(EXAMPLES) > PLANNED_ONLY


@pytest.mark.slow
@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_goes_the_whole_way(
    name: str,
    example: str,
    provider_mirror: Path,
    cloud_tools: Tools,
    settings: Settings,
    tmp_path: Path,
    world: dict[str, dict[str, str]],
) -> None:
    change = written(BLUEPRINTS[name], example, settings)
    if name == "web-service" and example == "public":
        asked = str(BLUEPRINTS[name].examples[example].parameters["certificate_arn"])
        files = tuple(
            File(path=file.path, content=(file.content or "").replace(asked, world["certificate"]["arn"]))
            for file in change.files
        )
        change = change.model_copy(update={"files": files})
    unit = placed(change, tmp_path, settings)
    planned, _ = terraform.plan(cloud_tools, tmp_path, unit, settings=settings)
    assert planned.status == "planned", planned.reason
    scope = change.scope
    assert scope is not None
    creates = [item for item in planned.changes if item.verbs == ("create",)]
    assert len(creates) == scope.max_creates
    assert {item.type: item.verbs for item in planned.changes} == {
        kind: verbs for kind, verbs in scope.types.items() if kind in {item.type for item in planned.changes}
    }

    if (name, example) in PLANNED_ONLY:
        return
    outcome = terraform.apply(cloud_tools, tmp_path, unit, settings=settings, expected_digest=planned.digest)
    assert outcome.status == "applied", outcome.reason
    after = terraform.second_plan(cloud_tools, tmp_path, unit, settings=settings)
    assert after.empty, after.reason
    probes = load_probes((tmp_path / unit / "probes.yaml").read_text(encoding="utf-8"))
    region = settings.environments[scope.environment].region
    environment = {**cloud_tools.environment, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    results = [run_probe(probe, outputs=after.outputs, environment=environment, timeout=5) for probe in probes]
    assert [item for item in results if not item.passed] == []
    assert len(results) > 0
