"""GitHub's own descriptions of its API and webhooks in, validators for answers and payloads out."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7, DRAFT202012

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache" / "contract"
OPENAPI = "node_modules/@octokit/openapi/generated/api.github.com.json"
WEBHOOKS = "node_modules/@octokit/webhooks-schemas/schema.json"
SECONDS_TO_INSTALL = 240


def install() -> Path:
    """The folder with the installed packages; `npm ci` when it is not up to date. Skips loudly without npm."""
    lock = (HERE / "package-lock.json").read_text()
    done = CACHE / "installed.json"
    if done.is_file() and done.read_text() == lock and (CACHE / OPENAPI).is_file():
        return CACHE
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on PATH: the answers are NOT compared with GitHub's own API description")
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE / name)
    argv = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    ended = subprocess.run(argv, cwd=CACHE, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False)
    if ended.returncode != 0:
        pytest.skip(f"npm ci failed: GitHub's API description is NOT compared: {ended.stderr[-300:]}")
    done.write_text(lock)
    return CACHE


class Api:
    """GitHub's OpenAPI description."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths: dict[str, dict[str, Any]] = document["paths"]
        resource = DRAFT202012.create_resource(_null_aware(document))
        self._registry: Registry[Any] = Registry().with_resource("urn:api", resource)
        self._patterns = [(template, _pattern(template)) for template in self.paths]

    def problems(self, method: str, path: str, status: int, answer: Any) -> list[str]:
        """What GitHub's description says against this answer; a path or status it does not know is one."""
        template = self._template(path, method)
        if template is None:
            return [f"{method} {path}: no such operation"]
        operation = self.paths[template][method.lower()]
        if str(status) not in operation["responses"]:
            return [f"{method} {template}: no status {status}"]
        pointer = f"#/paths/{_escape(template)}/{method.lower()}/responses/{status}"
        response = operation["responses"][str(status)]
        if "$ref" in response:
            pointer = response["$ref"]
            response = self._registry.resolver("urn:api").lookup(f"urn:api{pointer}").contents
        if "application/json" not in response.get("content", {}):
            return [] if answer is None else [f"{method} {template} {status}: GitHub has no body here"]
        schema = {"$ref": f"urn:api{pointer}/content/application~1json/schema"}
        return _problems(Draft202012Validator(schema, registry=self._registry), f"{method} {template}", answer)

    def _template(self, path: str, method: str) -> str | None:
        """The most literal template that matches."""
        found = [
            template
            for template, pattern in self._patterns
            if pattern.fullmatch(path) and method.lower() in self.paths[template]
        ]
        return min(found, key=lambda template: (template.count("{"), -len(template)), default=None)


class Webhooks:
    """GitHub's webhook schemas."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._names = set(document["definitions"])
        self._registry: Registry[Any] = Registry().with_resource("urn:hooks", DRAFT7.create_resource(document))

    def problems(self, name: str, payload: Any) -> list[str]:
        """What GitHub's schema for the event says against this payload."""
        action = payload.get("action", "event")
        wanted = next((one for one in (f"{name}${action}", f"{name}$event") if one in self._names), None)
        if wanted is None:
            return [f"{name}.{action}: no such event"]
        schema = {"$ref": f"urn:hooks#/definitions/{wanted}"}
        return _problems(Draft7Validator(schema, registry=self._registry), wanted, payload)


@cache
def api() -> Api:
    return Api(json.loads((install() / OPENAPI).read_text()))


@cache
def webhooks() -> Webhooks:
    return Webhooks(json.loads((install() / WEBHOOKS).read_text()))


def _problems(validator: Validator, what: str, value: Any) -> list[str]:
    return [
        f"{what}: {'/'.join(str(part) for part in error.absolute_path) or '.'}: {error.message[:300]}"
        for error in validator.iter_errors(value)
    ]


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", template)
    # GitHub's paths, refs and basehead hold slashes of their own
    loose = ("{path}", "{ref}", "{basehead}")
    return re.compile(
        "".join((r".+" if part in loose else r"[^/]+") if part.startswith("{") else re.escape(part) for part in parts)
    )


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


def _null_aware(document: dict[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0's `nullable` -> a JSON Schema that says so; other keys are the same in both."""

    def visit(value: Any) -> Any:
        if isinstance(value, list):
            return [visit(item) for item in value]
        if not isinstance(value, dict):
            return value
        made = {key: visit(item) for key, item in value.items() if key not in ("example", "examples", "description")}
        return {"anyOf": [made, {"type": "null"}]} if value.get("nullable") is True else made

    return {
        "paths": document["paths"],
        "components": {
            "schemas": visit(document["components"]["schemas"]),
            "responses": visit(document["components"]["responses"]),
        },
    }
