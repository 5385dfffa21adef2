"""Schemas of configuration files: current, described, and of one mind with the parser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from agent.errors import UserError
from agent.schemas import CONFIGURATION, NAMES, SCHEMAS_PATH, json_schema, text_of

ROOT = Path(__file__).parent.parent
FILES = {
    "guardrails": "policies/guardrails.yml",
    "settings": ".github/infra-agent.yml",
    "severity": "policies/severity.yml",
    "waivers": "policies/waivers.yml",
}


def fields(value: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for name, field in value.get("properties", {}).items():
            yield f"{where}.{name}", field
        for key, part in value.items():
            yield from fields(part, f"{where}/{key}")


@pytest.mark.parametrize("name", CONFIGURATION)
def test_the_files_are_current(name: str) -> None:
    written = (ROOT / SCHEMAS_PATH / f"{name}.json").read_text(encoding="utf-8")
    assert written == text_of(name), "run: python -c 'from agent.schemas import *; write_schemas(Path())'"


@pytest.mark.parametrize("name", CONFIGURATION)
def test_every_field_is_described(name: str) -> None:
    found = dict(fields(json_schema(name)))
    assert found
    assert [where for where, field in found.items() if not field.get("description")] == []


@pytest.mark.parametrize(("name", "path"), FILES.items())
def test_the_shipped_file_fits_its_schema(name: str, path: str) -> None:
    data = YAML(typ="safe").load((ROOT / path).read_text(encoding="utf-8"))
    plain = json.loads(json.dumps(data, default=str))
    jsonschema.Draft202012Validator(json_schema(name)).validate(plain)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema(name)).validate({**plain, "nonsense": 1})


def test_documents_are_there_and_others_are_named() -> None:
    assert json_schema("plan")["title"] == "infra-agent plan.json, version 1"
    assert {"guardrails", "plan"} <= set(NAMES)
    with pytest.raises(UserError, match=r"guardrail: no such document; there are .*guardrails"):
        json_schema("guardrail")
