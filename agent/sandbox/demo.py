"""A request in, the whole pipeline run on this laptop, an applied and healthy stack (or the reason why not) out."""

import json
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from github.Issue import Issue
from github.PullRequest import PullRequest
from rich.console import Console

from agent.doctor import GET_TERRAFORM
from agent.errors import AgentError, UserError
from agent.sandbox import visit, world
from agent.sandbox.runner import Run
from agent.sandbox.timeline import Timeline
from agent.sandbox.visit import Visit

PROJECT = Path(__file__).parent.parent.parent
DEFAULT_BLUEPRINT = "s3-bucket"
PIPELINE_SECONDS = 600.0
INTERACTIVE_SECONDS = 3600.0
END = "\n"


@dataclass(frozen=True)
class Options:
    request: Path | None = None
    blueprint: str = ""
    interactive: bool = False
    keep: bool = False
    state: Path | None = None
    json_file: Path | None = None


@dataclass
class Result:
    """What `--json` writes. `api_calls` counts the jobs' requests from the label to the ready pull request."""

    applied: bool = False
    healthy: bool = False
    seconds: float = 0.0
    api_calls: int = 0
    stages: list[dict[str, Any]] = field(default_factory=list)
    issue_url: str = ""
    pull_request_url: str = ""
    error: str | None = None


def run_demo(options: Options, *, environ: Mapping[str, str]) -> int:
    """Run it; returns the exit code: 0 applied and healthy, 1 not, 130 interrupted."""
    console = Console(highlight=False)
    timeline = Timeline(console)
    result = Result()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = options.state or Path(tempfile.mkdtemp(prefix="infra-agent-demo-"))
    code = 1
    try:
        _require_writable(options)
        code = _run(options, folder=folder, environ=environ, timeline=timeline, result=result)
    except KeyboardInterrupt:
        result.error = "interrupted"
        code = 130
        console.print("[yellow]interrupted; everything that was started has been stopped[/]")
    except AgentError as error:
        result.error = str(error)
        timeline.tell(str(error), mark="✗", style="red")
    finally:
        result.seconds = round(time.monotonic() - timeline.started, 3)
        result.stages = [asdict(stage) for stage in timeline.stages]
        if options.json_file is not None and options.json_file.parent.is_dir():
            options.json_file.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
        if options.keep or options.state is not None:
            console.print(f"kept: {folder}; make demo ARGS='--state {folder}' goes on with it", soft_wrap=True)
        else:
            _remove(folder)
    return code


def _run(options: Options, *, folder: Path, environ: Mapping[str, str], timeline: Timeline, result: Result) -> int:
    title, body = _request(options)
    mirror = environ.get("INFRA_AGENT_PROVIDER_MIRROR", "")
    with timeline.stage("start GitHub, a runner and AWS"):
        here = world.start(folder, project=PROJECT, environ=environ, mirror=mirror)
    try:
        here.runner.on_change = timeline.on_change
        timeline.tell("GitHub", link=here.url)
        timeline.site = here.url
        if not {"terraform", "tofu"} & set(world.programs(environ, here.settings)):
            timeline.tell(GET_TERRAFORM, mark="!", style="yellow")
        return _walk(Visit(here), title, body, options=options, timeline=timeline, result=result)
    finally:
        here.stop()


def _walk(guest: Visit, title: str, body: str, *, options: Options, timeline: Timeline, result: Result) -> int:
    """Every step looks first whether it was taken before, so a sandbox that was killed is gone on with."""
    issue = guest.find_issue(title, body) or guest.file_issue(title, body)
    result.issue_url = issue.html_url
    timeline.tell(f"{world.REQUESTER} files issue #{issue.number}", link=issue.html_url)
    pull = guest.pull_request(issue.number)
    seen_merged = pull is not None and pull.merged
    if pull is None or not pull.merged:
        with timeline.watching("the pipeline starts"):
            run = guest.settled_run("agent", timeout=PIPELINE_SECONDS)
        pull = guest.pull_request(issue.number)
        while pull is None or "agent:ready" not in guest.labels(issue.number):
            _stopped(guest, issue, run, timeline=timeline, result=result)
            if not options.interactive:
                return 1
            timeline.console.print("Answer on the issue's page as the comment says; Ctrl-C ends the sandbox.")
            run = guest.settled_run("agent", timeout=INTERACTIVE_SECONDS, after=run.id)
            pull = guest.pull_request(issue.number)
        result.error = None
        result.api_calls = guest.api_calls(run.id)
        result.pull_request_url = pull.html_url
        timeline.tell(f"pull request #{pull.number}: {pull.title}", link=pull.html_url)
        timeline.tell(f"ready after {result.api_calls} API calls", link=pull.html_url, mark="✓", style="green")
        if options.interactive:
            _wait_for_merge(guest, pull.number, timeline)
        else:
            guest.merge(pull)
    result.pull_request_url = pull.html_url
    timeline.tell(f"pull request #{pull.number} merged", link=pull.html_url)
    with timeline.watching("the merge is on its way"):
        run = guest.settled_run("apply", timeout=PIPELINE_SECONDS, again=seen_merged)
    code = _ended(guest, issue.number, run, pull, timeline=timeline, result=result)
    while code and options.interactive:
        timeline.console.print(
            "These pages stay up. Do what the pull request's last comment says, such as `/agent approve …` by somebody "
            "else, or `/agent retry`; the next apply is shown here. Ctrl-C ends the sandbox.",
            markup=False, soft_wrap=True,
        )  # fmt: skip
        run = guest.settled_run("apply", timeout=INTERACTIVE_SECONDS, after=run.id)
        code = _ended(guest, issue.number, run, pull, timeline=timeline, result=result)
    if code == 0 and options.interactive:
        timeline.console.print("Look around as long as you like. Enter (or Ctrl-C) ends the sandbox.")
        _wait_for(_line_typed, INTERACTIVE_SECONDS)
    elif code == 0:
        timeline.console.print(
            "These pages end with the demo: make demo ARGS=--interactive keeps them up.", soft_wrap=True
        )
    return code


def _stopped(guest: Visit, issue: Issue, run: Run, *, timeline: Timeline, result: Result) -> None:
    """There is nothing to merge: say why, as the person who asked reads it."""
    result.error = guest.verdict(run.id)
    pull = guest.pull_request(issue.number)
    if pull is not None:
        result.pull_request_url = pull.html_url
        timeline.tell(f"pull request #{pull.number}: {pull.title}", link=pull.html_url)
    timeline.tell(result.error.splitlines()[0], link=issue.html_url, mark="✗", style="red")
    timeline.console.print(guest.status_comment(issue.number), markup=False, soft_wrap=True)


def _ended(guest: Visit, issue: int, run: Run, pull: PullRequest, *, timeline: Timeline, result: Result) -> int:
    outcome = guest.outcome(run.id)
    created = guest.created()
    closed = guest.issue_state(issue) == "closed"
    if outcome is not None:
        result.applied = bool(outcome.units) and all(unit.status == "applied" for unit in outcome.units)
        result.healthy = result.applied and all(bool(unit.healthy) for unit in outcome.units)
    links = (result.issue_url, pull.html_url, guest.world.url)
    visit.show_end(timeline.console, outcome=outcome, created=created, links=links)
    if result.applied and result.healthy and closed and created:
        result.error = None
        timeline.tell("applied and healthy; the issue is closed", link=result.issue_url, mark="✓", style="green")
        return 0
    bad = visit.reason(outcome) if outcome is not None else guest.unapplied(run.id)
    result.error = bad or ("the issue is still open" if not closed else "nothing was found in AWS")
    timeline.tell(result.error, link=run.html_url, mark="✗", style="red")
    return 1


def _require_writable(options: Options) -> None:
    """Raises UserError before anything is started for a place that could not be written at the end."""
    if options.json_file is not None and not options.json_file.parent.is_dir():
        raise UserError(f"--json {options.json_file}: there is no folder {options.json_file.parent}")
    if options.state is not None:
        try:
            options.state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--state {options.state}: cannot be made: {error.strerror}") from error


def _request(options: Options) -> tuple[str, str]:
    """Title and body of the issue to file."""
    if options.request is None:
        return visit.example_request(options.blueprint or DEFAULT_BLUEPRINT)
    try:
        text = options.request.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{options.request}: cannot be read as UTF-8 text: {error}") from error
    return visit.free_request(text, blueprint=options.blueprint)


def _wait_for_merge(guest: Visit, number: int, timeline: Timeline) -> None:
    timeline.console.print("Press [bold]Merge[/] on the pull request's page, or type [bold]merge[/] here.")

    def merged_or_typed() -> bool:
        typed = _line_typed()
        if typed.lower() == "merge":
            guest.merge(guest.pull(number))
        elif typed not in ("", END):
            timeline.console.print("Type [bold]merge[/], or press the button; Ctrl-C ends the sandbox.")
        return guest.pull(number).merged

    if not _wait_for(merged_or_typed, INTERACTIVE_SECONDS):
        raise UserError(f"pull request #{number} was not merged within {INTERACTIVE_SECONDS / 60:g} minutes")


def _wait_for(what: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.5)
    return False


def _line_typed() -> str:
    """A line that was typed, END for an empty one or the end of input, or nothing."""
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    if not ready:
        return ""
    return sys.stdin.readline().strip() or END


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
