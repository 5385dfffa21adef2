"""checkov, the real one, through its worker; and workers that lie."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.checks import checkov, checkov_start
from agent.checks.check import Context
from agent.checks.worker import Worker
from agent.domain import File
from agent.errors import ToolError, UserError
from agent.tools import Tools
from tests.checks.samples import BARE_BUCKET, UNIT

Contexts = Callable[..., Context]


def rules(files: list[File], context: Context) -> set[tuple[str, str]]:
    return {(finding.rule, finding.path) for finding in checkov.run(files, context=context).findings}


def test_a_bare_bucket_is_found(context: Contexts, worker: Worker) -> None:
    result = checkov.run([File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], context=context(worker=worker))
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("failed", 1, 1)
    found = {finding.rule: finding for finding in result.findings}
    assert {"CKV2_AWS_6", "CKV_AWS_21"} <= found.keys()
    assert (found["CKV2_AWS_6"].path, found["CKV2_AWS_6"].line) == (f"{UNIT}/main.tf", 1)
    assert "aws_s3_bucket.this" in found["CKV2_AWS_6"].message
    assert not any("canary" in finding.path for finding in result.findings)


def test_code_without_resources_passes(context: Contexts, worker: Worker) -> None:
    files = [
        File(path=f"{UNIT}/empty.tf", content=""),
        File(path=f"{UNIT}/comment.tf", content="# nothing\n"),
        File(path=f"{UNIT}/outputs.tf", content='output "x" {\n  value = 1\n}\n'),
        File(path=f"{UNIT}/gone.tf", content=None),
    ]
    result = checkov.run(files, context=context(worker=worker))
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("passed", 3, 3)


def test_no_terraform_is_nothing_to_check(context: Contexts) -> None:
    result = checkov.run([File(path=f"{UNIT}/README.md", content="x")], context=context())
    assert (result.run.status, result.run.files_given) == ("passed", 0)


@pytest.mark.parametrize("folder", [".terraform", ".hidden", "node_modules", ".serverless"])
def test_folders_that_checkov_passes_over_by_itself(context: Contexts, worker: Worker, folder: str) -> None:
    files = [File(path=f"{UNIT}/{folder}/main.tf", content=BARE_BUCKET)]
    assert ("CKV2_AWS_6", f"{UNIT}/{folder}/main.tf") in rules(files, context(worker=worker))


def test_one_units_resource_does_not_answer_for_another_unit(context: Contexts, worker: Worker) -> None:
    other = "infra/terraform/prod/logs"
    block = 'resource "aws_s3_bucket_public_access_block" "this" {\n  bucket = aws_s3_bucket.this.id\n'
    block += "".join(
        f"  {name} = true\n"
        for name in ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    )
    files = [
        File(path=f"{UNIT}/main.tf", content=BARE_BUCKET),
        File(path=f"{other}/main.tf", content=f"{BARE_BUCKET}{block}}}\n"),
    ]
    found = rules(files, context(worker=worker, units=(UNIT, other)))
    assert ("CKV2_AWS_6", f"{UNIT}/main.tf") in found
    assert ("CKV2_AWS_6", f"{other}/main.tf") not in found


def test_a_module_is_scanned_with_the_unit_that_uses_it(context: Contexts, worker: Worker) -> None:
    module = "infra/terraform/modules/bucket"
    files = [
        File(
            path=f"{UNIT}/main.tf",
            content='module "b" {\n  source = "../../modules/bucket"\n  open   = "0.0.0.0/0"\n}\n',
        ),
        File(
            path=f"{module}/main.tf",
            content='variable "open" {\n  default = "10.0.0.0/8"\n}\n'
            'resource "aws_security_group" "this" {\n  description = "x"\n  ingress {\n    description = "x"\n'
            '    from_port = 22\n    to_port = 22\n    protocol = "tcp"\n    cidr_blocks = [var.open]\n  }\n}\n',
        ),
    ]
    assert ("CKV_AWS_24", f"{module}/main.tf") in rules(files, context(worker=worker))


def test_a_rule_that_crashes_counts_as_failed(context: Contexts, worker: Worker) -> None:
    """checkov logs the exception of a check and goes on as if the check did not apply."""
    content = 'resource "aws_s3_bucket" "this" {\n  policy = jsonencode({ Statement = 5 })\n}\n'
    result = checkov.run([File(path=f"{UNIT}/main.tf", content=content)], context=context(worker=worker))
    crashed = [(finding.rule, finding.path) for finding in result.findings if "crashed" in finding.message]
    assert crashed == [("CKV_AWS_70", f"{UNIT}/main.tf")]


def test_a_policy_that_crashes_counts_as_failed(context: Contexts, checkov_python: str, tmp_path: Path) -> None:
    """checkov drops the exceptions of policies in YAML without a word."""
    policies = tmp_path / "policies" / "checkov"
    policies.mkdir(parents=True)
    (policies / "names.yaml").write_text(
        "metadata: {id: CKV2_ORG_1, name: The value is no list, category: CONVENTION}\n"
        "definition: {cond_type: attribute, resource_types: [aws_s3_bucket], attribute: bucket, operator: subset,"
        " value: 5}\n"
    )
    result = checkov.run(
        [File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], context=context(checkov=checkov_python, root=tmp_path)
    )
    crashed = [finding.rule for finding in result.findings if "crashed" in finding.message]
    assert crashed == ["CKV2_ORG_1"]


def test_custom_policies_come_from_the_checkout_and_stay_there(
    tools: Tools, context: Contexts, checkov_python: str, worker: Worker, tmp_path: Path
) -> None:
    policies = tmp_path / "policies" / "checkov"
    policies.mkdir(parents=True)
    (policies / "names.yaml").write_text(
        "metadata: {id: CKV2_ORG_1, name: Buckets are called something else, category: CONVENTION}\n"
        "definition: {cond_type: attribute, resource_types: [aws_s3_bucket], attribute: bucket, operator: not_equals,"
        " value: logs}\n"
    )
    (policies / "evil.py").write_text(f"open({str(tmp_path / 'sentinel')!r}, 'w')\n")
    (policies / "__init__.py").write_text(f"open({str(tmp_path / 'sentinel')!r}, 'w')\n")
    files = [File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)]
    own = context(checkov=checkov_python, root=tmp_path)
    assert ("CKV2_ORG_1", f"{UNIT}/main.tf") in rules(files, own)
    assert not (tmp_path / "sentinel").exists()
    without = context(worker=worker, root=tmp_path / "nothing")
    assert ("CKV2_ORG_1", f"{UNIT}/main.tf") not in rules(files, without)
    with pytest.raises(ToolError, match=r"did not accept policies/checkov/names\.yaml"):
        rules(files, context(worker=worker, root=tmp_path))


def test_a_policy_that_checkov_passes_over_is_an_error(context: Contexts, checkov_python: str, tmp_path: Path) -> None:
    policies = tmp_path / "policies" / "checkov"
    policies.mkdir(parents=True)
    (policies / "broken.yaml").write_text(
        "metadata: {id: CKV2_ORG_1, name: x, category: CONVENTION}\ndefinition: {cond_type: no-such-thing}\n"
    )
    with pytest.raises(ToolError, match=r"did not accept policies/checkov/broken\.yaml"):
        checkov.run(
            [File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], context=context(checkov=checkov_python, root=tmp_path)
        )


def test_a_policy_for_manifests_that_checkov_passes_over_is_an_error(
    context: Contexts, checkov_python: str, tmp_path: Path
) -> None:
    """It is loaded when checkov is first asked about manifests, and counts for nothing else."""
    policies = tmp_path / "policies" / "checkov"
    policies.mkdir(parents=True)
    (policies / "broken.yaml").write_text(
        "metadata: {id: CKV2_ORG_1, name: x, category: CONVENTION, frameworks: [kubernetes]}\n"
        "definition: {cond_type: no-such-thing, resource_types: [Pod]}\n"
    )
    ours = context(checkov=checkov_python, root=tmp_path)
    assert rules([File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], ours)
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: shop}\nspec: {containers: []}\n"
    with pytest.raises(ToolError, match=r"did not accept policies/checkov/broken\.yaml"):
        rules([File(path="infra/kubernetes/dev/shop/pod.yaml", content=pod)], ours)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "not YAML"),
        ("- 1\n", "must be a mapping"),
        ("metadata: {id: mine}\n", "metadata.id: must be an id such as CKV2_ORG_1, got 'mine'"),
        ("metadata: 7\n", "metadata: "),
        ("definition: 7\n", "metadata: has to be given"),
        (
            "metadata:\n  id: CKV2_ORG_1\n  frameworks: [cloudformation]\n",
            r"3: metadata\.frameworks\.0: must be one of ansible, kubernetes, terraform, got 'cloudformation'",
        ),
        (
            "metadata: {id: CKV2_ORG_1}\ndefinition:\n  and:\n    - resource_types: [aws_s3_bucket]\n"
            "    - not:\n        resource_types:\n          - aws_s3_bucket\n          - Pod\n",
            r"8: resource_types: must be a resource type, such as aws_s3_bucket, got 'Pod'; .* is for terraform",
        ),
        (
            "metadata: {id: CKV2_ORG_1, frameworks: [ansible]}\ndefinition: {resource_types: [get_url]}\n",
            "2: resource_types: must be a task's module",
        ),
        ("metadata: {id: CKV2_ORG_1, frameworks: []}\n", "1: metadata.frameworks"),
    ],
)
def test_a_policy_that_cannot_be_read(context: Contexts, tmp_path: Path, text: str, reason: str) -> None:
    policies = tmp_path / "policies" / "checkov"
    policies.mkdir(parents=True)
    (policies / "bad.yaml").write_text(text)
    with pytest.raises(UserError, match=f"policies/checkov/bad.yaml:.*{reason}"):
        checkov.run([File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], context=context(root=tmp_path))


EMPTY = {"seen": {}, "unread": [], "crashed": [], "policies": [], "passed": 0, "failed": []}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (EMPTY, "did not find the planted known-bad file"),
        ({"resource_count": 0}, "unknown shape"),
        ({**EMPTY, "failed": [{"rule": "CKV2_AWS_6"}]}, "unknown shape"),
    ],
)
def test_a_worker_that_finds_nothing_has_failed(
    context: Contexts, program: Callable[[str], str], answer: dict[str, object], reason: str
) -> None:
    fake = program(
        "import json, sys\nprint(json.dumps({'ready': True, 'policies': []}), flush=True)\n"
        f"for line in sys.stdin:\n    print(json.dumps({{'id': json.loads(line)['id'], **{answer!r}}}), flush=True)\n"
    )
    with pytest.raises(ToolError, match=reason):
        checkov.run([File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)], context=context(checkov=fake))


def test_a_block_that_the_worker_did_not_see(context: Contexts, program: Callable[[str], str]) -> None:
    """A scanner whose parser drops a block finds the canary and nothing else."""
    fake = program(
        "import json, pathlib, sys\nprint(json.dumps({'ready': True, 'policies': []}), flush=True)\n"
        "for line in sys.stdin:\n"
        "    question = json.loads(line)\n"
        "    files = [str(path) for path in pathlib.Path(question['root']).rglob('*.*') if path.is_file()]\n"
        "    canary = next(path for path in files if '/canary-' in path and question['framework'] in path)\n"
        "    record = {'name': '', 'path': canary, 'line': 1, 'resource': '', 'severity': '', 'help': '',"
        " 'suppressed': False}\n"
        "    rules = ['CKV_AWS_24', 'CKV2_AWS_6', 'CKV_SECRET_2', 'CKV_SECRET_6']\n"
        "    answer = {'id': question['id'], 'unread': [], 'crashed': [], 'policies': [], 'passed': 0,\n"
        "        'seen': {path: {'resource': 1} for path in files},\n"
        "        'failed': [{**record, 'rule': rule} for rule in rules]}\n"
        "    print(json.dumps(answer), flush=True)\n"
    )
    one = File(path=f"{UNIT}/main.tf", content=BARE_BUCKET)
    assert checkov.run([one], context=context(checkov=fake)).run.status == "passed"
    two = File(path=f"{UNIT}/main.tf", content=BARE_BUCKET + BARE_BUCKET.replace("this", "that"))
    with pytest.raises(ToolError, match="it saw 1 of 2 `resource` blocks in"):
        checkov.run([two], context=context(checkov=fake))


def test_the_worker_reaches_no_network_and_starts_no_program(checkov_python: str) -> None:
    tried = (
        "import runpy, sys, socket, subprocess\n"
        f"refuse = runpy.run_path({str(checkov_start.WORKER)!r})['refuse']\nsys.addaudithook(refuse)\n"
        "for attempt in (lambda: socket.create_connection(('127.0.0.1', 9)), lambda: subprocess.run(['true'])):\n"
        "    try:\n        attempt()\n    except PermissionError as error:\n        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", tried], capture_output=True, text=True, timeout=30, check=True)
    assert "socket" in done.stdout
    assert "subprocess.Popen is not allowed here" in done.stdout


def test_it_parses_and_counts_blocks(tools: Tools, checkov_python: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(BARE_BUCKET)
    (tmp_path / "broken.tf").write_text("resource {{{")
    greeting, answer = converse([checkov_python, "-I", str(checkov_start.WORKER)], tmp_path, tools)
    assert greeting["ready"]
    assert answer["seen"] == {str(tmp_path / "main.tf"): {"resource": 1}}
    assert answer["unread"] == [str(tmp_path / "broken.tf")]


NOISY = """\
print("noise", flush=True)
import sys
from types import SimpleNamespace as Space

def stub(name, **values):
    sys.modules[name] = Space(**values)

class Runner:
    graph_registry = None
    graph_manager = Space(parser=Space(loaded_files_map={}))
    def run(self, root, **named):
        print("more noise", flush=True)
        return Space(parsing_errors=[], passed_checks=[], failed_checks=[], skipped_checks=[])

Runner.graph_registry = Space(load_checks=lambda: None, checks=[], run_checks=None)
stub("checkov.version", version="0")
stub("checkov.runner_filter", RunnerFilter=Space)
stub("checkov.terraform.runner", Runner=Runner)
worker = sys.argv.pop(1)
exec(compile(open(worker).read(), worker, "exec"), {"__name__": "__main__"})
"""


def test_what_checkov_prints_does_not_stand_between_its_answers(tools: Tools, tmp_path: Path) -> None:
    greeting, answer = converse(
        [sys.executable, "-c", NOISY, str(checkov_start.WORKER)], tmp_path, tools, before="noise\n"
    )
    assert (greeting["version"], answer["failed"]) == ("0", [])


def converse(argv: list[str], root: Path, tools: Tools, *, before: str = "") -> list[dict[str, Any]]:
    question = json.dumps({"id": 1, "framework": "terraform", "root": str(root)})
    done = subprocess.run(
        [*argv, "--framework", "terraform", "--policies", str(root / "none")],
        input=f"{question}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**tools.environment, **checkov_start.ENVIRONMENT},
    )
    return [json.loads(line) for line in done.stdout.removeprefix(before).splitlines()]
