"""`.github/infra-agent.yml` -> Settings; `policies/guardrails.yml` -> Guardrails. Refused at the line."""

from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from agent.domain import Value
from agent.errors import UserError

SETTINGS_PATH = ".github/infra-agent.yml"
GUARDRAILS_PATH = "policies/guardrails.yml"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class State(Value):
    """Where Terraform state lives: an S3 bucket; the lock is a file beside the state (`use_lockfile`)."""

    bucket: str
    region: str
    prefix: str = ""


class Environment(Value):
    region: str
    state: State
    tags: dict[str, str] = Field(default_factory=dict)


class Provider(Value):
    """A provider that generated units may use. `version` is exact: the trusted lock file names its hashes."""

    source: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]


class TerraformSettings(Value):
    """`binary` empty: `terraform`, then `tofu`, on PATH. `provider_mirror` empty: the public registry."""

    binary: str = ""
    required_version: str = ">= 1.10"
    provider_mirror: str = ""
    providers: dict[Name, Provider]
    timeout_seconds: Annotated[int, Field(ge=10, le=7200)] = 1800


class Settings(Value):
    version: Literal[1]
    request_label: str = "infra-request"
    environments: dict[Name, Environment]
    terraform: TerraformSettings


class Limits(Value):
    max_files: Annotated[int, Field(ge=1, le=1000)] = 100
    max_file_bytes: Annotated[int, Field(ge=1, le=1_000_000)] = 200_000
    max_creates: Annotated[int, Field(ge=0)] = 100
    max_destroys: Annotated[int, Field(ge=0)] = 0


class Guardrails(Value):
    """What a platform team allows at all. `stateful_types` hold data: destroying one needs its own approval.

    `module_sources` are beginnings of addresses outside the tree that a module may come from; `image_registries` are
    beginnings of image names (empty: the gate's own list).
    """

    version: Literal[1]
    environments: tuple[Name, ...]
    limits: Limits = Limits()
    providers: tuple[str, ...]
    module_sources: tuple[str, ...] = ()
    image_registries: tuple[str, ...] = ()
    stateful_types: tuple[str, ...] = ()


Config = TypeVar("Config", bound=Value)


def load_settings(root: Path) -> Settings:
    """The settings of the checkout at `root`. Raises UserError naming file, line, field and reason."""
    return parse(Settings, _read(root, SETTINGS_PATH), SETTINGS_PATH)


def load_guardrails(root: Path) -> Guardrails:
    """The guardrails of the checkout at `root`. Raises UserError naming file, line, field and reason."""
    return parse(Guardrails, _read(root, GUARDRAILS_PATH), GUARDRAILS_PATH)


def parse(kind: type[Config], text: str, path: str) -> Config:
    """Text of a YAML file -> checked configuration; `path` is only named in errors."""
    yaml = YAML(typ="rt")
    try:
        data = yaml.load(StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UserError(f"{path}:{line}: not YAML: {error.problem}") from error
    except YAMLError as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{path}:1: must be a mapping, got {type(data).__name__}")
    try:
        return kind.model_validate(_plain(data))
    except ValidationError as error:
        raise UserError("\n".join(_explain(path, data, dict(problem)) for problem in error.errors())) from error


def _read(root: Path, path: str) -> str:
    try:
        return (root / path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: not there; `infra-agent` needs it on the default branch") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8") from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _explain(path: str, data: Any, problem: dict[str, Any]) -> str:
    line = 1
    for part in problem["loc"]:
        if part == "[key]":  # pydantic's word for the key itself: its line is known already
            break
        if isinstance(data, dict | list) and hasattr(data, "lc"):
            place = data.lc.data.get(part) if data.lc.data else None
            line = place[0] + 1 if place else data.lc.line + 1
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
    name = ".".join(str(part) for part in problem["loc"])
    got = "" if problem["type"] == "missing" else f", got {problem['input']!r:.80}"
    return f"{path}:{line}: {name}: {problem['msg']}{got}"
