"""`infra-agent init` and `infra-agent doctor`: what a person types -> what they read, and the exit code."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.errors import UserError
from agent.tools import CLOUD_VARIABLES, Tools, allowed

if TYPE_CHECKING:
    from agent.doctor import Line
    from agent.github.connect import Connection

NO_MODELS = (
    "no provider is configured, so golden paths do the work and no second opinion is had. ANTHROPIC_API_KEY, "
    "OPENAI_API_KEY or OLLAMA_BASE_URL would change that (docs/models.md)"
)
API = "https://api.github.com"
# Seconds that somebody at a desk waits for a GitHub that gives no answer.
PATIENCE = 15.0


def init(
    ctx: typer.Context,
    path: Annotated[Path, typer.Option("--path", help="The checkout of your repository.")] = Path(),
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    repository: Annotated[str, typer.Option(help="OWNER/NAME on GitHub. Default: its remote origin.")] = "",
    program: Annotated[str, typer.Option(help="OWNER/NAME that the workflows get infra-agent from.")] = "",
    program_ref: Annotated[str, typer.Option(help="The full commit of it. Default: that of this checkout.")] = "",
    branch: Annotated[str, typer.Option(help="The default branch. Default: as the checkout says.")] = "",
    region: Annotated[str, typer.Option(help="AWS region for all environments, to begin with.")] = "",
    state_bucket: Annotated[str, typer.Option(help="S3 bucket for the Terraform state.")] = "",
    subject: Annotated[str, typer.Option(help="How the `sub` of the repository's tokens begins.")] = "",
    app: Annotated[
        int, typer.Option("--app", min=0, help="The id of a GitHub App of yours that is to write (docs/operations.md).")
    ] = 0,
    checklist: Annotated[bool, typer.Option("--checklist", help="Only print the settings to make.")] = False,
    labels: Annotated[bool, typer.Option("--labels", help="Only make the labels, with GITHUB_TOKEN.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show new files in full.")] = False,
    patch: Annotated[Path | None, typer.Option(help="Only write what files of yours lack, for `git apply`.")] = None,
    revert: Annotated[
        list[str] | None, typer.Option(help="With --patch: a shipped file whose edits of yours go as well; repeatable.")
    ] = None,
) -> None:
    """Put infra-agent on a repository: shows what it would write, asks, and never overwrites anything."""
    from agent.adopt.init import Options, prepare, preview, summary, write
    from agent.adopt.roles import GITHUB

    environ: Mapping[str, str] = ctx.obj
    prepared = prepare(
        Options(
            path=path, repository=repository, program=program, program_ref=program_ref, branch=branch, region=region,
            bucket=state_bucket, subject=subject, server=environ.get("GITHUB_SERVER_URL") or GITHUB, app=app,
        )
    )  # fmt: skip
    if checklist:
        typer.echo(prepared.settings)
    elif labels:
        _labels(environ, prepared.repository, prepared.request_label)
    elif patch is not None:
        _patch(patch, prepared.patch(revert=revert or ()))
    elif not prepared.new:
        typer.echo(preview(prepared, diff=diff), nl=False)
        typer.echo("Nothing was written: there is no new file.")
        raise typer.Exit(1 if prepared.behind else 0)
    else:
        typer.echo(preview(prepared, diff=diff), nl=False)
        if not yes and not _agreed():
            typer.echo("Nothing was written. `--yes` writes it.")
            return
        typer.echo(write(prepared), nl=False)
        typer.echo(f"\n{prepared.settings}")
        if prepared.behind:
            typer.echo(summary(prepared), nl=False)
            raise typer.Exit(1)


def doctor(
    ctx: typer.Context,
    repository: Annotated[str, typer.Option(help="OWNER/NAME: look at its settings too, with GITHUB_TOKEN.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Say what this machine and this checkout (or a repository on GitHub) have, what is missing, and how to get it."""
    from agent.doctor import diagnose

    environ: Mapping[str, str] = ctx.obj
    remote: list[tuple[str, Line]] = []
    if repository:
        from agent.adopt.remote import examine

        remote = [(repository, line) for line in examine(_connection(environ, repository))]
    tools = Tools(environment=allowed(environ, names=CLOUD_VARIABLES), log=None if as_json else sys.stderr)
    mirror = environ.get("INFRA_AGENT_PROVIDER_MIRROR", "")
    found = [("here", line) for line in diagnose(Path.cwd(), tools=tools, mirror=mirror, files=not repository)]
    found += [("here", line) for line in _models(environ)]
    found += remote
    if as_json:
        rows = [{"where": where, "what": one.what, "state": one.state, "detail": one.detail} for where, one in found]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for _, line in found:
            typer.echo(f"{line.state:7}  {line.what}: {line.detail}")
    raise typer.Exit(1 if any(line.state == "MISSING" for _, line in found) else 0)


def _models(environ: Mapping[str, str]) -> "list[Line]":
    from agent.doctor import Line
    from agent.models.providers import configured

    try:
        providers = configured(environ)
    except UserError as error:
        return [Line("models", False, str(error))]
    if not providers.access:
        return [Line("models", True, NO_MODELS)]
    from agent.models.reach import reachable

    return [Line(f"models of {one.provider}", one.ok, one.detail) for one in reachable(providers)]


def _agreed() -> bool:
    return sys.stdin.isatty() and typer.confirm("Write these files?", default=False)


def _patch(path: Path, text: str) -> None:
    if not text:
        typer.echo("No file of yours lacks anything: no patch was written.")
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"--patch {path}: cannot be written: {error.strerror}") from error
    typer.echo(f"{path}: look at it, then `git apply {path}`")


def _labels(environ: Mapping[str, str], repository: str, request_label: str) -> None:
    from agent.adopt.checklist import labels
    from agent.github.setup import make_labels

    made = make_labels(_connection(environ, repository), labels(request_label))
    typer.echo(f"{repository}: made {', '.join(made)}" if made else f"{repository}: all labels are there already")


def _connection(environ: Mapping[str, str], repository: str) -> "Connection":
    from agent.adopt.init import NOBODY
    from agent.adopt.program import REPOSITORY
    from agent.github.connect import connect

    if not REPOSITORY.fullmatch(repository) or repository == NOBODY:
        raise UserError(f"{repository}: name the repository as GitHub knows it, with --repository acme/shop")
    token = environ.get("GITHUB_TOKEN")
    if not token:
        raise UserError(
            "GITHUB_TOKEN is not set: give a token that may read the repository's administration, such as "
            "GITHUB_TOKEN=$(gh auth token)"
        )
    api_url = environ.get("GITHUB_API_URL") or API
    return connect(token=token, api_url=api_url, repository=repository, patience=PATIENCE)
