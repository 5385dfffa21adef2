"""Name of a document or of a configuration file -> its JSON Schema; for configuration, as editors read it."""

import json
from pathlib import Path
from typing import Any

from agent.checks.severity import Severities
from agent.checks.waivers import Waivers
from agent.documents import schema
from agent.domain import DOCUMENTS, Value
from agent.errors import UserError
from agent.guardrails import Guardrails
from agent.settings import Settings

SCHEMAS_PATH = "policies/schemas"
CONFIGURATION: dict[str, type[Value]] = {
    "guardrails": Guardrails,
    "settings": Settings,
    "severity": Severities,
    "waivers": Waivers,
}
NAMES = tuple(sorted((*DOCUMENTS, *CONFIGURATION)))


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a document (`plan`) or of a configuration file (`guardrails`).

    Raises UserError for an unknown name.
    """
    if name in DOCUMENTS:
        return schema(name)
    if name not in CONFIGURATION:
        raise UserError(f"{name}: no such document; there are {', '.join(NAMES)}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **CONFIGURATION[name].model_json_schema(),
        "title": f"infra-agent {name}, version 1",
    }


def write_schemas(root: Path) -> None:
    """Write the schemas of all configuration files to `root/policies/schemas`, where their first lines point."""
    folder = root / SCHEMAS_PATH
    folder.mkdir(parents=True, exist_ok=True)
    for name in CONFIGURATION:
        (folder / f"{name}.json").write_text(text_of(name), encoding="utf-8")


def text_of(name: str) -> str:
    """The schema as the file holds it."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"
