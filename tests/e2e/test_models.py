"""The shipped workflows with models: a request that no golden path covers is understood, written, mended and applied.

The models are a provider on the loopback that answers by script over HTTP, in Anthropic's wire format; all else is the
real thing: workflows, jobs, tools, Terraform, a local AWS.
"""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from agent.author import analyst
from agent.sandbox import world
from agent.sandbox.visit import CHOOSE, Visit, form
from tests.author.scripted import TASKS, Script, prompt, script
from tests.e2e.test_world import last, settled
from tests.models.server import KEY, Seen, Server, serving, tool

PROJECT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.slow
UNIT = "infra/terraform/dev/app-events"
UNDERSTOOD = {
    "summary": "Keep the events of the app for 400 days",
    "target": "terraform",
    "environment": "dev",
    "risk": "low",
    "blueprint": "",
    "parameters": [],
    "actions": [
        {
            "verb": "create", "resource": "aws_cloudwatch_log_group app-events", "parameters": [],
            "reason": "a place for the events of the app",
        }
    ],
    "units": [UNIT],
    "types": ["aws_cloudwatch_log_group"],
    "assumptions": ["400 days are enough"],
    "questions": [],
}  # fmt: skip
OUTLINE = {"types": ["aws_cloudwatch_log_group"], "edits": []}
GOOD = 'resource "aws_cloudwatch_log_group" "this" {\nname = "app-events"\n  retention_in_days = 400\n}\n'
BAD = GOOD.replace("retention_in_days", "retention_days")
OUTPUTS = 'output "arn" {\n  description = "ARN of the log group."\n  value = aws_cloudwatch_log_group.this.arn\n}\n'


def draft(code: str) -> dict[str, Any]:
    files = {"main.tf": code, "outputs.tf": OUTPUTS, "README.md": "# app-events\n\nEvents of the app.\n"}
    written = [{"path": f"{UNIT}/{name}", "content": text} for name, text in files.items()]
    return {
        "summary": "Create the log group app-events in dev",
        "files": written,
        "deleted": [],
        "rollback": "Revert the pull request: the log group and its events are destroyed.",
    }


ANSWERS: Script = {
    "understand": [tool("anthropic", "list-blueprints", {}), UNDERSTOOD],
    "outline": [tool("anthropic", "search-resources", {"text": "log group"}), OUTLINE],
    "draft": [draft(BAD), draft(GOOD)],
    "review": [{"points": []}],
}


@pytest.fixture(scope="module")
def guest(provider_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Visit, Server]]:
    TASKS[analyst.TASK] = "review"
    folder = tmp_path_factory.mktemp("world")
    with serving(script("anthropic", ANSWERS)) as server:
        started = world.start(folder, project=PROJECT, environ=os.environ, mirror=str(provider_mirror))
        try:
            started.forge.set_variable(world.REPOSITORY, "ANTHROPIC_BASE_URL", server.url)
            started.runner.set_secret(world.REPOSITORY, "ANTHROPIC_API_KEY", KEY, "models")
            yield Visit(started), server
        finally:
            started.stop()
            del TASKS[analyst.TASK]


def encodings(secret: str) -> list[str]:
    """The six ways in which a key may be looked for: as it is, backwards, base64, hex, without its beginning, split."""
    raw = secret.encode()
    return [secret, secret[::-1], base64.b64encode(raw).decode(), raw.hex(), secret[7:], "-".join(secret)]


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def test_a_request_that_no_golden_path_covers_is_written_mended_and_applied(guest: tuple[Visit, Server]) -> None:
    visit, server = guest
    wish = "Keep the events of our app somewhere, for about a year."
    body = form(what=wish, environment="dev", blueprint=CHOOSE, parameters="")
    issue = visit.file_issue("A place for the events of our app", body).number
    run = settled(visit, workflow="agent", after=0)
    assert visit.labels(issue) == {"agent:ready"}, (
        [(job.key, job.conclusion) for job in run.jobs],
        visit.status_comment(issue),
    )
    pull = visit.pull_request(issue)
    assert pull is not None
    files = {file.filename: file.patch for file in visit.pull(pull.number).get_files()}
    assert f"{UNIT}/main.tf" in files
    # Laid out by `terraform fmt`, and with the files that only the pipeline writes.
    assert '+  name              = "app-events"' in files[f"{UNIT}/main.tf"]
    assert f"{UNIT}/terraform.tf" in files
    assert "model:anthropic:claude-sonnet-5-5" in pull.body
    assert "What language models took" in pull.body

    asked = [prompt(seen) for seen in server.seen]
    repairs = [text for text in asked if "findings on your draft" in text]
    assert len(repairs) == 1
    assert f"- {UNIT}/main.tf:3 validate/unsupported-argument" in repairs[0]
    # The provider's schema is before the author when it writes.
    assert any("retention_in_days" in text and "draft" not in text for text in asked)
    tools = [part for seen in server.seen for part in seen.body["messages"][-1]["content"] if isinstance(part, dict)]
    assert [part["type"] for part in tools].count("tool_result") == 2

    before = last(visit)
    visit.merge(visit.pull(pull.number))
    run = settled(visit, workflow="apply", after=before)
    assert run.conclusion == "success", [(job.key, job.conclusion) for job in run.jobs]
    cloud = visit.world.cloud
    logs = boto3.client(
        "logs", endpoint_url=cloud.url, region_name=cloud.region, aws_access_key_id="x", aws_secret_access_key="x"
    )
    groups = {group["logGroupName"]: group["retentionInDays"] for group in logs.describe_log_groups()["logGroups"]}
    assert groups == {"app-events": 400}


def test_R01_R03_the_key_went_nowhere_but_to_its_provider(guest: tuple[Visit, Server]) -> None:
    visit, server = guest
    assert server.seen
    assert all(any(KEY in value for value in seen.headers.values()) for seen in server.seen)
    assert not any(one in _text(seen) for seen in server.seen for one in encodings(KEY))
    said = [comment.body for comment in visit.maintainer.get_issues_comments()]
    found = {
        str(path.relative_to(visit.world.folder))
        for path, data in everything(visit.world.folder)
        for one in encodings(KEY)
        if one.encode() in data
    }
    # The forge keeps the secret, as GitHub does; logs, artifacts, documents and checkouts hold nothing of it.
    assert {path.partition("-")[0] for path in found} == {"forge.db"}
    assert not any(one in body for body in said for one in encodings(KEY))


def _text(seen: Seen) -> str:
    return json.dumps(seen.body, ensure_ascii=False)
