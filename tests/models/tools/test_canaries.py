"""R01, R03: a secret in the environment, in files, in state or in memory comes out of no tool, in no encoding."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from agent import scope
from agent.domain import Change, Outcome, Plan, Scope, UnitOutcome, UnitPlan
from agent.errors import UserError
from agent.models.data import Block, prepare
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import answer
from agent.tools import Tools
from tests.models.tools.conftest import FILES, QUEUE, build

# No pattern knows this one: only that it is a secret by value.
CANARY = "correct horse battery staple"
# A pattern knows these, wherever they come from.
KEY = "AKIA" + "QWERTYUIOPASDFGH"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def encoded(secret: str) -> tuple[str, ...]:
    """Plain, backwards, base64, hex, percent-encoded, as JSON."""
    data = secret.encode()
    return (
        secret,
        secret[::-1],
        base64.b64encode(data).decode().rstrip("="),
        data.hex(),
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    )


def planted() -> dict[str, str]:
    every = [form for secret in (CANARY, KEY, TOKEN) for form in encoded(secret)]
    lines = [f"# {form}" for form in every]
    block = "\n".join(lines)
    return {
        f"{QUEUE}/main.tf": f"{block}\n" + FILES[f"{QUEUE}/main.tf"],
        f"{QUEUE}/outputs.tf": f'output "url" {{\n  value = "x"\n  description = "{CANARY}"\n}}\n',
        f"{QUEUE}/README.md": f"{block}\n",
        "infra/ansible/web/playbook.yml": f"- name: {CANARY}\n  hosts: {KEY}\n  tasks: []\n",
        "infra/terraform/modules/bucket/main.tf": f'variable "x" {{\n  default = "{CANARY}"\n}}\n',
        "infra/terraform/dev/queue/terraform.tfstate": "\n".join(every),
        "infra/terraform/dev/queue/x.auto.tfvars": f'secret = "{CANARY}"\n',
        "knowledge/canary.md": f"# {CANARY}\n\n{block}\n",
        # Two units that name a secret to each other: no file is shown, only what stands between them.
        "infra/terraform/dev/gives/main.tf": f'resource "aws_sqs_queue" "x" {{\n  name = "{CANARY}"\n}}\n',
        "infra/terraform/dev/takes/main.tf": f'data "aws_sqs_queue" "x" {{\n  name = "{CANARY}"\n}}\n',
        "infra/.env": f"TOKEN={CANARY}\n",
        ".env": f"TOKEN={CANARY}\n",
    }


def asked() -> Iterator[tuple[str, dict[str, object]]]:
    for path in planted():
        yield "read-file", {"path": path}
        yield "notes", {"path": path}
    for secret in (CANARY, KEY, TOKEN):
        for form in (*encoded(secret), secret[:8], secret[4:16]):
            for folder in ("infra", "knowledge"):
                yield "search-files", {"text": form, "folder": folder}
            yield "notes", {"text": form}
            yield "list-units", {"text": form}
            yield "similar-requests", {"text": form}
    for unit in (QUEUE, "infra/ansible/web", "infra/terraform/dev/reader"):
        yield "show-unit", {"unit": unit}
    yield "topology", {"unit": QUEUE}
    yield "topology", {"unit": "infra/terraform/dev/gives"}
    yield "module-interface", {"module": "bucket"}
    yield "list-files", {"folder": "infra", "pattern": "*"}
    for name in ("guardrails", "waivers", "list-blueprints", "gate-rules", "facts", "list-units"):
        yield name, {}
    for name in ("similar-requests", "recent-failures", "open-changes", "show-plan", "drift"):
        yield name, {}


def test_no_canary_comes_out_of_any_tool(
    tmp_path: Path, make_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN", "ACTIONS_RUNTIME_TOKEN"):
        monkeypatch.setenv(name, CANARY)
    every = " ".join(form for secret in (CANARY, KEY, TOKEN) for form in encoded(secret))
    asked_for = scope.trailer(Scope(environment="dev", units=(QUEUE,)))
    message = f"Make {every}\n\nRequest 1 by x, written by y.\n\n{asked_for}"
    repo = build(tmp_path / "checkout", [(message, {**FILES, **planted()})])
    change = Change(address=f'aws_x.y["{every}"]', type="aws_x", verbs=("create",))
    plan = Plan(units=(UnitPlan(unit=QUEUE, target="terraform", status="failed", reason=every, changes=(change,)),))
    failed = Outcome(commit="a" * 40, units=(UnitOutcome(unit=QUEUE, status="failed", reason=every),))
    place = make_place(
        repo, secrets=(CANARY,), plan=plan, drift=plan, outcomes=(failed,), open_changes=(), locks={QUEUE: every}
    )
    forms = [form.casefold() for secret in (CANARY, KEY, TOKEN) for form in encoded(secret)]
    said, shown = 0, dict[str, str]()
    for name, arguments in asked():
        try:
            text = answer(TOOLS[name], place, arguments)
        except UserError as error:
            text = str(error).replace(repr(arguments.get("path")), "")
        # What was asked for may be named again in the answer: it was the asker's own.
        own = str(arguments.get("text", "")).casefold()
        marked = prepare([Block(label=name, text=text)], secrets=place.secrets).text.casefold()
        for form in forms:
            assert form not in text.casefold() or form in own, (name, arguments)
            assert form not in marked or form in own, (name, arguments)
        said += bool(text)
        shown[name] = shown.get(name, "") + text
    assert said > 100
    for name in ("topology", "similar-requests", "recent-failures", "open-changes", "show-plan", "drift", "show-unit"):
        assert "(redacted)" in shown[name], f"{name} was not asked for anything that it could have told"
    assert answer(TOOLS["read-file"], place, {"path": f"{QUEUE}/main.tf"}).count("(redacted)") >= 12
    repo.close()


def test_a_search_does_not_tell_how_a_secret_begins(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    repo = build(tmp_path / "checkout", [("x", {**FILES, **planted()})])
    place = make_place(repo, secrets=(CANARY,))
    for start in (KEY[:6], TOKEN[:9], CANARY[:9]):
        assert answer(TOOLS["search-files"], place, {"text": start}) == "not found in infra/"
    repo.close()


def test_children_of_a_tool_see_nothing_of_the_environment(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_place: Callable[..., Place]
) -> None:
    """The programs that are asked write down what they see: neither the key nor who may ask for one is in it."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", CANARY)
    seen = tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    for name in ("python", "ansible-doc"):
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\n/usr/bin/env > "{seen}"\necho "{{}}"\n', encoding="utf-8")
        program.chmod(0o755)
    tools = Tools(environment={"PATH": "/usr/bin:/bin"})
    broken = make_place(
        place.repo, tools=tools, cache=tmp_path / "cache", pythons={"ansible": str(tmp_path / "bin" / "python")}
    )
    with pytest.raises(UserError, match=r"says nothing of ansible\.builtin\.copy"):
        answer(TOOLS["ansible-module"], broken, {"module": "ansible.builtin.copy"})
    text = seen.read_text(encoding="utf-8")
    assert "ANSIBLE_HOME=" in text
    assert CANARY not in text
    assert not list((tmp_path / "cache").glob("*")), "an answer that was not believed was kept"
