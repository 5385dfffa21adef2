"""Dataset files (YAML, or JSON lines) -> cases: a request, and what code can check of the answer to it. Pure."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, JsonValue, ValidationError, model_validator

from agent.domain import Target, Value
from agent.errors import UserError

Ending = Literal["written", "asked", "refused", "stopped"]
Difficulty = Literal["easy", "ordinary", "hard"]
Kind = Literal["new", "edit", "multi", "ambiguous", "forbidden", "malicious", "external"]
MAX_BYTES = 8 * 1024 * 1024
MAX_CASES = 10_000
# What others call it: the columns of IaC-Eval, and its six levels of difficulty.
THEIRS = {"id": "id", "prompt": "prompt", "rego": "rego", "rego intent": "rego", "difficulty": "difficulty"}
LEVELS: Mapping[str, Difficulty] = {
    "easy": "easy", "1": "easy", "2": "easy", "ordinary": "ordinary", "3": "ordinary", "4": "ordinary",
    "hard": "hard", "5": "hard", "6": "hard",
}  # fmt: skip


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_pattern)]


class Attribute(Value):
    """What one attribute of every thing of `type` (whose name is `named`, where that is given) must be.

    `path` goes down by dots; `*` stands for every item of a list. Exactly one of `equals`, `matches`, `absent` is
    given; with `any`, one thing of the type is enough.
    """

    type: Annotated[str, Field(min_length=1)]
    named: str = ""
    path: str
    equals: JsonValue = None
    matches: Pattern | None = None
    absent: bool = False
    any: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Attribute":
        given = [name for name in ("equals", "matches", "absent") if name in self.model_fields_set]
        if len(given) != 1:
            raise ValueError("exactly one of equals, matches, absent must be given")
        return self


class Expect(Value):
    """What is expected. Everything but `endings` is judged only when something was written.

    `endings` are the ways in which it may end (`stopped`: the gate refused every draft). `units` may be touched, and
    no other (empty: not judged). `resources` says how many things of a type the changed units hold at least; `none`
    are types (`*` stands for any text) that the change may not add. `lines` names, for each file that stands and may
    change, which of its lines may go (regular expressions; every other line stays); files that stand and are not named
    stay as they are, unless `lines` is None. `somewhere` are patterns that some written file must hold, `nowhere` those
    that none may.
    """

    endings: Annotated[tuple[Ending, ...], Field(min_length=1)] = ("written",)
    units: tuple[str, ...] = ()
    resources: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    none: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    lines: dict[str, tuple[Pattern, ...]] | None = Field(default_factory=dict)
    somewhere: tuple[Pattern, ...] = ()
    nowhere: tuple[Pattern, ...] = ()


class Case(Value):
    """A request and its expectations. `rego` is a policy that judges the plan (Terraform) or the manifests."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    title: Annotated[str, Field(min_length=1, max_length=300)]
    prompt: Annotated[str, Field(min_length=1, max_length=60_000)]
    target: Target = "terraform"
    difficulty: Difficulty = "ordinary"
    kind: Kind = "external"
    answers: tuple[str, ...] = ()
    rego: str = ""
    expect: Expect = Expect()


def load_cases(
    path: Path,
    *,
    tell: Callable[[str], None] = lambda line: None,
    unreadable: Callable[[Sequence[str]], Sequence[str]] = lambda policies: [""] * len(policies),
) -> tuple[Case, ...]:
    """The cases of a `.yaml` file of ours, or of `.jsonl` from anywhere: `id`, `prompt`, and what else is known.

    Keys of JSON lines that mean nothing here are told and passed over. `unreadable` says of each policy why it cannot
    be read, or nothing. Raises UserError naming file, place and reason.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: must have at most {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}; name a file with --dataset") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8") from error
    placed = list(_of_lines(text, path, tell) if path.suffix == ".jsonl" else _of_yaml(text, path))
    if not placed:
        raise UserError(f"{path}: holds no case")
    if len(placed) > MAX_CASES:
        raise UserError(f"{path}: holds {len(placed)} cases; at most {MAX_CASES} are run")
    first: dict[str, str] = {}
    for where, case in placed:
        if case.id in first:
            raise UserError(f"{where}: {case.id} is there twice, first at {first[case.id]}; each case has its own id")
        first[case.id] = where
    judged = [(where, case.rego) for where, case in placed if case.rego]
    for (where, _), why in zip(judged, unreadable([policy for _, policy in judged]), strict=True):
        if why:
            raise UserError(f"{where}: rego: {why}")
    return tuple(case for _, case in placed)


def _of_yaml(text: str, path: Path) -> Iterable[tuple[str, Case]]:
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, list):
        raise UserError(f"{path}: must be a list of cases")
    for number, item in enumerate(data, start=1):
        yield _case(item, f"{path}: case {number}")


def _of_lines(text: str, path: Path, tell: Callable[[str], None]) -> Iterable[tuple[str, Case]]:
    passed_over: dict[str, int] = {}
    # Not splitlines: a text in JSON may hold characters that end a line elsewhere.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            data = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: not JSON: {error}") from error
        if not isinstance(data, dict):
            raise UserError(f"{where}: must be an object with id and prompt")
        known = {key: value for key, value in data.items() if key in Case.model_fields and value is not None}
        for key, value in data.items():
            if key in Case.model_fields:
                continue
            ours = THEIRS.get(key.strip().lower(), "")
            if ours and ours not in known and value is not None:
                known[ours] = value
            else:
                passed_over.setdefault(key, number)
        yield _case(_completed(known, where), where)
    if passed_over:
        names = ", ".join(f"{name[:60]} (line {number})" for name, number in sorted(passed_over.items())[:20])
        tell(f"{path}: not used: {names}")


def _completed(known: dict[str, Any], where: str) -> dict[str, Any]:
    """A row of somebody else with what every case of ours has. Raises UserError: there is no prompt."""
    prompt = known.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise UserError(f"{where}: prompt: must be a text that says what is asked for")
    if isinstance(known.get("id"), int) and not isinstance(known["id"], bool):
        known["id"] = str(known["id"])
    known["difficulty"] = LEVELS.get(str(known.get("difficulty", "ordinary")), known.get("difficulty"))
    # What others expect is their policy: nothing is said of the files that stand.
    return {"title": prompt.strip().partition("\n")[0][:120], "expect": {"lines": None}, **known}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        double = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{double[:60]} is there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _case(data: Any, where: str) -> tuple[str, Case]:
    if isinstance(data, Mapping) and isinstance(data.get("id"), str):
        where = f"{where} ({data['id'][:60]})"
    try:
        return where, Case.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{where}: {place or 'case'}: {first['msg']}") from error
