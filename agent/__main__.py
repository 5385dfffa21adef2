"""The command line: a command per job, and what people use at their desk. The only reader of the environment."""

import gc
import inspect
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from agent import __version__
from agent.adopt.cli import doctor, init
from agent.documents import write
from agent.domain import Document, Findings
from agent.effects import MIRROR, Effects, pythons_of
from agent.errors import AgentError, ToolError, UserError
from agent.jobs import ORDER
from agent.models.keys import take
from agent.render.lint import no_command, place, plain
from agent.schemas import NAMES, json_schema
from agent.tools import Tools, allowed

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
    effects = Effects(dict(os.environ), folder=folder, unit=unit, job=name, providers=providers)
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
    dataset: Annotated[
        Path | None, typer.Option(help="Requests: YAML, or JSON lines. Default: those of the source.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="provider:model for every role that is measured, or ROLE=provider:model.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Id of a case; give it again for more.")] = None,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="How often each case is asked.")] = 1,
    recorded: Annotated[Path | None, typer.Option(help="Replay the answers in this folder; no score.")] = None,
    record: Annotated[Path | None, typer.Option(help="Keep what the models answer in this new folder.")] = None,
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
        Options(dataset, model or (), only or (), repeat, recorded, json_file, usd, quick, analyst, record),
        root=Path.cwd(),
        providers=providers,
        tools=Tools(environment=allowed(os.environ)),
        pythons=pythons_of(os.environ),
        mirror=os.environ.get(MIRROR, ""),
        cloud=lambda settings: serving(settings, environ=os.environ),
        tell=lambda line: typer.echo(line, err=True),
    )
    typer.echo(text, nl=False)
    raise typer.Exit(code)


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
