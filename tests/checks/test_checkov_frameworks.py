"""checkov on manifests, plays, secrets and plans; what it passes over; and workers that lie about them."""

import json
from collections.abc import Callable

import pytest

from agent.checks import checkov
from agent.checks.check import Context
from agent.checks.checkov_frameworks import PLANTED, scans, unscanned
from agent.checks.worker import Worker
from agent.domain import File
from agent.errors import ToolError
from agent.tools import Tools
from tests.checks.samples import PLAIN, UNIT

Contexts = Callable[..., Context]
APP, PLAY = "infra/kubernetes/dev/shop", "infra/ansible/web"
POD = (
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  namespace: app\n{0}spec:\n  containers:\n"
    "    - {{name: a, image: b, securityContext: {{privileged: true}}}}\n"
)
TASK = "- name: Fetch\n  ansible.builtin.get_url:\n    url: http://x.example/\n    dest: /x\n    validate_certs: no\n"


def found(context: Context, **texts: str) -> set[tuple[str, str]]:
    result = checkov.run([File(path=path, content=text) for path, text in texts.items()], context=context)
    assert result.run.files_given == result.run.files_seen
    return {(finding.rule, finding.path) for finding in result.findings}


def test_no_tool_is_started_for_other_files(context: Contexts) -> None:
    files = [
        File(path=f"{UNIT}/README.md", content="x"),
        File(path=f"{UNIT}/probes.yaml", content="a: 1\n"),
        File(path=f"{PLAY}/group_vars/all.yml", content="a: 1\n"),
        File(path=f"{PLAY}/site.yml", content="- hosts: web\n  roles: [nginx]\n"),
    ]
    assert checkov.run(files, context=context()).run.detail == "no file of its kind"


def test_each_framework_is_asked_about_its_files_only() -> None:
    files = [
        File(path=f"{UNIT}/main.tf", content=PLAIN),
        File(path=f"{APP}/a.yaml", content=POD.format("") + "---\n" + POD.format("")),
        File(path=f"{APP}/patch.yaml", content="spec: {}\n"),
        File(path=f"{APP}/kustomization.yaml", content="resources: [a.yaml]\npatches: [{path: patch.yaml}]\n"),
        File(path=f"{PLAY}/site.yml", content=TASK),
        File(path=f"{PLAY}/hosts.yml", content="all: {}\n"),
        File(path=f"{PLAY}/gone.yml", content=None),
    ]
    asked = {scan.framework: (scan.roots, scan.given) for scan in scans(files, units=[UNIT], made={})}
    assert asked["terraform"] == ((UNIT,), {f"{UNIT}/main.tf": 0})
    assert asked["kubernetes"] == ((APP,), {f"{APP}/a.yaml": 2})
    assert asked["ansible"] == ((PLAY,), {f"{PLAY}/site.yml": 0})
    assert set(asked["secrets"][1]) == {file.path for file in files if file.content is not None}


def test_manifests_plays_and_secrets_are_scanned(context: Contexts, worker: Worker) -> None:
    key = PLANTED["secrets"].text.splitlines()[0]
    listed = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"  {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(POD.format("").splitlines())
    )
    texts = {
        f"{APP}/pod.yaml": POD.format(""),
        f"{APP}/skipped.yaml": POD.format("  annotations: {checkov.io/skip1: CKV_K8S_16=no}\n"),
        f"{APP}/list.yaml": listed,
        f"{PLAY}/site.yml": f"- hosts: web\n  tasks:\n{''.join(f'    {line}{chr(10)}' for line in TASK.splitlines())}",
        f"{PLAY}/tasks/main.yml": f"# checkov:skip=CKV_ANSIBLE_2:no\n{TASK}",
        f"{PLAY}/files/app.conf": f"{key}  # pragma: allowlist secret\n",
        f"{UNIT}/main.tf": PLAIN.replace('"x"', f'"{key[6:]}"'),
    }
    assert found(context(worker=worker), **texts) >= {
        *(("CKV_K8S_16", f"{APP}/{name}.yaml") for name in ("pod", "skipped", "list")),
        *((rule, f"{PLAY}/{name}") for rule in PLANTED["ansible"].rules for name in ("site.yml", "tasks/main.yml")),
        ("CKV_SECRET_2", f"{UNIT}/main.tf"),
    }


@pytest.mark.parametrize("selector", ["{}", "{matchLabels: {app: x}}"])
def test_a_network_policy_of_the_change_is_no_failure_of_the_scanner(
    context: Contexts, worker: Worker, selector: str
) -> None:
    """checkov holds a policy for one of every pod without labels, whatever its namespace: of the planted one too."""
    policy = (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x, namespace: x}\n"
        f"spec: {{podSelector: {selector}, policyTypes: [Ingress]}}\n"
    )
    seen = found(context(worker=worker), **{f"{APP}/pod.yaml": POD.format(""), f"{APP}/policy.yaml": policy})
    assert ("CKV_K8S_16", f"{APP}/pod.yaml") in seen


def test_a_secret_is_not_repeated_nor_its_digest(context: Contexts, worker: Worker) -> None:
    text = PLAIN.replace('"x"', f'"{PLANTED["secrets"].text.split()[2]}"')
    result = checkov.run([File(path=f"{UNIT}/main.tf", content=text)], context=context(worker=worker))
    assert {finding.message for finding in result.findings} == {"AWS Access Key"}


def test_a_file_without_a_named_task_is_said(context: Contexts) -> None:
    """checkov leaves such a file out without a word."""
    files = [File(path=f"{PLAY}/site.yml", content=TASK.replace("- name: Fetch\n ", "-"))]
    assert [(finding.rule, finding.severity) for finding in unscanned(files)] == [("ansible/unnamed-tasks", "high")]
    assert checkov.run(files, context=context()).run.status == "failed"


def test_a_manifest_that_checkov_drops_is_no_pass(context: Contexts, worker: Worker) -> None:
    with pytest.raises(ToolError, match=f"it saw 1 of 2 documents in {APP}/a.yaml"):
        found(
            context(worker=worker),
            **{f"{APP}/a.yaml": POD.format("") + "---\n" + POD.format("").replace("name: x", "name: 'x#'")},
        )


def test_a_plan_says_what_the_code_does_not(context: Contexts, worker: Worker) -> None:
    result = checkov.scan_plan(PLANTED["terraform_plan"].text, unit=UNIT, context=context(worker=worker))
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("failed", 1, 1)
    assert ("CKV_AWS_24", UNIT, "aws_security_group.canary") in {
        (finding.rule, finding.path, finding.address) for finding in result.findings
    }


@pytest.mark.parametrize("text", ["{}", "", "<html>", '{"planned_values": 1}'])
def test_a_plan_that_cannot_be_read(context: Contexts, worker: Worker, text: str) -> None:
    with pytest.raises(ToolError, match=r"could not read plan\.json"):
        checkov.scan_plan(text, unit=UNIT, context=context(worker=worker))


@pytest.mark.parametrize("framework", ["kubernetes", "ansible", "secrets"])
def test_a_framework_that_finds_nothing_has_failed(
    context: Contexts, program: Callable[[str], str], framework: str
) -> None:
    """Told to leave out no folder, checkov's search for secrets once left out every file."""
    rules = {name: sorted(planted.rules) for name, planted in PLANTED.items() if name != framework}
    fake = program(
        "import json, pathlib, sys\nprint(json.dumps({'ready': True, 'policies': []}), flush=True)\n"
        f"rules = json.loads({json.dumps(rules)!r})\n"
        "for line in sys.stdin:\n"
        "    question = json.loads(line)\n"
        "    files = [str(path) for path in pathlib.Path(question['root']).rglob('*') if path.is_file()]\n"
        "    canary = next(path for path in files if '/canary-' in path and question['framework'] in path)\n"
        "    record = {'name': '', 'path': canary, 'line': 1, 'resource': '', 'severity': '', 'help': '',"
        " 'suppressed': False}\n"
        "    answer = {'id': question['id'], 'unread': [], 'crashed': [], 'policies': [], 'passed': 0,\n"
        "        'seen': {path: {'document': 9} for path in files},\n"
        "        'failed': [{**record, 'rule': rule} for rule in rules.get(question['framework'], [])]}\n"
        "    print(json.dumps(answer), flush=True)\n"
    )
    with pytest.raises(ToolError, match=f"did not find the planted known-bad file .{min(PLANTED[framework].rules)}"):
        found(context(checkov=fake), **{f"{APP}/a.yaml": POD.format(""), f"{PLAY}/site.yml": TASK})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit(1)", "ended without"),
        ("print('<html>')", "not JSON"),
        ("", "ended without"),
    ],
)
def test_a_worker_that_fails(context: Contexts, program: Callable[[str], str], text: str, reason: str) -> None:
    with pytest.raises(ToolError, match=reason):
        found(context(checkov=program(text)), **{f"{APP}/a.yaml": POD.format("")})
    with pytest.raises(ToolError, match="cannot be started"):
        found(context(tools=Tools(environment={})), **{f"{PLAY}/site.yml": TASK})
