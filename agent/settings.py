"""Text of a YAML file -> checked configuration, above all Settings; what is wrong is refused at its line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from agent.domain import Value
from agent.errors import UserError

SETTINGS_PATH = ".github/infra-agent.yml"


@dataclass(frozen=True)
class Shape:
    """A text of a certain form; `words` say which, where an editor or a person meets a wrong one."""

    pattern: str
    words: str

    def fits(self, text: str) -> bool:
        return re.fullmatch(self.pattern, text) is not None

    def check(self, text: str) -> str:
        if not self.fits(text):
            raise ValueError(f"must be {self.words}")
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}


Name = Annotated[str, Shape(r"[a-z][a-z0-9-]{0,31}", "a name of small letters, digits and hyphens, such as dev")]


class Section(Value):
    """A part of a configuration file. The text below each field is what an editor shows for it."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class State(Section):
    """Where Terraform state lives: an S3 bucket; the lock is a file beside the state (`use_lockfile`)."""

    bucket: str
    """Name of the bucket. It has to exist."""
    region: str
    """Region of the bucket, such as `us-east-1`."""
    prefix: str = ""
    """What stands before `<unit>.tfstate` in the bucket's keys."""


class Environment(Section):
    """One environment: where its resources go."""

    region: str
    """Region of the environment's resources, such as `us-east-1`."""
    state: State
    """Where the state of the environment's units lives."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags that every resource of the environment gets (`default_tags` of the provider)."""


class Provider(Section):
    """A provider that generated units may use."""

    source: Annotated[str, Shape(r"[a-z0-9-]+/[a-z0-9-]+", "namespace/name, such as hashicorp/aws")]
    """`namespace/name` in the registry, such as `hashicorp/aws`."""
    version: Annotated[str, Shape(r"\d+\.\d+\.\d+", "an exact version, such as 5.100.0")]
    """The exact version: the trusted lock file names its hashes."""


class TerraformSettings(Section):
    """Which Terraform runs, and with which providers."""

    binary: str = ""
    """Path of the program. Empty: `terraform`, then `tofu`, on PATH."""
    required_version: str = ">= 1.10"
    """`required_version` of every unit."""
    provider_mirror: str = ""
    """Folder that holds the providers. Empty: the public registry."""
    providers: dict[Name, Provider]
    """Providers by their local name in Terraform code."""
    timeout_seconds: Annotated[int, Field(ge=10, le=7200)] = 1800
    """How long one call of Terraform may take."""


# Those whose schemas the locked kubernetes-validate brings; a test holds the two together.
KUBERNETES_VERSIONS = Literal[
    "1.25", "1.26", "1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37"
]


def _in_quotes(version: Any) -> Any:
    if isinstance(version, int | float):
        raise ValueError('must be in quotes, such as "1.31": without them YAML reads 1.30 as 1.3')
    return version


class KubernetesSettings(Section):
    """Which Kubernetes manifests are for."""

    version: Annotated[KUBERNETES_VERSIONS | None, BeforeValidator(_in_quotes)] = None
    """Version of the clusters, such as "1.31", in quotes: manifests are held against its schemas. Absent: the newest
    that is known."""


class ApplySettings(Section):
    """How a merge is applied."""

    lock_wait_minutes: Annotated[int, Field(ge=0, le=45)] = 10
    """How long a run waits for a unit that another run is applying."""
    max_age_days: Annotated[int, Field(ge=1, le=90)] = 7
    """How long after its merge a change may still be applied, by a retry or a re-run."""


MODEL = r"[a-z][a-z0-9_-]{0,31}:[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}"
ModelName = Annotated[str, Shape(MODEL, "provider:model, such as anthropic:claude-sonnet-5-5")]
RoleName = Annotated[str, Shape(r"[a-z][a-z0-9-]{0,39}", "a name of small letters, digits and hyphens")]


class Ceiling(Section):
    """The most that all questions to models of one request, or of one day, may take together."""

    tokens: Annotated[int | None, Field(ge=0)] = None
    """Tokens read and written. Absent: no limit of that kind."""
    usd: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    """Price in US dollars, where the price of the model is known."""
    seconds: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None
    """Time in which a model was waited for."""


class ModelsSettings(Section):
    """Which models are asked, and how much they may take. Keys and addresses are in the environment, never here."""

    roles: dict[RoleName, Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=5)]] = Field(
        default_factory=dict
    )
    """Models of a role in the order in which they are asked, in place of those that the role's file names."""
    request: Ceiling = Ceiling(tokens=3_000_000, usd=10, seconds=3_600)
    """What one request may take, over all its jobs of one run."""
    day: Ceiling = Ceiling(usd=100)
    """What one day (UTC) may take, as far as the file of INFRA_AGENT_SPEND_FILE tells."""


class Settings(Section):
    """Settings of infra-agent: `.github/infra-agent.yml` on the default branch."""

    version: Literal[1]
    """Version of this file's format."""
    request_label: str = "infra-request"
    """The issue label that calls the agent."""
    environments: dict[Name, Environment]
    """Environments by name. `policies/guardrails.yml` says what each of them allows."""
    terraform: TerraformSettings
    """Terraform and its providers."""
    apply: ApplySettings = ApplySettings()
    """How merges are applied."""
    kubernetes: KubernetesSettings = KubernetesSettings()
    """Kubernetes and its schemas."""
    models: ModelsSettings = ModelsSettings()
    """Language models, and what they may take."""


Config = TypeVar("Config", bound=Value)


def load_settings(root: Path) -> Settings:
    """The settings of the checkout at `root`. Raises UserError naming file, line, field and reason."""
    return parse(Settings, read(root, SETTINGS_PATH), SETTINGS_PATH)


def parse(kind: type[Config], text: str, path: str) -> Config:
    """Text of a YAML file -> checked configuration; `path` is only named in errors."""
    return cast(Config, _parsed(kind, text, path))


# A job reads its waivers and severities several times, at tenths of a second each; what comes of them is frozen.
@lru_cache(maxsize=32)
def _parsed(kind: type[Value], text: str, path: str) -> Value:
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
        problems: list[dict[str, Any]] = [dict(problem) for problem in error.errors()]
        wrong_inside = {problem["loc"][:-1] for problem in problems}
        raise UserError(
            "\n".join(
                _explain(path, data, kind, problem)
                for problem in problems
                if problem["type"] != "too_short" or problem["loc"] not in wrong_inside
            )
        ) from error


def read(root: Path, path: str) -> str:
    """Text of a configuration file that has to be in the checkout at `root`. Raises UserError naming it."""
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


def _explain(path: str, data: Any, kind: type[BaseModel], problem: dict[str, Any]) -> str:
    line = 1
    steps: list[Any] = []
    for part in problem["loc"]:
        if part == "[key]":  # pydantic's word for the key itself: its line is known already
            break
        steps.append(part)
        if isinstance(data, dict | list) and hasattr(data, "lc"):
            place = data.lc.data.get(part) if data.lc.data else None
            line = place[0] + 1 if place else data.lc.line + 1
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            break
    name = ".".join(str(step) for step in steps)
    return f"{path}:{line}: {name}: {_reason(kind, steps, problem)}"


def _reason(kind: type[BaseModel], steps: list[Any], problem: Mapping[str, Any]) -> str:
    """What is wrong in words a person can act on: the allowed values, and the one that was probably meant."""
    value = problem["input"]
    shown = f", got {value!r:.80}" if isinstance(value, str | int | float) else ""
    shown = f", got {value.isoformat()}" if isinstance(value, date) else shown
    if problem["type"] == "extra_forbidden":
        known = sorted({name for model in _models(kind, steps[:-1]) for name in model.model_fields})
        return f"no such field{_meant(str(steps[-1]), known)}; there are {', '.join(known)}"
    if problem["type"] in {"literal_error", "enum"}:
        values = [value.strip("'") for value in re.split(r", | or ", str(problem["ctx"]["expected"]))]
        named = f"one of {', '.join(values)}" if len(values) > 1 else values[0]
        return f"must be {named}{shown}{_meant(str(value), values)}"
    if problem["type"] == "missing":
        return "has to be given"
    return f"{problem['msg'].removeprefix('Value error, ')}{shown}"


def _meant(text: str, known: list[str]) -> str:
    close = get_close_matches(text.lower(), known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _models(kind: type[BaseModel], steps: list[Any]) -> Iterator[type[BaseModel]]:
    """The models that may stand at the place to which `steps` lead from `kind`."""
    found: set[Any] = {kind}
    for step in steps:
        after: set[Any] = set()
        for model in found:
            if step in model.model_fields:
                after |= set(_inside(model.model_fields[step].annotation))
            else:
                after.add(model)  # a key of a mapping, or a position in a list
        found = after
    yield from found


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _inside(part)
