"""The command line: a command per job, and what people use at their desk. The only reader of the environment."""

import gc
import inspect
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from agent import __version__
from agent.adopt.cli import doctor, init
from agent.documents import Documents, write
from agent.domain import Document, Findings, Run
from agent.errors import AgentError, ToolError, UserError
from agent.guardrails import load_guardrails
from agent.jobs import ORDER
from agent.models.keys import take
from agent.models.providers import Providers
from agent.render.lint import no_command, place, plain
from agent.schemas import NAMES, json_schema
from agent.settings import SETTINGS_PATH, TerraformSettings, load_settings
from agent.tools import CLOUD_VARIABLES, Tools, allowed, secrets_of

# Tools that live in environments of their own, each with its interpreter named by a variable.
PYTHONS = ("checkov", "ansible", "kubernetes")
MIRROR = "INFRA_AGENT_PROVIDER_MIRROR"

app = typer.Typer(
    name="infra-agent",
    help="A GitOps pull-request pipeline that runs in CI: an issue becomes reviewed and applied infrastructure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(show: bool) -> None:
    if show:
        print(f"infra-agent {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    ctx.obj = os.environ


@app.command()
def job(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(name for part in ORDER for name in part)}.")],
    folder: Annotated[Path, typer.Option("--in", help="Folder with the documents of the jobs before.")],
    out: Annotated[Path, typer.Option("--out", help="The document to write; further ones go beside it.")],
    unit: Annotated[str, typer.Option("--unit", help="apply: the unit to apply.")] = "",
) -> None:
    """Run one job of the pipeline, the same way as CI does."""
    if name not in {one for part in ORDER for one in part}:
        raise UserError(f"{name}: no such job; there are {', '.join(one for part in ORDER for one in part)}")
    # A job that is cancelled gets to end its tools in order: terraform writes its state and gives the lock back.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    gc.disable()  # nothing becomes garbage while modules load, and looking for it is a sixth of the time
    module = import_module(f"agent.jobs.{name}")
    gc.enable()
    providers = take(os.environ)
    effects = _Effects(dict(os.environ), folder=folder, unit=unit, job=name, providers=providers)
    os.environ.pop("INFRA_AGENT_APP_KEY", None)  # no program that is started from here on has it
    run = module.not_set_up if name == "intake" and effects.not_set_up() else module.run
    try:
        made = run(**{parameter: effects.get(parameter) for parameter in inspect.signature(run).parameters})
    except AgentError as error:
        effects.summarize("failed", reasons=(str(error),))
        raise
    finally:
        effects.close()
    documents: tuple[Document, ...] = made if isinstance(made, tuple) else (made,)
    announced = {"status": getattr(documents[0], "status", "")}
    announced["units"] = json.dumps(getattr(documents[0], "units", ())) if name == "resolve" else ""
    announced["base"] = getattr(documents[0], "base_sha", "") or ""
    announced["route"] = getattr(documents[0], "route", "")
    for position, document in enumerate(documents):
        path = out if position == 0 else out.parent / f"{document.name}.json"
        announced[document.name] = write(path, document)
        print(f"{path}: {document.name}, {getattr(document, 'status', 'written')}")
        for reason in getattr(document, "reasons", ()):
            print(no_command(f"  {plain(reason)}"))
        if isinstance(document, Findings):
            announced["passed"] = str(all(check.status == "passed" for check in document.checks)).lower()
            for check in document.checks:
                print(f"  {check.check}: {check.status}, {check.seconds:.1f} s {plain(check.detail)}".rstrip())
            for finding in document.findings:
                print(no_command(f"  {place(finding)}: {finding.severity} {finding.rule}: {plain(finding.message)}"))
    effects.summarize(announced["status"] or "done", *documents, reasons=getattr(documents[0], "reasons", ()))
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in announced.items() if value)


@app.command(name="schema")
def show_schema(
    document: Annotated[str, typer.Argument(help=f"One of: {', '.join(NAMES)}.")],
) -> None:
    """Print the JSON Schema of a document or of a configuration file."""
    print(json.dumps(json_schema(document), indent=2))


app.command()(init)
app.command()(doctor)


@app.command()
def demo(
    request: Annotated[Path | None, typer.Option(help="File with the request: free text or a filled form.")] = None,
    blueprint: Annotated[str, typer.Option(help="Golden path to ask for (its first example).")] = "",
    interactive: Annotated[bool, typer.Option(help="Wait for you to press Merge.")] = False,
    keep: Annotated[bool, typer.Option(help="Keep the sandbox's folder and say where it is.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="Folder for the sandbox's state: kept, and gone on with when it has one.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Run the whole pipeline on this laptop: embedded GitHub, local AWS, the real workflow files."""
    from agent.sandbox.demo import Options, run_demo

    options = Options(
        request=request, blueprint=blueprint, interactive=interactive, keep=keep, state=state, json_file=json_file
    )
    raise typer.Exit(run_demo(options, environ=os.environ))


@app.command()
def gate(
    bundle: Annotated[str, typer.Argument(help='File with {"files": [{"path", "content"}]}; - is standard input.')],
    style: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """Run the gate alone on a bundle: exit 0 pass, 1 blocked, 2 could not decide. Needs no tool, no repository."""
    from agent.desk.gate import gate_bundle
    from agent.desk.output import gate_text

    decision = gate_bundle(bundle, root=Path.cwd())
    typer.echo(gate_text(decision, style), nl=False)
    raise typer.Exit(decision.exit_code)


@app.command()
def rules(
    rule: Annotated[str, typer.Argument(metavar="[ID]", help="Show this rule's page.")] = "",
    style: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/rules.md.")] = False,
) -> None:
    """List the rules of preflight, gate and scope; with an ID, its page: why, who can lift it, examples."""
    from agent.desk.output import rules_text

    typer.echo(rules_text(rule, style, as_markdown=markdown), nl=False)


@app.command()
def roles(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Show this role: limits and prompt too.")] = "",
    style: Annotated[Literal["text", "json"], typer.Option("--format")] = "text",
) -> None:
    """List the roles that ask language models, with their models and reading tools; with a NAME, all of one."""
    from agent.desk.roles import roles_text
    from agent.models.providers import configured

    typer.echo(roles_text(name, style, root=Path.cwd(), providers=configured(os.environ)), nl=False)


@app.command()
def tool(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The tool; without one all are listed.")] = "",
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="? shows which.")] = None,
    given: Annotated[str, typer.Option("--json", help="Arguments as a JSON object, or @FILE that holds one.")] = "",
    documents: Annotated[
        Path | None, typer.Option("--in", help="Folder with plan.json, drift.json, outcome.json of a run.")
    ] = None,
    marked: Annotated[bool, typer.Option("--marked", help="Between the marks that a model sees.")] = False,
) -> None:
    """Ask one of the reading tools that the roles have, about the commit that this checkout stands on."""
    from agent.desk.tool import tool_text

    text = tool_text(
        name, arguments or (), given=given, documents=documents, marked=marked, root=Path.cwd(), environ=os.environ
    )
    typer.echo(text, nl=False)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A checkout, a part of its infra/, or the folder of a unit.")] = Path(),
    style: Annotated[Literal["text", "json", "sarif", "github"], typer.Option("--format")] = "text",
    changed: Annotated[bool, typer.Option("--changed", help="Only what differs from the base, in its units.")] = False,
    base: Annotated[str, typer.Option("--base", help="With --changed: commit or branch. Default: main's.")] = "",
) -> None:
    """Run gate and checks on a folder: exit 0 nothing to mend, 1 findings, 2 a check could not run."""
    from agent.desk.run import run_check

    text, code = run_check(path, style=style, environ=os.environ, changed=changed, base=base)
    typer.echo(text, nl=False)
    raise typer.Exit(code)


@app.command(name="eval")
def evaluate(
    dataset: Annotated[Path | None, typer.Option(help="Requests: .yaml of ours, or .jsonl. Default: evals/.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="provider:model for every role that is measured, or ROLE=provider:model.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Id of a case; give it again for more.")] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How often each case is asked.")] = 1,
    recorded: Annotated[Path | None, typer.Option(help="Replay the answers in this folder; no score.")] = None,
    usd: Annotated[float, typer.Option(min=0.01, help="Begin no question once all of them cost that much.")] = 20.0,
    quick: Annotated[bool, typer.Option("--quick", help="Judge without validate and plan.")] = False,
    analyst: Annotated[bool, typer.Option("--analyst", help="Measure the analyst, by changes with a fault.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result to this file.")] = None,
) -> None:
    """Measure the models: ask for what the dataset asks for, and judge the answers by code."""
    from agent.evals.cli import Options, run_eval
    from agent.sandbox.cloud import serving

    providers = take(os.environ)
    text, code = run_eval(
        Options(dataset, model or (), only or (), repeat, recorded, json_file, usd, quick, analyst),
        root=Path.cwd(),
        providers=providers,
        tools=Tools(environment=allowed(os.environ)),
        pythons={one: os.environ.get(f"INFRA_AGENT_{one.upper()}_PYTHON", "") for one in PYTHONS},
        mirror=os.environ.get(MIRROR, ""),
        cloud=lambda settings: serving(settings, environ=os.environ),
        tell=lambda line: typer.echo(line, err=True),
    )
    typer.echo(text, nl=False)
    raise typer.Exit(code)


class _Effects:
    """Makes the effects that a job's `run` names among its parameters, and no other."""

    def __init__(
        self, environ: Mapping[str, str], *, folder: Path, unit: str, job: str, providers: Providers | None = None
    ) -> None:
        self.environ = environ
        self.folder = folder
        self.unit = unit
        self.job = job
        self.providers = providers or Providers()
        self.connected: Any = None
        self.root = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd())

    def get(self, parameter: str) -> Any:
        return getattr(self, f"_{parameter}")()

    def not_set_up(self) -> bool:
        """Whether this is a pull request into a branch without our settings, as the one that brings them is."""
        is_pull = self.environ.get("GITHUB_EVENT_NAME") == "pull_request"
        return is_pull and not os.path.lexists(self.root / SETTINGS_PATH)

    def _documents(self) -> Documents:
        expected = _pairs(self.environ.get("INFRA_AGENT_EXPECT", ""))
        # On a laptop documents are somebody's own; in CI one whose digest nobody announced is refused.
        nobody: dict[str, str] | None = {} if self.environ.get("GITHUB_ACTIONS") == "true" else None
        return Documents(self.folder, expected=nobody if expected is None else expected)

    def _root(self) -> Path:
        return self.root

    def _unit(self) -> str:
        return self.unit

    def _settings(self) -> Any:
        settings = load_settings(self.root)
        if mirror := self.environ.get(MIRROR):
            terraform: TerraformSettings = settings.terraform.model_copy(update={"provider_mirror": mirror})
            return settings.model_copy(update={"terraform": terraform})
        return settings

    def _guardrails(self) -> Any:
        return load_guardrails(self.root)

    def _tools(self) -> Tools:
        return _tools(self.environ)

    def _models(self) -> Any:
        from agent.models.effect import models

        return models(
            self.providers,
            environ=self.environ,
            settings=self._settings().models,
            documents=self._documents(),
            clock=self._clock(),
            say=self._say(),
            budgets=self._guardrails().budgets,
        )

    def _roles(self) -> Any:
        from agent.models.roles import load_roles

        return load_roles(self.root, chosen=self._settings().models.roles)

    def _environment(self) -> Mapping[str, str]:
        return allowed(self.environ, names=CLOUD_VARIABLES)

    def _pythons(self) -> Mapping[str, str]:
        return {tool: self.environ.get(f"INFRA_AGENT_{tool.upper()}_PYTHON", "") for tool in PYTHONS}

    def _pricing(self) -> Mapping[str, str]:
        from agent.checks.cost_infracost import allowed_pricing

        return allowed_pricing(self.environ)

    def _clock(self) -> Callable[[], datetime]:
        return lambda: datetime.now(UTC)

    def _today(self) -> Any:
        return datetime.now(UTC).date()

    def _event_name(self) -> str:
        return _need(self.environ, "GITHUB_EVENT_NAME")

    def _payload(self) -> Mapping[str, Any]:
        path = Path(_need(self.environ, "GITHUB_EVENT_PATH"))
        try:
            payload = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read as an event: {error}") from error
        if not isinstance(payload, dict):
            raise UserError(f"{path}: an event must be a JSON object")
        return payload

    def _default_branch(self) -> str:
        branch = (self._payload().get("repository") or {}).get("default_branch")
        if not isinstance(branch, str) or not branch:
            raise UserError("the event names no default branch")
        return branch

    def _connection(self) -> Any:
        _need(self.environ, "GITHUB_REPOSITORY")
        self.connected = self.connected or self._access.connect()
        return self.connected

    @cached_property
    def _access(self) -> Any:
        from agent.github.access import access

        return access(self.environ, job=self.job)

    def _remote(self) -> Any:
        from agent.repo import Remote

        server = self.environ.get("GITHUB_SERVER_URL") or "https://github.com"
        return Remote(url=f"{server}/{_need(self.environ, 'GITHUB_REPOSITORY')}.git", token=self._access.token)

    def _context(self) -> Any:
        from agent.render.page import Context

        server = self.environ.get("GITHUB_SERVER_URL") or "https://github.com"
        repository = f"{server}/{_need(self.environ, 'GITHUB_REPOSITORY')}"
        run = self.environ.get("GITHUB_RUN_ID", "")
        return Context(
            repository=repository,
            run=f"{repository}/actions/runs/{run}" if run else "",
            secrets=(*secrets_of(self.environ), *self.providers.secrets()),
        )

    def _this_run(self) -> Run:
        attempt = self.environ.get("GITHUB_RUN_ATTEMPT") or "1"
        return Run(id=_need(self.environ, "GITHUB_RUN_ID"), attempt=int(attempt), url=self._context().run)

    def _pause(self) -> Callable[[float], None]:
        return time.sleep

    def _say(self) -> Callable[[str], None]:
        return lambda text: print(no_command(plain(text)), flush=True)

    def _results(self) -> Mapping[str, str]:
        return _pairs(self.environ.get("INFRA_AGENT_RESULTS", "")) or {}

    def summarize(self, status: str, *documents: Document, reasons: Sequence[str]) -> None:
        """Say on the run's page how the job ended and what it asked of GitHub; only a CI runner has such a page."""
        path = self.environ.get("GITHUB_STEP_SUMMARY")
        if not path or not self.environ.get("GITHUB_REPOSITORY"):
            return
        from agent.render.summary import job_summary, numbers

        usage = self.connected.usage if self.connected else None
        text = job_summary(
            self._context(), job=self.job, status=status, reasons=reasons, links=numbers(documents), usage=usage
        )
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)

    def close(self) -> None:
        """Take back the App's token that was made for this job."""
        if self.connected is not None and self._access.minted:
            from agent.github.app import end

            with suppress(ToolError):  # it ends by itself within the hour
                end(self.connected)


def _pairs(text: str) -> dict[str, str] | None:
    """`a=1 b=2` -> {"a": "1", "b": "2"}, what is empty left out; None when there is no text at all."""
    found = dict(part.split("=", 1) for part in text.split() if "=" in part)
    return {key: value for key, value in found.items() if value} if text else None


def _need(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise UserError(
            f"{name} is not set; a CI runner sets it, and at a desk `infra-agent demo` shows the whole path"
        )
    return value


def _tools(environ: Mapping[str, str]) -> Tools:
    return Tools(environment=allowed(environ, names=CLOUD_VARIABLES), log=sys.stderr)


def main() -> None:
    """Run a command. A failure that a person can act on ends as text and an exit code, never as a traceback."""
    try:
        app(prog_name="infra-agent")
    except ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.log:
            print(error.log, file=sys.stderr)
        sys.exit(error.exit_code)
    except AgentError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
