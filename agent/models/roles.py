"""Role files (Markdown with front matter) -> Roles: who is asked, what they may read, and how much it may cost."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from agent.domain import Value
from agent.errors import UserError
from agent.settings import SETTINGS_PATH, ModelName, RoleName, Section, parse

PACKAGED = Path(__file__).parent / "roles"
OWN_ROLES = ".github/infra-agent/roles"
MAX_BYTES = 64 * 1024
FRONT = re.compile(r"---\r?\n(?P<front>.*?\n)---\r?\n(?P<body>.*)", re.DOTALL)

Output = Literal["intent", "change", "review", "diagnosis", "text"]


class Limits(Section):
    """What one model may take for one question, its tool calls and repeats included. The next model of the role, asked
    when one cannot answer, begins anew; the ceilings of the request and of the day hold over all of them.
    """

    input_tokens: Annotated[int, Field(ge=1_000, le=2_000_000)] = 200_000
    """Tokens read, over all requests of one question."""
    output_tokens: Annotated[int, Field(ge=100, le=200_000)] = 16_000
    """Tokens written, over all requests of one question."""
    requests: Annotated[int, Field(ge=1, le=100)] = 20
    """Requests to the model: one a round of tool calls."""
    seconds: Annotated[int, Field(ge=1, le=1_800)] = 300
    """Wall time of one question."""
    usd: Annotated[float, Field(gt=0, le=100)] = 2.0
    """Price of one question, where the model's price is known."""


class Front(Section):
    """The front matter of a role file."""

    role: RoleName
    """Name of the role; that of the file as well."""
    does: Annotated[str, Field(min_length=1, max_length=200)]
    """What the role is for, in one line."""
    models: Annotated[tuple[ModelName, ...], Field(min_length=1, max_length=5)]
    """Who is asked, in this order: the next one when the one before cannot answer."""
    tools: tuple[RoleName, ...] = ()
    """Reading tools that the role may call (`infra-agent tool` lists them)."""
    limits: Limits = Limits()
    """What one question may take."""
    output: Output
    """What the answer is."""


class Role(Value):
    """A role as it is asked. `version` are the first 12 hex digits of the file's SHA-256; `prompt` is its body."""

    name: str
    does: str
    models: tuple[str, ...]
    tools: tuple[str, ...]
    limits: Limits
    output: Output
    prompt: str
    version: str
    path: str


def load_roles(
    root: Path, *, tools: frozenset[str] | None = None, chosen: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> dict[str, Role]:
    """The packaged roles, with those of the checkout at `root` (its default branch) in their place or beside them.

    `tools` are the names that a role may list, `chosen` the models that the settings name for a role
    (`settings.models.roles`). Raises UserError naming file, line, field and reason.
    """
    found = {}
    for folder, shown in ((PACKAGED, "agent/models/roles"), (root / OWN_ROLES, OWN_ROLES)):
        for path in sorted(folder.glob("*.md")) if folder.is_dir() else []:
            role = parse_role(_text(path, f"{shown}/{path.name}"), f"{shown}/{path.name}", tools=tools)
            if role.name != path.stem:
                raise UserError(f"{shown}/{path.name}:2: role: must be {path.stem}, as the file is named")
            found[role.name] = role
    for name, models in chosen.items():
        if name not in found:
            raise UserError(f"{SETTINGS_PATH}: models.roles.{name}: no such role; there are {', '.join(sorted(found))}")
        found[name] = found[name].model_copy(update={"models": models})
    return dict(sorted(found.items()))


def parse_role(text: str, path: str, *, tools: frozenset[str] | None = None) -> Role:
    """Text of a role file -> Role; `path` is only named in errors."""
    match = FRONT.fullmatch(text)
    if match is None:
        raise UserError(f"{path}:1: must begin with front matter between two lines of ---, then hold the prompt")
    # One line stands before the front matter: so lines are counted as the file has them.
    front = parse(Front, "\n" + match["front"], path)
    prompt = match["body"].strip()
    if not prompt:
        raise UserError(f"{path}: holds no prompt below its front matter")
    unknown = [name for name in front.tools if tools is not None and name not in tools]
    if unknown:
        raise UserError(f"{path}: tools: {unknown[0]} is no tool; `infra-agent tool` lists them")
    return Role(
        name=front.role,
        does=front.does,
        models=front.models,
        tools=front.tools,
        limits=front.limits,
        output=front.output,
        prompt=prompt,
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
        path=path,
    )


def _text(path: Path, shown: str) -> str:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
        raise UserError(f"{shown}: must be a plain file of at most {MAX_BYTES} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{shown}: not UTF-8") from error
