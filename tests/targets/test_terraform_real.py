"""Real Terraform on a local AWS: findings, plan, apply, second plan; and what must not reach it."""

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from agent.domain import File, Probe, UnitOutcome
from agent.errors import ToolError
from agent.sandbox.cloud import CREDENTIALS
from agent.settings import Settings
from agent.targets import terraform
from agent.targets.probes import run_probe
from agent.targets.terraform_cli import workspace
from agent.tools import Tools, clean_copy

# as the fixture `settings` has them
REGION, STATE_BUCKET = "eu-central-1", "infra-agent-state"

LOCK = Path("policies/terraform.lock.hcl").read_text(encoding="utf-8")
BUCKET = """\
resource "aws_s3_bucket" "this" {
  bucket = "the-whole-way"
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

output "bucket" {
  value = aws_s3_bucket.this.bucket
}

output "hidden" {
  value     = "geheim"
  sensitive = true
}
"""


def state(stack: str) -> str:
    """A backend block of a unit that people wrote: no provider is needed, so these tests take a second."""
    return (
        f'terraform {{\n  backend "s3" {{\n    bucket = "{STATE_BUCKET}"\n    key = "plain/{stack}.tfstate"\n'
        f'    region = "{REGION}"\n    use_lockfile = true\n  }}\n}}\n'
    )


@pytest.fixture
def terraform_here(tools: Tools) -> None:
    if tools.which("terraform") is None:
        pytest.skip("no terraform on PATH")


@pytest.fixture
def s3(moto_url: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=moto_url,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.fixture
def root() -> Iterator[Path]:
    with clean_copy([]) as folder:
        yield folder


def write(root: Path, unit: str, **files: str) -> None:
    (root / unit).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / unit / f"{name}.tf").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_a_bucket_goes_the_whole_way(
    cloud_tools: Tools, settings: Settings, provider_mirror: Path, s3: Any, moto_url: str
) -> None:
    unit = "infra/terraform/dev/whole-way"
    files = [
        *terraform.trusted_files(unit, settings=settings, lock=LOCK, existing=[BUCKET]),
        File(path=f"{unit}/main.tf", content=BUCKET),
    ]
    with clean_copy(files) as root:
        before = {path.name for path in (root / unit).iterdir()}
        assert terraform.fmt_check(cloud_tools, root, unit, settings) == ()
        assert terraform.validate(cloud_tools, root, unit, settings) == ()
        planned, raw = terraform.plan(cloud_tools, root, unit, settings=settings, key=b"k")
        assert planned.status == "planned", planned.reason
        assert [(change.address, change.verbs) for change in planned.changes] == [
            ("aws_s3_bucket.this", ("create",)),
            ("aws_s3_bucket_versioning.this", ("create",)),
        ]
        read = [(one.path, one.before, one.after) for change in planned.changes for one in change.values]
        assert read == [("versioning_configuration.status", (), ("Enabled",))]
        assert planned.tool.startswith("terraform 1.")
        assert raw["resource_changes"]
        assert not s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix="state/dev/whole-way").get("Contents")

        done = terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest, key=b"k")
        assert (done.status, done.digest) == ("applied", planned.digest), done.reason
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix="state/dev/")["Contents"]] == [
            "state/dev/whole-way.tfstate"
        ], "the lock file is gone, the state is there"
        assert s3.get_bucket_versioning(Bucket="the-whole-way")["Status"] == "Enabled"
        tags = {tag["Key"]: tag["Value"] for tag in s3.get_bucket_tagging(Bucket="the-whole-way")["TagSet"]}
        assert tags["ManagedBy"] == "infra-agent"
        assert tags["Unit"] == unit

        second = terraform.second_plan(cloud_tools, root, unit, settings=settings)
        assert (second.empty, second.reason, second.outputs) == (True, "", {"bucket": "the-whole-way"})
        probe = Probe(
            name="keeps versions",
            kind="aws",
            service="s3",
            operation="get_bucket_versioning",
            arguments={"Bucket": "${output.bucket}"},
            expect={"Status": "Enabled"},
        )
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_url, "AWS_REGION": REGION}
        assert run_probe(probe, outputs=second.outputs, environment=environment, timeout=10).passed

        s3.put_bucket_versioning(Bucket="the-whole-way", VersioningConfiguration={"Status": "Suspended"})
        drifted = terraform.second_plan(cloud_tools, root, unit, settings=settings)
        assert not drifted.empty
        assert drifted.reason == "not settled: aws_s3_bucket_versioning.this"
        read = [(one.path, one.before, one.after) for change in drifted.changes for one in change.values]
        assert read == [("versioning_configuration.status", ("Suspended",), ("Enabled",))]
        assert {path.name for path in (root / unit).iterdir()} == before, "T19: no plan, no state, nothing is left"


@pytest.mark.slow
def test_an_unknown_argument_is_found_at_its_line(tools: Tools, settings: Settings, provider_mirror: Path) -> None:
    unit = "infra/terraform/dev/broken"
    code = 'resource "aws_s3_bucket" "this" {\n  bucket = "x"\n  colour = "blue"\n}\n'
    files = terraform.trusted_files(unit, settings=settings, lock=LOCK, existing=[code])
    with clean_copy([*files, File(path=f"{unit}/main.tf", content=code)]) as root:
        (finding,) = terraform.validate(tools, root, unit, settings)
    assert (finding.path, finding.line) == (f"{unit}/main.tf", 3)
    assert (finding.rule, finding.severity) == ("validate/unsupported-argument", "high")
    assert "colour" in finding.message


@pytest.mark.usefixtures("terraform_here")
def test_code_that_cannot_be_read_is_found_at_its_line(tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/unreadable"
    write(root, unit, main='resource "terraform_data" "x" {\n  input = \n}\n')
    (finding,) = terraform.validate(tools, root, unit, settings)
    assert (finding.rule, finding.path, finding.line) == ("init/invalid-expression", f"{unit}/main.tf", 2)
    (layout,) = terraform.fmt_check(tools, root, unit, settings)
    assert layout.rule == "fmt/unreadable"
    planned, raw = terraform.plan(tools, root, unit, settings=settings)
    assert (planned.status, raw) == ("failed", {})
    assert f"{unit}/main.tf:2: Invalid expression" in planned.reason


@pytest.mark.usefixtures("terraform_here")
def test_a_module_s_error_is_found_in_the_module(tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/uses"
    write(root, "infra/terraform/modules/thing", main="locals {\n  a = var.nowhere\n}\n")
    write(root, unit, main='module "thing" {\n  source = "../../modules/thing"\n}\n')
    (finding,) = terraform.validate(tools, root, unit, settings)
    assert (finding.path, finding.line) == ("infra/terraform/modules/thing/main.tf", 2)


@pytest.mark.usefixtures("terraform_here")
def test_layout_is_found_by_file(tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/layout"
    write(root, unit, main="locals {\n  a = 1\n  long = 2\n}\n", other="locals {\n  b = 1\n}\n")
    (finding,) = terraform.fmt_check(tools, root, unit, settings)
    assert (finding.rule, finding.path) == ("fmt/layout", f"{unit}/main.tf")


def test_T08_a_strange_provider_is_refused(tools: Tools, settings: Settings, provider_mirror: Path, root: Path) -> None:
    unit = "infra/terraform/dev/strange"
    write(
        root,
        unit,
        main='terraform {\n  required_providers {\n    evil = {\n      source = "acme/evil"\n    }\n  }\n}\n',
    )
    (finding,) = terraform.validate(tools, root, unit, settings)
    assert finding.rule == "init/failed-to-query-available-provider-packages"
    planned, _ = terraform.plan(tools, root, unit, settings=settings)
    assert planned.status == "failed"
    assert "acme/evil" in planned.reason


def plant(folder: Path, marker: Path) -> None:
    """A provider that is a shell script, where Terraform would look for one."""
    place = folder / "registry.terraform.io/acme/evil/1.0.0/linux_amd64"
    place.mkdir(parents=True)
    binary = place / "terraform-provider-evil_v1.0.0"
    binary.write_text(f"#!/bin/sh\ntouch {marker}\n", encoding="utf-8")
    binary.chmod(0o755)


EVIL = """\
terraform {
  required_providers {
    evil = {
      source  = "acme/evil"
      version = "1.0.0"
    }
  }
}

resource "evil_thing" "x" {}
"""


@pytest.mark.parametrize("place", ["terraform.d/plugins", ".terraform/providers", ".terraform/plugins"])
def test_T10_T11_a_committed_provider_is_never_run(
    tools: Tools, settings: Settings, provider_mirror: Path, root: Path, tmp_path: Path, place: str
) -> None:
    unit = "infra/terraform/dev/planted"
    marker = tmp_path / "ran"
    write(root, unit, main=EVIL)
    plant(root / unit / place, marker)
    # the lock file that matches what was planted, made by Terraform itself
    mirror = tmp_path / "mirror"
    shutil.copytree(root / unit / place, mirror)
    config = tmp_path / "rc"
    config.write_text(f'provider_installation {{\n filesystem_mirror {{\n path = "{mirror}"\n }}\n}}\n')
    made = {"TF_CLI_CONFIG_FILE": str(config), "TF_DATA_DIR": str(tmp_path / "data")}
    tools.run(["terraform", "init", "-no-color"], cwd=root / unit, timeout=60, env=made)
    assert "acme/evil" in (root / unit / ".terraform.lock.hcl").read_text(encoding="utf-8")

    findings = terraform.validate(tools, root, unit, settings)
    planned, _ = terraform.plan(tools, root, unit, settings=settings)
    assert findings
    assert findings[0].rule.startswith("init/")
    assert planned.status == "failed"
    with workspace(tools, root, unit, settings) as ready:
        ready.run("validate", "-json")  # Terraform runs a planted provider even after an init that failed
    assert not marker.exists()


@pytest.mark.usefixtures("terraform_here")
def test_children_see_nothing_of_the_parents_environment(cloud_tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/canary"
    more = {
        "SECRET_CANARY": "canary-4711",
        "AWS_CA_BUNDLE": "/nowhere",
        "SSL_CERT_FILE": "/nowhere",
        "TF_CLI_ARGS": "-destroy",
        "TF_VAR_x": "canary-4711",
        "GITHUB_TOKEN": "canary-4711",
    }
    tools = replace(cloud_tools, environment={**cloud_tools.environment, **more})
    # the gate refuses such code; here it shows what a provider would see
    dump = 'provisioner "local-exec" {\n    command = "env > ${path.module}/seen"\n  }'
    write(root, unit, main=state("canary") + f'resource "terraform_data" "x" {{\n  {dump}\n}}\n')
    planned, _ = terraform.plan(tools, root, unit, settings=settings)
    done = terraform.apply(tools, root, unit, settings=settings, expected_digest=planned.digest)
    assert done.status == "applied", done.reason
    seen = dict(line.split("=", 1) for line in (root / unit / "seen").read_text().splitlines() if "=" in line)
    assert "AWS_SECRET_ACCESS_KEY" in seen
    assert not set(more) & set(seen)
    assert "canary-4711" not in seen.values()


@pytest.mark.usefixtures("terraform_here")
def test_another_plan_than_the_approved_one_is_not_applied(
    cloud_tools: Tools, settings: Settings, root: Path, s3: Any
) -> None:
    unit = "infra/terraform/dev/moved"
    write(root, unit, main=state("moved") + 'resource "terraform_data" "a" {\n  input = "one"\n}\n')
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    write(root, unit, more='resource "terraform_data" "b" {}\n')

    def applied(digest: str, **more: Any) -> UnitOutcome:
        return terraform.apply(
            cloud_tools, root, unit, settings=settings, expected_digest=digest, expected=planned.record,
            lock_seconds=5, **more,
        )  # fmt: skip

    stopped = applied(planned.digest)
    assert stopped.status == "stopped"
    assert stopped.reason == "the plan is not the approved one"
    assert stopped.moved == ("terraform_data.b: now create, approved was nothing",)
    none = applied("")
    assert none.status == "stopped"
    assert none.reason == "no approved plan to compare with"
    assert "Contents" not in s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix="plain/moved")

    write(root, unit, main=state("moved") + 'resource "terraform_data" "a" {\n  input = "two"\n}\n', more="")
    other_value = applied(planned.digest)
    assert other_value.status == "stopped"
    assert other_value.moved == ("terraform_data.a: create with another input",)

    # People approved that plan since, and it alone: `digest` is that of the plan that was shown.
    assert applied(planned.digest, allowed=["0" * 64]).status == "stopped"
    late = applied(planned.digest, allowed=[other_value.digest], hindrance=lambda: "somebody else has the unit")
    assert (late.status, late.reason) == ("stopped", "somebody else has the unit")
    assert "Contents" not in s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix="plain/moved")
    assert applied(planned.digest, allowed=[other_value.digest]).status == "applied"


@pytest.mark.usefixtures("terraform_here")
def test_P03_a_plan_file_that_lies_around_is_not_used(cloud_tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/swapped"
    marker = root / unit / "ran"
    write(root, unit, main=state("swapped") + 'resource "terraform_data" "a" {}\n')
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    evil = 'resource "terraform_data" "a" {\n  provisioner "local-exec" {\n    command = "touch ran"\n  }\n}\n'
    write(root, unit, main=state("swapped") + evil)
    binary = terraform.find_binary(cloud_tools, settings)
    for arguments in (["init", "-no-color"], ["plan", "-out=plan", "-no-color"]):
        cloud_tools.run([str(binary), *arguments], cwd=root / unit, timeout=60)
    shutil.copy(root / unit / "plan", root / unit / "tfplan")
    write(root, unit, main=state("swapped") + 'resource "terraform_data" "a" {}\n')

    done = terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest)
    assert done.status == "applied", done.reason
    assert not marker.exists()


@pytest.mark.usefixtures("terraform_here")
def test_P13_a_failed_apply_says_what_was_made(cloud_tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/half"
    never = 'lifecycle {\n postcondition {\n condition = self.id == ""\n error_message = "never"\n }\n }'
    code = (
        'resource "terraform_data" "first" {}\n'
        f'resource "terraform_data" "second" {{\n  depends_on = [terraform_data.first]\n  {never}\n}}\n'
        'resource "terraform_data" "third" {\n  depends_on = [terraform_data.second]\n}\n'
    )
    write(root, unit, main=state("half") + code)
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    assert planned.status == "planned", planned.reason
    done = terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest)
    assert done.status == "failed"
    assert "of 3 changes were made: terraform_data.first (create)" in done.reason
    assert "Resource postcondition failed: never" in done.reason
    assert "terraform_data.third" not in {change.address for change in done.changes}
    again = terraform.apply(
        cloud_tools, root, unit, settings=settings, expected_digest=planned.digest, expected=planned.record
    )
    assert again.status == "stopped", "no retry of the same plan"
    assert again.reason.startswith("no plan could be made: ")


@pytest.mark.usefixtures("terraform_here")
def test_of_two_applies_at_once_one_runs(cloud_tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/twice"
    ran = 'provisioner "local-exec" {\n    command = "echo ran >> ${path.module}/ran; sleep 1"\n  }'
    write(root, unit, main=state("twice") + f'resource "terraform_data" "x" {{\n  {ran}\n}}\n')
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    outcomes: list[UnitOutcome] = []

    def apply() -> None:
        outcomes.append(
            terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest, lock_seconds=30)
        )

    threads = [threading.Thread(target=apply) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert (root / unit / "ran").read_text() == "ran\n"
    assert sorted(len(outcome.changes) for outcome in outcomes) == [0, 1], outcomes


@pytest.mark.usefixtures("terraform_here")
def test_a_held_state_lock_stops_an_apply_and_not_a_plan(
    cloud_tools: Tools, settings: Settings, root: Path, s3: Any
) -> None:
    unit = "infra/terraform/dev/held"
    write(root, unit, main=state("held") + 'resource "terraform_data" "x" {}\n')
    lock = {"ID": "4711", "Operation": "OperationTypeApply", "Who": "somebody", "Version": "1.11.4", "Path": "x"}
    s3.put_object(Bucket=STATE_BUCKET, Key="plain/held.tfstate.tflock", Body=json.dumps(lock).encode())
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    assert planned.status == "planned"
    done = terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest, lock_seconds=0)
    assert done.status == "stopped"
    assert "Error acquiring the state lock" in done.reason
    assert "4711" in done.reason


@pytest.mark.usefixtures("terraform_here")
def test_a_second_plan_notices_outputs(cloud_tools: Tools, settings: Settings, root: Path) -> None:
    unit = "infra/terraform/dev/outputs"
    write(root, unit, main=state("outputs") + 'output "a" {\n  value = "one"\n}\n')
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    assert (
        terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest).status == "applied"
    )
    second = terraform.second_plan(cloud_tools, root, unit, settings=settings)
    assert (second.empty, second.outputs) == (True, {"a": "one"})
    again = terraform.apply(cloud_tools, root, unit, settings=settings, expected_digest=planned.digest)
    assert (again.status, again.changes) == ("applied", ())
    write(root, unit, main=state("outputs") + 'output "a" {\n  value = "two"\n}\n')
    second = terraform.second_plan(cloud_tools, root, unit, settings=settings)
    assert (second.empty, second.reason) == (False, "not settled: output a")
    assert terraform.outputs(cloud_tools, root, unit, settings=settings) == {"a": "one"}


def test_a_missing_binary_says_how_to_get_one(settings: Settings, root: Path, tmp_path: Path) -> None:
    tools = Tools(environment={"PATH": str(tmp_path)})
    assert terraform.find_binary(tools, settings) is None
    write(root, "infra/terraform/dev/x", main="")
    with pytest.raises(ToolError, match=r"neither terraform nor tofu: not found on PATH; install Terraform .*OpenTofu"):
        terraform.plan(tools, root, "infra/terraform/dev/x", settings=settings)


def test_the_binary_that_the_settings_name_is_taken(settings: Settings, tmp_path: Path) -> None:
    for name in ("tofu", "terraform-1.11"):
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    tools = Tools(environment={"PATH": str(tmp_path)})
    assert terraform.find_binary(tools, settings) == tmp_path / "tofu"
    named = settings.terraform.model_copy(update={"binary": "terraform-1.11"})
    assert terraform.find_binary(tools, settings.model_copy(update={"terraform": named})) == tmp_path / "terraform-1.11"


@pytest.mark.usefixtures("terraform_here")
def test_a_missing_mirror_is_named(tools: Tools, settings: Settings, root: Path) -> None:
    write(root, "infra/terraform/dev/x", main="")
    changed = settings.terraform.model_copy(update={"provider_mirror": "/nowhere/at-all"})
    with pytest.raises(ToolError, match=r"terraform\.provider_mirror: /nowhere/at-all is no folder"):
        terraform.validate(tools, root, "infra/terraform/dev/x", settings.model_copy(update={"terraform": changed}))


@pytest.mark.usefixtures("terraform_here")
def test_an_apply_that_runs_out_of_time_keeps_its_state(
    cloud_tools: Tools, settings: Settings, root: Path, s3: Any
) -> None:
    unit = "infra/terraform/dev/slow"
    slow = 'depends_on = [terraform_data.first]\n  provisioner "local-exec" {\n    command = "sleep 60"\n  }'
    code = f'resource "terraform_data" "first" {{}}\nresource "terraform_data" "slow" {{\n  {slow}\n}}\n'
    write(root, unit, main=state("slow") + code)
    planned, _ = terraform.plan(cloud_tools, root, unit, settings=settings)
    hasty = settings.model_copy(update={"terraform": settings.terraform.model_copy(update={"timeout_seconds": 3})})
    with pytest.raises(ToolError, match="no end after 3 s"):
        terraform.apply(cloud_tools, root, unit, settings=hasty, expected_digest=planned.digest)
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=STATE_BUCKET, Prefix="plain/slow")["Contents"]]
    assert keys == ["plain/slow.tfstate"], "the lock is given back, the state is written"
    written = json.loads(s3.get_object(Bucket=STATE_BUCKET, Key=keys[0])["Body"].read())
    assert "first" in {resource["name"] for resource in written["resources"]}
