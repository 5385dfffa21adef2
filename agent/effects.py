"""The environment -> the effects that jobs name among their parameters. With the command line, its only reader."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from agent.documents import Documents
from agent.domain import Document, Run
from agent.errors import ToolError, UserError
from agent.guardrails import load_guardrails
from agent.models.providers import Providers
from agent.render.lint import no_command, plain
from agent.settings import SETTINGS_PATH, TerraformSettings, load_settings
from agent.tools import CLOUD_VARIABLES, Tools, allowed, secrets_of

# Tools that live in environments of their own, each with its interpreter named by a variable.
PYTHONS = ("checkov", "ansible", "kubernetes")
MIRROR = "INFRA_AGENT_PROVIDER_MIRROR"


class Effects:
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
        return tools_of(self.environ)

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

        names: frozenset[str] | None = None
        if self.providers.access:  # without a model no role is asked, and the tools take half a second to load
            from agent.models.tools import TOOLS

            names = frozenset(TOOLS)
        return load_roles(self.root, tools=names, chosen=self._settings().models.roles)

    def _environment(self) -> Mapping[str, str]:
        return allowed(self.environ, names=CLOUD_VARIABLES)

    def _pythons(self) -> Mapping[str, str]:
        return pythons_of(self.environ)

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
            secrets=self._secrets(),
        )

    def _secrets(self) -> tuple[str, ...]:
        """Values of this process that nobody is shown: tokens, and the keys of models."""
        return (*secrets_of(self.environ), *self.providers.secrets())

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


def pythons_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The interpreter of each tool that has an environment of its own; empty where none is named."""
    return {tool: environ.get(f"INFRA_AGENT_{tool.upper()}_PYTHON", "") for tool in PYTHONS}


def tools_of(environ: Mapping[str, str]) -> Tools:
    """Where programs are started, with the part of the environment that they may see."""
    return Tools(environment=allowed(environ, names=CLOUD_VARIABLES), log=sys.stderr)
