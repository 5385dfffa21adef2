"""A checkout, a tool's name and arguments -> the answer that a role would get, for people to read."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.author.catalog import load_blueprints
from agent.author.repair import told
from agent.desk.check import find_interpreters
from agent.desk.configuration import guardrails_of, settings_of
from agent.desk.run import environments
from agent.documents import Documents, parse
from agent.domain import Outcome, Plan
from agent.errors import UserError
from agent.models.data import Block, prepare
from agent.models.tools import TOOLS
from agent.models.tools.place import Place
from agent.models.tools.tool import Tool, answer
from agent.repo import head, open_repo
from agent.tools import Tools, allowed, secrets_of

DRIFT = "drift.json"
_MOST_BYTES = 16 * 1024 * 1024


def tool_text(
    name: str, arguments: Sequence[str], *, given: str, documents: Path | None, marked: bool, root: Path,
    environ: Mapping[str, str],
) -> str:  # fmt: skip
    """What `infra-agent tool` prints: the list of tools, one tool's arguments (`NAME ?`), or its answer.

    `arguments` are `key=value`, `given` is a JSON object or `@` and a file that holds one. With `marked` the answer
    stands between the marks that a model sees. Raises UserError: no such tool, wrong arguments, no answer.
    """
    if not name:
        return _list()
    tool = TOOLS.get(name)
    if tool is None:
        raise UserError(f"{name[:60]!r}: no such tool; `infra-agent tool` lists them")
    if list(arguments) == ["?"]:
        return _page(tool)
    said = answer(tool, place_of(root, documents=documents, environ=environ), _arguments(arguments, given))
    return (prepare([Block(label=f"tool {name}", text=said)]).text if marked else said) + "\n"


def place_of(root: Path, *, documents: Path | None, environ: Mapping[str, str]) -> Place:
    """The commit that the checkout at `root` stands on. `documents` is a folder with plan.json, drift.json (a plan of
    the code as it stands) and outcome.json, each where there is one.
    """
    repo = open_repo(root)
    pythons = find_interpreters(environ, homes=environments(environ))
    found = Documents(documents) if documents else None
    outcome = found.get(Outcome) if found else None
    return Place(
        repo=repo,
        commit=head(repo),
        root=root,
        settings=settings_of(root, mirror=environ.get("INFRA_AGENT_PROVIDER_MIRROR", "")),
        guardrails=guardrails_of(root),
        tools=Tools(environment=allowed(environ)),
        cache=cache_of(environ),
        today=datetime.now(UTC).date(),
        blueprints=load_blueprints(),
        pythons=pythons._asdict(),
        plan=found.get(Plan) if found else None,
        drift=_drift(documents) if documents else None,
        outcomes=(outcome,) if outcome else (),
        secrets=secrets_of(environ),
        explained=told,
    )


def cache_of(environ: Mapping[str, str]) -> Path:
    """Where the answers of providers and of Ansible are kept: they are the same for every checkout."""
    home = environ.get("INFRA_AGENT_CACHE") or environ.get("XDG_CACHE_HOME") or environ.get("RUNNER_TEMP")
    return (Path(home) if home else Path.home() / ".cache") / "infra-agent"


def _drift(folder: Path) -> Plan | None:
    path = folder / DRIFT
    return parse(Plan, _text(path), source=DRIFT) if path.is_file() else None


def _arguments(pairs: Sequence[str], given: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given:
        text = _text(Path(given[1:])) if given.startswith("@") else given
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UserError(f"--json: not JSON: {error}") from error
        if not isinstance(found, dict):
            raise UserError(f'--json: must be an object such as {{"path": "x"}}, got {type(found).__name__}')
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            raise UserError(f"{pair[:60]!r}: arguments are written key=value; `infra-agent tool NAME ?` names them")
        found[key] = value
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UserError(f"{path}: larger than {_MOST_BYTES} bytes")
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def _list() -> str:
    width = max(map(len, TOOLS))
    rows = [f"{name:<{width}}  {tool.description}" for name, tool in TOOLS.items()]
    more = "`infra-agent tool NAME ?` names its arguments, `infra-agent tool NAME key=value …` asks"
    return "\n".join([*rows, "", f"{len(TOOLS)} tools, none of which writes; {more}"]) + "\n"


def _page(tool: Tool) -> str:
    rows = [f"{tool.name}: {tool.description}", f"answers with at most {tool.tokens} tokens", ""]
    for name, field in tool.parameters.model_fields.items():
        needed = "required" if field.is_required() else f"default {json.dumps(field.default)}"
        rows.append(f"  {name} ({needed}): {' '.join((field.description or '').split())}")
    return "\n".join(rows) + "\n"
