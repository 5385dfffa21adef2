"""The text of a JSON bundle -> files, or why it is none; a whole change -> findings about its shape. Pure and total."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agent.domain import File, Finding
from agent.gate.paths import PROTECTED, UNIT
from agent.gate.rules import Hit, Rule, finding, printable
from agent.guardrails import Guardrails

MAX_BUNDLE_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 16
PLAIN_MODES = ("100644",)


class Unread(ValueError):
    """The text is no bundle."""


@dataclass(frozen=True)
class Bundle:
    """`files` is what could be read; `findings` says what could not (a mode, a text that is no text)."""

    files: tuple[File, ...] = ()
    findings: tuple[Finding, ...] = field(default=())


class ChangeUnderTest(NamedTuple):
    """All files of a change at once, with what the pipeline itself would write (`trusted`: path -> content)."""

    files: Sequence[File]
    guardrails: Guardrails
    trusted: Mapping[str, str]


def parse_bundle(text: str | bytes) -> Bundle:
    """`{"files": [{"path", "content", "mode"?}]}` -> Bundle. `content` null is a deletion; `mode` is git's, as text.

    Total: anything else gives `bundle/unreadable` findings. Duplicate keys, unknown keys and deep nesting are refused.
    """
    try:
        data = _load(text)
        entries = _entries(data)
    except Unread as error:
        return Bundle((), (finding("bundle/unreadable", Hit(str(error))),))
    files: list[File] = []
    findings: list[Finding] = []
    for number, entry in enumerate(entries):
        try:
            path, content, mode = _entry(entry, number)
        except Unread as error:
            findings.append(finding("bundle/unreadable", Hit(str(error))))
            continue
        if mode not in PLAIN_MODES:
            findings.append(finding("bundle/mode", Hit(f"mode {mode}: only plain files (100644) are written", path)))
        try:
            path.encode()
            (content or "").encode()
        except UnicodeEncodeError:
            findings.append(finding("bundle/encoding", Hit("not UTF-8: holds half a character", path)))
            continue
        files.append(File(path=path, content=content))
    return Bundle(tuple(files), tuple(findings))


def _load(text: str | bytes) -> Any:
    if len(text) > MAX_BUNDLE_BYTES:
        raise Unread(f"the bundle is larger than {MAX_BUNDLE_BYTES} bytes")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Unread(f"the bundle is not UTF-8, at byte {error.start}") from error
    if _depth(text) > MAX_DEPTH:
        raise Unread(f"the bundle is nested deeper than {MAX_DEPTH}")
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except Unread:
        raise
    except ValueError as error:
        raise Unread(f"the bundle is not JSON: {error}") from error


def _depth(text: str) -> int:
    """How deep brackets nest outside strings; counted before the JSON reader recurses."""
    depth = deepest = at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            at = _string_end(text, at)
            continue
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MAX_DEPTH:
                return deepest
        elif char in "]}":
            depth -= 1
        at += 1
    return deepest


def _string_end(text: str, at: int) -> int:
    at += 1
    while True:
        quote = text.find('"', at)
        if quote < 0:
            return len(text)
        slashes = quote - len(text[at:quote].rstrip("\\")) - at
        if slashes % 2 == 0:
            return quote + 1
        at = quote + 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unread("the bundle says a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise Unread(f"the bundle holds {name}, which is not JSON")


def _entries(data: Any) -> list[Any]:
    if not isinstance(data, dict) or not isinstance(data.get("files"), list):
        raise Unread('the bundle must be {"files": [{"path": …, "content": …}]}')
    if unknown := set(data) - {"files"}:
        raise Unread(f"the bundle has unknown keys: {', '.join(sorted(printable(key)[:40] for key in unknown))}")
    files: list[Any] = data["files"]
    return files


def _entry(entry: Any, number: int) -> tuple[str, str | None, str]:
    where = f"files[{number}]"
    if not isinstance(entry, dict) or not {"path", "content"} <= set(entry) <= {"path", "content", "mode"}:
        raise Unread(f"{where} must hold path and content, and may hold mode")
    path, content, mode = entry["path"], entry["content"], entry.get("mode", "100644")
    if not isinstance(path, str) or not isinstance(content, str | None) or not isinstance(mode, str | int):
        raise Unread(f"{where}: path is text, content is text or null, mode is text")
    return path, content, str(mode)


def duplicates(change: ChangeUnderTest) -> Iterator[Hit]:
    """Two entries for one path, or a path that is a file in one entry and a folder in another: which one is written
    would depend on the order.
    """
    seen: set[str] = set()
    parents = {
        "/".join(file.path.split("/")[:end])
        for file in change.files
        for end in range(1, min(file.path.count("/"), 40) + 1)
    }
    for file in change.files:
        if file.path in seen:
            yield Hit("stands in the change twice", file.path)
        elif file.path in parents:
            yield Hit("is a file and a folder at once", file.path)
        seen.add(file.path)


def limits(change: ChangeUnderTest) -> Iterator[Hit]:
    """`limits.max_files` and `limits.max_file_bytes` of the guardrails."""
    most, size = change.guardrails.limits.max_files, change.guardrails.limits.max_file_bytes
    if len(change.files) > most:
        yield Hit(f"{len(change.files)} files; the guardrails allow {most}")
    for file in change.files:
        given = len((file.content or "").encode("utf-8", "replace"))
        if given > size:
            yield Hit(f"{given} bytes; the guardrails allow {size}", file.path)


def protected(change: ChangeUnderTest) -> Iterator[Hit]:
    """Deleting the files that say where state lives, which provider runs or how health is judged is not an ordinary
    change.
    """
    for file in change.files:
        if file.content is None and file.path.rsplit("/", 1)[-1] in PROTECTED:
            yield Hit("may not be deleted by a change", file.path)


def nothing(change: ChangeUnderTest) -> Iterator[Hit]:
    """A change without files is no change; nothing was looked at, so nothing was passed."""
    if not change.files:
        yield Hit("the change holds no files")


def _never(_: ChangeUnderTest) -> Iterator[Hit]:
    """Found while the bundle is read, before there is a change to look at. A mode other than `100644` is a link, a
    submodule or an executable.
    """
    return iter(())


ONE = '{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": ""%s}]}'


def _raw(text: str) -> dict[str, str | None]:
    return {"bundle.json": text}


def _many(count: int) -> dict[str, str | None]:
    return {f"{UNIT}/f{number}.tf": "" for number in range(count)}


RULES: tuple[Rule[ChangeUnderTest], ...] = (
    Rule(
        "bundle/unreadable",
        "the bundle is one JSON object of files",
        _never,
        fires=tuple(
            _raw(text) for text in ("{", "[]", '{"files": 1}', '{"files": [], "files": []}', '{"files": [{"path": 1}]}')
        ),
        passes=(_raw('{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": ""}]}'),),
        waivable=False,
    ),
    Rule(
        "bundle/mode",
        "only plain files",
        _never,
        fires=tuple(_raw(ONE % f', "mode": "{mode}"') for mode in ("120000", "160000", "100755")),
        passes=(_raw(ONE % ', "mode": "100644"'),),
        waivable=False,
    ),
    Rule(
        "bundle/encoding",
        "paths and texts are UTF-8",
        _never,
        fires=(_raw('{"files": [{"path": "infra/terraform/dev/app/main.tf", "content": "\ud800"}]}'),),
        passes=(_raw(ONE % ""),),
        waivable=False,
    ),
    Rule("bundle/empty", "a change holds files", nothing, fires=({},), passes=(_many(1),), waivable=False),
    Rule(
        "bundle/duplicate",
        "each path once",
        duplicates,
        fires=({f"{UNIT}/a.tf": "", f"{UNIT}/a.tf/b.tf": ""},),
        passes=(_many(2),),
        waivable=False,
    ),
    Rule(
        "bundle/limit",
        "no more and no larger files than the guardrails allow",
        limits,
        fires=(_many(1001), {f"{UNIT}/a.tf": "#" * 1_000_001}),
        passes=(_many(3),),
        waivable=False,
    ),
    Rule(
        "bundle/protected",
        "protected files are not deleted",
        protected,
        fires=({f"{UNIT}/terraform.tf": None}, {f"{UNIT}/probes.yaml": None}),
        passes=({f"{UNIT}/old.tf": None},),
    ),
)
