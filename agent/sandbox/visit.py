"""The people of the sandbox: they file, read and merge over HTTP, as a browser or PyGithub does on github.com."""

import io
import json
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import boto3
import github
import requests
from botocore.config import Config
from github.Issue import Issue
from github.PullRequest import PullRequest
from github.Repository import Repository
from rich.console import Console
from ruamel.yaml import YAML

from agent.author.catalog import load_blueprints
from agent.documents import parse
from agent.domain import Locks, Merge, Outcome
from agent.errors import ToolError, UserError
from agent.github.connect import explained
from agent.render.page import marker
from agent.sandbox.runner import Run
from agent.sandbox.world import MAINTAINER, REPOSITORY, REQUESTER, World

LABEL = "infra-request"
MAX_BODY = 65_536
CHOOSE = "Let the agent choose"


@dataclass(frozen=True)
class Visit:
    """What people do in one repository of a world. Everything goes over HTTP with their own tokens."""

    world: World
    repository: str = REPOSITORY

    @cached_property
    def maintainer(self) -> Repository:
        return self._as(MAINTAINER)

    @cached_property
    def requester(self) -> Repository:
        return self._as(REQUESTER)

    def _as(self, login: str) -> Repository:
        api = github.Github(
            auth=github.Auth.Token(self.world.tokens[login]),
            base_url=f"{self.world.server.url}/api/v3",
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        return api.get_repo(self.repository)

    def file_issue(self, title: str, body: str) -> Issue:
        """The requester files the form; its label starts the pipeline."""
        with explained("filing the issue"):
            return self.requester.create_issue(title=title, body=body, labels=[LABEL])

    def find_issue(self, title: str, body: str) -> Issue | None:
        """The issue of that title and body, when this sandbox has one already."""
        with explained("the issues"):
            found = [issue for issue in self.maintainer.get_issues(state="all") if issue.pull_request is None]
        return next((issue for issue in found if (issue.title, issue.body or "") == (title, body)), None)

    def settled_run(self, workflow: str, *, timeout: float, after: int = 0, again: bool = False) -> Run:
        """The newest run of `workflow` with an id above `after`, once it has ended.

        One that a killed runner lost is run again, once; with `again`, one that had ended well is, too: the local AWS
        of a sandbox that was stopped is gone with all that it held. Raises ToolError past `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        repeated: set[int] = set()
        while time.monotonic() < deadline:
            runs = self.world.runner.runs(self.repository)
            later = (run for run in runs if run.workflow == workflow and run.id > after)
            newest = max(later, key=lambda run: run.id, default=None)
            if newest is not None and newest.status == "completed":
                if newest.id in repeated or not (again or newest.conclusion == "cancelled"):
                    return newest
                repeated.add(newest.id)
                self.world.runner.rerun(newest.id, failed_only=workflow != "apply")
            time.sleep(0.1)
        raise ToolError(f"the workflow {workflow} did not end within {timeout:g} s")

    def api_calls(self, run_id: int) -> int:
        """REST calls that the jobs of one run made."""
        return sum(call.run_id == run_id for call in self.world.forge.api_calls())

    def pull_request(self, issue: int) -> PullRequest | None:
        """The agent's pull request for `issue`, open or merged."""
        owner = self.repository.split("/")[0]
        with explained("the pull request"):
            found = list(self.maintainer.get_pulls(state="all", head=f"{owner}:agent/{issue}"))
        return found[0] if found else None

    def pull(self, number: int) -> PullRequest:
        with explained("the pull request"):
            return self.maintainer.get_pull(number)

    def labels(self, issue: int) -> set[str]:
        with explained("the labels"):
            return {label.name for label in self.maintainer.get_issue(issue).labels}

    def issue_state(self, issue: int) -> str:
        with explained("the issue"):
            return self.maintainer.get_issue(issue).state

    def status_comment(self, issue: int) -> str:
        """The agent's status comment as Markdown, without its marker; empty when there is none."""
        first = marker("status")
        with explained("the comments"):
            bodies = [comment.body for comment in self.maintainer.get_issue(issue).get_comments()]
        return next((body.removeprefix(first).strip() for body in bodies if body.startswith(first)), "")

    def verdict(self, run_id: int) -> str:
        """Why there is nothing to merge after that run, in a line or more."""
        document = self._artifact(run_id, "document-publish", "verdict.json")
        if document is None:
            return "the pipeline ended without a verdict; the run's log says why"
        data = json.loads(document)
        return "\n".join([f"{data['status']}: {'; '.join(data['reasons'][:1])}", *data["reasons"][1:]])

    def merge(self, pull: PullRequest) -> None:
        """The maintainer merges exactly the commit that was looked at."""
        with explained(f"merging #{pull.number}"):
            self.maintainer.get_pull(pull.number).merge(sha=pull.head.sha)

    def outcome(self, run_id: int) -> Outcome | None:
        text = self._artifact(run_id, "document-validate", "outcome.json")
        return parse(Outcome, text, source="outcome.json") if text else None

    def unapplied(self, run_id: int) -> str:
        """Why that run of the apply had no outcome, in a line or more."""
        resolved = self._artifact(run_id, "document-resolve", "merge.json")
        merge = parse(Merge, resolved, source="merge.json") if resolved else None
        if merge is not None and merge.status != "apply":
            return f"nothing was applied: {'; '.join(merge.reasons)}"
        locked = self._artifact(run_id, "document-lock", "locks.json")
        locks = parse(Locks, locked, source="locks.json") if locked else None
        if locks is not None and locks.status == "busy":
            return f"nothing was applied: {'; '.join(locks.reasons)}"
        return "the apply ended without an outcome; the run's log says why"

    def created(self) -> list[str]:
        """Addresses (ARN) of what AWS itself says is there and was made by the agent, sorted."""
        cloud = self.world.cloud
        client = boto3.client(
            "resourcegroupstaggingapi",
            endpoint_url=cloud.url,
            region_name=cloud.region,
            aws_access_key_id=cloud.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=cloud.environment["AWS_SECRET_ACCESS_KEY"],
            config=Config(connect_timeout=5, read_timeout=20, proxies={}),
        )
        pages = client.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": "ManagedBy", "Values": ["infra-agent"]}]
        )
        return sorted({item["ResourceARN"] for page in pages for item in page["ResourceTagMappingList"]})

    def _artifact(self, run_id: int, name: str, member: str) -> str | None:
        base = f"{self.world.server.url}/api/v3/repos/{self.repository}/actions"
        headers = {"Authorization": f"Bearer {self.world.tokens[MAINTAINER]}"}
        with explained(f"the artifact {name}"):
            listed = requests.get(f"{base}/runs/{run_id}/artifacts", headers=headers, timeout=20).json()
            for artifact in listed.get("artifacts", []):
                if artifact["name"] == name:
                    data = requests.get(f"{base}/artifacts/{artifact['id']}/zip", headers=headers, timeout=20).content
                    with zipfile.ZipFile(io.BytesIO(data)) as archive:
                        return archive.read(member).decode() if member in archive.namelist() else None
        return None


def example_request(blueprint: str) -> tuple[str, str]:
    """Title and body of the issue that asks for a blueprint's first example, as the issue form renders them."""
    blueprints = load_blueprints()
    if blueprint not in blueprints:
        raise UserError(f"{blueprint}: no such blueprint; there are {', '.join(sorted(blueprints))}")
    example = blueprints[blueprint].examples["demo"]
    text = io.StringIO()
    YAML().dump(example.parameters, text)
    body = form(
        what=example.title, environment=example.environment, blueprint=blueprint, parameters=text.getvalue().strip()
    )
    return f"[infra] {example.title}", body


def free_request(text: str, *, blueprint: str) -> tuple[str, str]:
    """Title and body of an issue whose text is given; with a `blueprint`, free text is put into the form."""
    if len(text) > MAX_BODY:
        raise UserError(f"the request has {len(text)} characters; an issue holds at most {MAX_BODY}")
    said = [line.strip() for line in text.splitlines() if line.strip("# ")]
    words = [line for line in said if not line.startswith("#")] or [line.strip("# ") for line in said]
    title = words[0] if words else ""
    if blueprint and "### " not in text:
        text = form(what=text, environment="", blueprint=blueprint, parameters="")
    return f"[infra] {title}"[:120].strip(), text


def form(*, what: str, environment: str, blueprint: str, parameters: str) -> str:
    """The body that GitHub makes of our issue form."""
    answers = {
        "What do you need?": what,
        "Environment": environment,
        "Golden path": blueprint or CHOOSE,
        "Parameters": f"```yaml\n{parameters}\n```" if parameters else "",
    }
    return "\n\n".join(f"### {label}\n\n{answer or '_No response_'}" for label, answer in answers.items())


def reason(outcome: Outcome) -> str:
    """Why an outcome is not well; empty when it is."""
    bad = [unit for unit in outcome.units if unit.status != "applied" or not unit.healthy]
    return "; ".join(f"{unit.unit}: {unit.status}: {unit.reason}" for unit in bad)


def show_end(console: Console, *, outcome: Outcome | None, created: Sequence[str], links: Sequence[str]) -> None:
    """What stands now, as AWS and the probes say it, and where to go from here."""
    console.rule("what AWS says is there")
    for arn in created or ["nothing"]:
        console.print(f"  {arn}", markup=False, soft_wrap=True)
    for unit in outcome.units if outcome else ():
        console.rule(f"is it healthy? {unit.unit}")
        for probe in unit.probes:
            mark = "[green]✓[/]" if probe.passed else "[red]✗[/]"
            console.print(f"  {mark} {probe.probe} [dim]{probe.detail}[/]")
        mark = "[green]✓[/]" if unit.second_plan_empty else "[red]✗[/]"
        console.print(f"  {mark} a second plan changes nothing")
    console.rule("where to look")
    for link in links:
        console.print(f"  {link}", markup=False, soft_wrap=True)
    console.print("  On a real repository: docs/installation.md", markup=False)
