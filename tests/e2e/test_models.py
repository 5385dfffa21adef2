"""The shipped workflows with models: requests that no golden path covers are understood, written, mended, reviewed.

The models are `@copilotkit/aimock`, over HTTP: strategist and authors by Anthropic's protocol, the analyst by OpenAI's.
All else is the real thing: workflows, jobs, tools, Terraform, a local AWS.
"""

import base64
import json
import os
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from github.PullRequest import PullRequest

from agent.author import analyst, model
from agent.domain import Target
from agent.sandbox import world
from agent.sandbox.visit import CHOOSE, Visit, form
from tests.e2e.test_world import last, settled
from tests.e2e.wishes import LOGS, NOTICE, REPORTS, WISHES, Wish
from tests.models.aimock import Aimock, running
from tests.models.server import KEY

PROJECT = Path(__file__).parent.parent.parent
# The first test waits for the runs of three requests, on whatever machine this is.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# One a provider: in no prompt, document, artifact, log, comment, branch or tag.
KEYS = {"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": "c4n4ry-W2s8Hn4Rq6Yd0Tj3Pz7"}
STEPS = {model.OUTLINE: "outline", model.DRAFT: "draft", model.REPAIR: "repair", analyst.TASK: "review"}
CHECKS = ("agent/gate", "agent/checks", "agent/plan", "agent/review")


@dataclass(frozen=True)
class Guest:
    """People in a world whose models are `aimock`; `asked` maps a target to its issue and the last run before it."""

    visit: Visit
    aimock: Aimock
    asked: Mapping[Target, tuple[int, int]]

    def done(self, target: Target) -> tuple[int, PullRequest]:
        """The issue and the pull request of a wish, once its run has ended."""
        issue, before = self.asked[target]
        run = settled(self.visit, workflow="agent", after=before)
        pull = self.visit.pull_request(issue)
        said = ([(job.key, job.conclusion) for job in run.jobs], self.visit.status_comment(issue))
        assert run.conclusion == "success", said
        assert pull is not None, said
        return issue, pull

    def questions(self, target: Target) -> list[tuple[str, str, str]]:
        """What was asked about a wish, in its order: the protocol, the step, all that was put before the model."""
        wish = next(one for one in WISHES if one.target == target)
        found = []
        for entry in self.aimock.journal():
            told = "\n".join(str(part) for part in entry["body"]["messages"])
            if wish.text in told or wish.unit in told:
                found.append((entry["path"], step(entry["body"]["messages"]), told))
        return found


def step(messages: Sequence[Mapping[str, Any]]) -> str:
    """Which of our questions a request asks; with `+` when a tool has answered in it."""
    (told,) = [str(one["content"]) for one in messages if one["role"] == "user"]
    name = next((name for task, name in STEPS.items() if task in told), "understand")
    return name + "+" * len([one for one in messages if one["role"] == "tool"])


@pytest.fixture(scope="module")
def guest(provider_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """All wishes are filed at once: the runner works on two jobs at a time."""
    fixtures = [one for wish in WISHES for one in wish.fixtures()]
    with running(fixtures, tmp_path_factory.mktemp("aimock"), keys=tuple(KEYS.values())) as aimock:
        started = world.start(
            tmp_path_factory.mktemp("world"), project=PROJECT, environ=os.environ, mirror=str(provider_mirror)
        )
        try:
            started.forge.set_variable(world.REPOSITORY, "ANTHROPIC_BASE_URL", aimock.url)
            started.forge.set_variable(world.REPOSITORY, "OPENAI_BASE_URL", f"{aimock.url}/v1")
            for name, key in KEYS.items():
                started.runner.set_secret(world.REPOSITORY, name, key, "models")
            visit = Visit(started)
            yield Guest(visit, aimock, {wish.target: filed(visit, wish) for wish in WISHES})
        finally:
            started.stop()


def filed(visit: Visit, wish: Wish) -> tuple[int, int]:
    before = last(visit)
    body = form(what=wish.text, environment="dev", blueprint=CHOOSE, parameters="")
    issue = visit.file_issue(wish.title, body).number
    deadline = time.monotonic() + 20
    while last(visit) == before:
        assert time.monotonic() < deadline, "the label started no run"
        time.sleep(0.05)
    return issue, before


def checks_of(visit: Visit, commit: str) -> dict[str, str]:
    return {one.name: one.conclusion for one in visit.maintainer.get_commit(commit).get_check_runs()}


def test_a_request_that_no_golden_path_covers_is_written_mended_reviewed_and_applied(guest: Guest) -> None:
    visit = guest.visit
    issue, pull = guest.done("terraform")
    assert visit.labels(issue) == {"agent:ready"}, visit.status_comment(issue)
    files = {file.filename: file.patch for file in pull.get_files()}
    # Laid out by `terraform fmt`, and with the files that only the pipeline writes.
    assert '+  name              = "app-events"' in files[f"{LOGS}/main.tf"]
    assert f"{LOGS}/terraform.tf" in files
    assert "model:anthropic:claude-sonnet-5-5" in pull.body
    assert "What language models took" in pull.body

    asked = guest.questions("terraform")
    told = {name: text for _, name, text in asked}
    assert [(path, name) for path, name, _ in asked] == [
        *(("/v1/messages", name) for name in ("understand", "understand+", "outline", "outline+", "draft", "repair")),
        ("/v1/responses", "review"),
    ]
    assert "s3-bucket" in told["understand+"], "what list-blueprints answered"
    # The provider's schema is before the author when it writes, and only findings in our own words when it mends.
    assert "retention_in_days" in told["draft"]
    assert f"- {LOGS}/main.tf:3 validate/unsupported-argument" in told["repair"]
    assert "aws_cloudwatch_log_group.this" in told["review"], "the analyst reads the plan"

    assert checks_of(visit, pull.head.sha) == dict.fromkeys(CHECKS, "success")
    (review,) = pull.get_reviews()
    assert (review.state, review.user.login) == ("COMMENTED", "github-actions[bot]")
    (beside,) = pull.get_review_comments()
    lines = files[f"{LOGS}/main.tf"].splitlines()
    assert (beside.path, "retention_in_days = 400" in lines[beside.line]) == (f"{LOGS}/main.tf", True)
    assert "400 days of logs cost more" in beside.body
    sections = [one.body for one in visit.maintainer.get_issue(pull.number).get_comments()]
    assert any("1 finding" in body and "review/cost" in body for body in sections)
    assert not any("open to the world" in body for body in sections), "what is not in the change is no evidence"

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


@pytest.mark.parametrize("wish", [REPORTS, NOTICE], ids=lambda wish: wish.target)
def test_manifests_and_playbooks_come_as_far_as_a_pull_request(guest: Guest, wish: Wish) -> None:
    """They are written, gated and checked. Nothing plans or applies them yet, and the pull request says just that."""
    visit = guest.visit
    issue, pull = guest.done(wish.target)
    assert {file.filename for file in pull.get_files()} == {f"{wish.unit}/{name}" for name in wish.drafts[0]}
    assert [(path, name) for path, name, _ in guest.questions(wish.target)] == [
        ("/v1/messages", name) for name in ("understand", "understand+", "outline", "outline+", "draft")
    ]
    # Nobody is asked for an opinion on what has no plan, and without one the change is not ready.
    bad = {"agent/plan": "failure", "agent/review": "failure"}
    assert checks_of(visit, pull.head.sha) == dict.fromkeys(CHECKS, "success") | bad
    sections = [one.body for one in visit.maintainer.get_issue(pull.number).get_comments()]
    for said in (next(body for body in sections if "Needs work" in body), visit.status_comment(issue)):
        assert f"no plan could be made for {wish.unit}: nothing plans or applies {wish.target} units yet" in said
        assert "merge it and roll it out by hand" in said
    checks = next(body for body in sections if body.startswith("<!-- infra-agent:checks -->"))
    judged = {"kubernetes": "| kubernetes | 3 of 3 |", "ansible": "| ansible-lint | 3 of 3 |"}
    assert judged[wish.target] in checks
    assert "Checks: no findings" in checks
    assert visit.labels(issue) == {"agent:failed"}


def encodings(secret: str) -> list[str]:
    """The six ways in which a key may be looked for: as it is, backwards, base64, hex, without its beginning, split."""
    raw = secret.encode()
    return [secret, secret[::-1], base64.b64encode(raw).decode(), raw.hex(), secret[7:], "-".join(secret)]


def everything(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that a world holds, unpacked: files, what is in artifacts, every object and ref of its git, every row of the
    forge (comments, reviews, check runs, runs) but the secrets that it keeps, as GitHub does.
    """
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink() or not path.is_file() or name.startswith("forge.db") or "/objects/" in name:
            continue
        yield name, path.read_bytes()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{name}!{member}", archive.read(member)) for member in archive.namelist())
        if path.name == "HEAD" and path.parent.suffix == ".git" and (path.parent / "objects").is_dir():
            for said in (["cat-file", "--batch-all-objects", "--batch"], ["for-each-ref"]):
                done = subprocess.run(["git", *said], cwd=path.parent, capture_output=True, check=True, timeout=60)
                yield f"{name}!{said[0]}", done.stdout
    with sqlite3.connect(f"file:{folder / 'forge.db'}?mode=ro", uri=True) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if table != "runner_secrets":
                yield f"forge.db!{table}", repr(db.execute(f"SELECT * FROM {table}").fetchall()).encode()


def test_R01_R03_the_keys_went_nowhere_but_to_their_providers(guest: Guest) -> None:
    for wish in WISHES:
        guest.done(wish.target)
    journal = guest.aimock.journal()
    assert {entry["response"]["status"] for entry in journal} == {200}, "whoever has no key gets no answer"
    # Most of it is checkouts of one repository: each text is searched once.
    held, unpacked = {json.dumps(journal, ensure_ascii=False).encode(): "prompts"}, set()
    for name, data in everything(guest.visit.world.folder):
        held.setdefault(data, name)
        unpacked.add(name.partition("!")[2])
    assert {"change.json", "review.json", "cat-file", "for-each-ref", "comments", "reviews", "check_runs"} <= unpacked
    assert any(b"retention_in_days = 400" in data for data, name in held.items() if name.endswith("!cat-file"))
    sought = [one.encode() for key in KEYS.values() for one in encodings(key)]
    assert {name for data, name in held.items() if any(one in data for one in sought)} == set()
