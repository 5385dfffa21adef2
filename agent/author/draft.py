"""A draft, and what stands -> its scope, and findings on what a draft must be and may not touch. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.domain import File, Finding, Intent, Scope, Target, Verb
from agent.gate.hcl import Block, HclError
from agent.gate.hcl_parse import parse
from agent.gate.kubernetes_file import read_manifests
from agent.render.redact import REDACTED
from agent.tree import laid_over

NAME = r"[a-z][a-z0-9-]*"
UNITS: Mapping[Target, re.Pattern[str]] = {
    "terraform": re.compile(rf"infra/terraform/(?P<environment>(?!modules/){NAME})/{NAME}"),
    "ansible": re.compile(rf"infra/ansible/{NAME}"),
    "kubernetes": re.compile(rf"infra/kubernetes/(?P<environment>{NAME})/{NAME}"),
}
TRUSTED = ("terraform.tf", ".terraform.lock.hcl")
MODULES = "infra/terraform/modules"
# Rule -> what an author is told about it. These texts are all that a finding says.
RULES: Mapping[str, str] = {
    "draft/place": "lies outside the units of the task; write only below them",
    "draft/trusted": "the pipeline writes terraform.tf and the lock file itself; leave them out",
    "draft/twice": "is named twice; give each file once",
    "draft/type": "is of a type that the task does not name; leave it out",
    "draft/delete": "is taken away although the task deletes nothing; put it back as it was",
    "draft/unrelated": "differs from what stands, and the outline did not name it; put it back byte for byte",
    "draft/comment": "a comment that stands here is gone or changed; put it back as it was",
    "draft/layout": "only the spacing or the order differs from what stands; put it back byte for byte",
    "draft/readme": "a new unit needs a README.md: what it is, inputs and outputs, how to see that it is healthy and "
    "how to take it back",
    "draft/outputs": "a new unit needs outputs.tf with at least one output",
    "draft/described": "every variable needs a type and a description, every output a description",
    "draft/rollback": "the rollback note is empty; say in one or two sentences how to take the change back",
    "draft/nothing": "nothing would change; write what the task asks for",
    "draft/redacted": "holds (redacted), which stands for a text that you were not shown; write no file that holds it",
}
_KIND = re.compile(r"^kind:\s*([A-Za-z]+)\s*$", re.MULTILINE)


class Place(NamedTuple):
    """A top-level block of a file, with the comments right above it. `line` counts from 1."""

    text: str
    line: int
    block: Block


class Resource(NamedTuple):
    """A resource or data source of a unit, and how many instances it has; None when that cannot be read off."""

    unit: str
    type: str
    data: bool
    text: str
    instances: int | None


def environment_of(unit: str, target: Target) -> str | None:
    """The environment that a unit's folder names: empty when its target names none, None when it is no unit."""
    match = UNITS[target].fullmatch(unit)
    return match.groupdict().get("environment", "") if match else None


def problems(
    files: Sequence[File],
    *,
    base: Mapping[str, str],
    intent: Intent,
    edits: Mapping[str, Collection[str]],
    rollback: str,
    begun: Sequence[File] = (),
) -> tuple[Finding, ...]:
    """What is wrong with a draft whatever a tool says of it.

    `base` is every text below infra/ as it stands on the default branch. The draft began from it with the files `begun`
    laid over, and need not repeat those: they belong to the change. `edits` names, by path, the blocks of standing
    files that the outline said it would change (`resource.aws_s3_bucket.this`).
    """
    start, change = laid_over(base, begun), whole(begun, files)
    found = [*_places(files, intent), *_whole(files, change, start=start, base=base, rollback=rollback)]
    for file in files:
        before = start.get(file.path)
        if file.content is not None and REDACTED in file.content and REDACTED not in (before or ""):
            line = file.content.count("\n", 0, file.content.index(REDACTED)) + 1
            found.append(_finding("draft/redacted", file.path, line))
        if before is None:
            found += _described(file)
        elif file.content is None:
            meant = _deletes(intent) or file.path in edits or file.path not in base
            found += [] if meant else [_finding("draft/delete", file.path)]
        elif before != file.content:
            stands = base.get(file.path, "")
            found += _kept(
                file.path, before, file.content, edits.get(file.path, ()), deletes=_deletes(intent), stands=stands
            )
    if intent.target == "terraform":
        found += _types(change, base, intent)
    elif intent.target == "kubernetes":
        found += _kinds(change, intent)
    return tuple(sorted(dict.fromkeys(found), key=lambda one: (one.path, one.line, one.rule)))


def scope_of(files: Sequence[File], *, base: Mapping[str, str], intent: Intent, most: int) -> Scope:
    """The contract of a draft: what its code adds, changes and takes away, of types that the intent names; no more.

    `most` stands for the number of instances where `count` or `for_each` is no literal: what one change may create.
    """
    before, then = _resources(base, intent.units), _resources(laid_over(base, files), intent.units)
    verbs: dict[str, set[Verb]] = {}
    creates = destroys = 0
    for address, made in then.items():
        was = before.get(address)
        if made.data:
            verbs.setdefault(made.type, set()).add("read")
        elif was is None:
            verbs.setdefault(made.type, set()).add("create")
            creates += most if made.instances is None else made.instances
        elif was.text != made.text:
            verbs.setdefault(made.type, set()).add("update")
            if (was.instances, made.instances) != (1, 1):
                verbs[made.type].add("create")
                creates += most
        elif _may_reach(files, base, made.unit):
            # A variable, a local value or a module that changes may reach what its text does not show.
            verbs.setdefault(made.type, set()).add("update")
    for address, was in before.items():
        if address not in then and not was.data and _deletes(intent):
            verbs.setdefault(was.type, set()).add("delete")
            destroys += most if was.instances is None else was.instances
    if _outside_modules(files):
        for type_ in intent.types:
            verbs.setdefault(type_, set()).update(("create", "update"))
        creates += most
    asked = {name for name, said in verbs.items() if said == {"read"} or fits(name, intent.types)}
    types = {name: tuple(sorted(verbs[name])) for name in sorted(asked)}
    return Scope(
        environment=intent.environment,
        units=intent.units,
        types=types,
        max_creates=min(creates, most),
        max_destroys=destroys,
    )


def whole(begun: Iterable[File], files: Iterable[File]) -> tuple[File, ...]:
    """The change that `files` make of the one that was begun: of a file that both write, the later one counts."""
    return tuple({file.path: file for file in (*begun, *files)}.values())


def blocks_of(text: str) -> dict[str, Place]:
    """Every top-level block of HCL text by its name (`resource.aws_s3_bucket.this`, `locals`); a second one of a name
    gets `#2`. Empty when the text cannot be read.
    """
    try:
        blocks = parse(text).blocks
    except HclError:
        return {}
    found: dict[str, Place] = {}
    for block in blocks:
        name = ".".join((block.kind, *block.labels))
        count = 2
        while name in found:
            name = f"{'.'.join((block.kind, *block.labels))}#{count}"
            count += 1
        start = _with_comments(text, block.at)
        found[name] = Place(text[start : block.end], text.count("\n", 0, block.at) + 1, block)
    return found


def fits(type_: str, types: Collection[str]) -> bool:
    """Whether a type is one of `types` or belongs to one: `aws_s3_bucket_versioning` to `aws_s3_bucket`."""
    return any(type_ == one or type_.startswith(f"{one}_") for one in types)


def _places(files: Sequence[File], intent: Intent) -> Iterator[Finding]:
    seen: set[str] = set()
    for file in files:
        if not any(file.path.startswith(f"{unit}/") for unit in intent.units):
            yield _finding("draft/place", file.path)
        if file.path.rpartition("/")[2] in TRUSTED:
            yield _finding("draft/trusted", file.path)
        if file.path in seen:
            yield _finding("draft/twice", file.path)
        seen.add(file.path)


def _whole(
    files: Sequence[File], change: Sequence[File], *, start: Mapping[str, str], base: Mapping[str, str], rollback: str
) -> Iterator[Finding]:
    if all(start.get(file.path) == file.content for file in files):
        yield _finding("draft/nothing", "")
    if not rollback.strip():
        yield _finding("draft/rollback", "")
    then = laid_over(base, change)
    for unit in sorted({unit for file in change if (unit := _unit_of(file.path))}):
        if any(path.startswith(f"{unit}/") for path in base) or not any(path.startswith(f"{unit}/") for path in then):
            continue
        if not then.get(f"{unit}/README.md", "").strip():
            yield _finding("draft/readme", f"{unit}/README.md")
        named = [name for name in blocks_of(then.get(f"{unit}/outputs.tf", "")) if name.startswith("output.")]
        if unit.startswith("infra/terraform/") and not named:
            yield _finding("draft/outputs", f"{unit}/outputs.tf")


def _described(file: File) -> Iterator[Finding]:
    if not file.path.endswith(".tf") or file.content is None:
        return
    for name, place in blocks_of(file.content).items():
        needed = {"variable": ("type", "description"), "output": ("description",)}.get(name.split(".")[0], ())
        if any(place.block.body.get(one) is None for one in needed):
            yield _finding("draft/described", file.path, place.line)


def _kept(
    path: str, before: str, after: str, named: Collection[str], *, deletes: bool, stands: str
) -> Iterator[Finding]:
    """What an edit touched beside what it was for. `stands` is the file on the default branch: what is not there is not
    deleted.
    """
    if ("\r\n" in before) != ("\r\n" in after):
        yield _finding("draft/layout", path)
    old, new = blocks_of(before), blocks_of(after)
    if path.endswith("/README.md"):
        return
    if not path.endswith(".tf") or not old:
        if not _within(_comments(before), _comments(after)):
            yield _finding("draft/comment", path)
        if before.split() == after.split():
            yield _finding("draft/layout", path)
        return
    for name, place in old.items():
        now = new.get(name)
        if now is None:
            if name not in named:
                yield _finding("draft/unrelated", path, place.line)
            elif name.startswith("resource.") and not deletes and name in blocks_of(stands):
                yield _finding("draft/delete", path, place.line)
        elif name not in named and now.text != place.text:
            same = now.text.split() == place.text.split()
            yield _finding("draft/layout" if same else "draft/unrelated", path, now.line)
        elif not _within(_comments(place.text), _comments(now.text)):
            yield _finding("draft/comment", path, now.line)
    if not _within(_comments(_between(before, old)), _comments(_between(after, new))):
        yield _finding("draft/comment", path)
    both = [name for name in old if name in new]
    if [name for name in new if name in old] != both:
        yield _finding("draft/layout", path)


def _types(files: Sequence[File], base: Mapping[str, str], intent: Intent) -> Iterator[Finding]:
    """New resources are of the types that the intent names; what it does not delete stays."""
    for file in files:
        if not file.path.endswith(".tf"):
            continue
        old, new = blocks_of(base.get(file.path, "")), blocks_of(file.content or "")
        for name, place in new.items():
            kind, _, rest = name.partition(".")
            if kind == "resource" and name not in old and not fits(rest.split(".")[0], intent.types):
                yield _finding("draft/type", file.path, place.line)
    if not _deletes(intent):
        then = _resources(laid_over(base, files), intent.units)
        for address, was in _resources(base, intent.units).items():
            if address not in then and not was.data:
                yield _finding("draft/delete", was.unit)


def _kinds(files: Sequence[File], intent: Intent) -> Iterator[Finding]:
    """Manifests are of the kinds that the intent names, however they are written. What is no YAML has lines alone."""
    texts = {file.path: file.content for file in files}
    for manifest in read_manifests(texts, ()):
        if manifest.error is not None:
            text = texts[manifest.path] or ""
            named = [(match[1], text.count("\n", 0, match.start()) + 1) for match in _KIND.finditer(text)]
        else:
            plain = manifest.kind and manifest.patched is None and not manifest.is_values
            named = [(manifest.kind, manifest.root.line)] if plain else []
        for kind, line in named:
            if intent.types and kind not in (*intent.types, "Kustomization"):
                yield _finding("draft/type", manifest.path, line)


def _resources(texts: Mapping[str, str], units: Collection[str]) -> dict[str, Resource]:
    """The resources of `units` and of the modules among the texts, by folder and address."""
    folders = (*(f"{unit}/" for unit in units), f"{MODULES}/")
    found: dict[str, Resource] = {}
    for path, text in texts.items():
        if not path.endswith(".tf") or not path.startswith(folders):
            continue
        folder = path.rpartition("/")[0]
        for name, place in blocks_of(text).items():
            kind = name.split(".")[0]
            if kind in ("resource", "data") and len(place.block.labels) == 2:
                type_ = place.block.labels[0]
                made = Resource(folder, type_, kind == "data", place.text, _instances(place.block))
                found[f"{folder}:{name}"] = made
    used = _used_modules(texts, units)
    return {key: one for key, one in found.items() if not one.unit.startswith(f"{MODULES}/") or one.unit in used}


def _used_modules(texts: Mapping[str, str], units: Collection[str]) -> set[str]:
    """Folders of the house's modules that the units name, directly or through another."""
    wanted = [text for path, text in texts.items() if path.startswith(tuple(f"{unit}/" for unit in units))]
    used: set[str] = set()
    while wanted:
        for match in re.findall(r"modules/([a-z0-9-]+)\"|\"\.\./([a-z0-9-]+)\"", wanted.pop()):
            folder = f"{MODULES}/{match[0] or match[1]}"
            if folder not in used:
                used.add(folder)
                wanted += [text for path, text in texts.items() if path.startswith(f"{folder}/")]
    return used


def _instances(block: Block) -> int | None:
    count, each = block.body.get("count"), block.body.get("for_each")
    if count is None and each is None:
        return 1
    node = count or each
    assert node is not None
    if node.kind == "number" and node.text.isdigit():
        return int(node.text)
    if node.kind == "call" and node.text == "toset" and node.parts[0].kind == "list":
        return len(node.parts[0].parts)
    return len(node.parts) if node.kind == "object" else None


def _may_reach(files: Iterable[File], base: Mapping[str, str], unit: str) -> bool:
    """Whether something else than resources changes in the folder `unit`, or in a module."""
    for file in files:
        if not file.path.endswith((".tf", ".tftpl", ".json")) or not file.path.startswith((f"{unit}/", f"{MODULES}/")):
            continue
        old, new = blocks_of(base.get(file.path, "")), blocks_of(file.content or "")
        # What is new is referred to by nothing that stands.
        changed = {name for name in old if _text(old, name) != _text(new, name)}
        if not file.path.endswith(".tf") or any(not name.startswith(("resource.", "output.")) for name in changed):
            return True
    return False


def _text(places: Mapping[str, Place], name: str) -> str:
    return places[name].text if name in places else ""


def _outside_modules(files: Iterable[File]) -> bool:
    sources = (
        place.block.body.get("source")
        for file in files
        if file.path.endswith(".tf")
        for name, place in blocks_of(file.content or "").items()
        if name.startswith("module.")
    )
    return any(source is not None and not source.text.startswith((".", "/")) for source in sources)


def _deletes(intent: Intent) -> bool:
    return any(action.verb == "delete" for action in intent.actions)


def _unit_of(path: str) -> str:
    parts = path.split("/")
    for pattern in UNITS.values():
        for length in (3, 4):
            if pattern.fullmatch("/".join(parts[:length])) and len(parts) > length:
                return "/".join(parts[:length])
    return ""


def _with_comments(text: str, at: int) -> int:
    """Where the block at `at` begins, the comment lines right above it included."""
    start = text.rfind("\n", 0, at) + 1
    while start > 0:
        above = text.rfind("\n", 0, start - 1) + 1
        if not text[above : start - 1].lstrip().startswith(("#", "//")):
            break
        start = above
    return start


def _comments(text: str) -> list[str]:
    """Whole-line comments and those behind code, as they stand, without the space around them."""
    found = []
    for line in text.splitlines():
        at = re.search(r"(?:^|\s)(?:#|//)", line)
        if at is not None:
            found.append(line[at.start() :].strip())
    return found


def _between(text: str, places: Mapping[str, Place]) -> str:
    """The text outside of all blocks."""
    left, at = [], 0
    for place in sorted(places.values(), key=lambda one: one.block.at):
        left.append(text[at : _with_comments(text, place.block.at)])
        at = place.block.end
    return "\n".join([*left, text[at:]])


def _within(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """Whether `wanted` stands in `found` in its order."""
    rest = iter(found)
    return all(any(one == other for other in rest) for one in wanted)


def _finding(rule: str, path: str, line: int = 0) -> Finding:
    return Finding(source="draft", rule=rule, severity="high", message=RULES[rule], path=path, line=line)
