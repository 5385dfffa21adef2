"""Ansible's modules: what one takes, from `ansible-doc`, and which a play may use here."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from agent.errors import ToolError, UserError
from agent.gate.ansible_modules import BUILTIN, OTHERS
from agent.models.tools.place import Place, shown
from agent.models.tools.ranking import Ranking, words
from agent.models.tools.tool import Arguments, Tool

FORMAT = 1
SECONDS = 60.0
ALLOWED = (*(f"ansible.builtin.{name}" for name in sorted(BUILTIN)), *sorted(OTHERS))


class AnsibleModule(Arguments):
    module: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,3}$", max_length=120)]
    """Full name of the module, such as ansible.builtin.copy."""
    examples: bool = False
    """Whether to show its examples as well."""


class SearchModules(Arguments):
    text: Annotated[str, Field(min_length=2, max_length=200)]
    """What is wanted, in a few words, such as: install package."""
    most: Annotated[int, Field(ge=1, le=50)] = 15
    """How many modules to name at most."""


def ansible_module(place: Place, given: AnsibleModule) -> str:
    """Options with their types, defaults and choices; what check mode does; examples when asked for."""
    name = given.module if "." in given.module else _full(given.module)
    if name not in ALLOWED:
        near = ", ".join(_ranking(place).best(given.module.rpartition(".")[2].replace("_", " "), most=5))
        raise UserError(f"{given.module}: not a module that a play may use here{f'; there are {near}' if near else ''}")
    found = _documentation(place).get(name)
    if found is None:
        raise UserError(f"{name}: a play may use it, but its collection is not installed here; nothing is known of it")
    doc = found["doc"]
    rows = [f"{name}: {doc.get('short_description', '')}", *_options(doc.get("options") or {}, indent="")]
    for key in ("check_mode", "diff_mode"):
        if support := (doc.get("attributes") or {}).get(key, {}).get("support"):
            rows.append(f"{key}: {support}")
    rows += [f"note: {_plain(note)}" for note in doc.get("notes") or ()]
    if given.examples:
        rows += ["", "examples:", str(found.get("examples") or "none").strip("\n")]
    return "\n".join(rows)


def search_modules(place: Place, given: SearchModules) -> str:
    """A line a module: name and what it does; only those that a play may use here."""
    told = _documentation(place)
    best = _ranking(place).best(given.text, most=given.most)
    rows = [f"{name}: {told[name]['doc'].get('short_description', '') if name in told else 'not installed here'}"
            for name in best]  # fmt: skip
    return "\n".join(rows) or f"{shown(given.text)}: no module fits; say it in other words"


def _full(short: str) -> str:
    return next((name for name in ALLOWED if name.rpartition(".")[2] == short), short)


def _documentation(place: Place) -> Mapping[str, Any]:
    """Name -> what `ansible-doc` says, of the allowed modules that are installed; asked for once and kept.

    Raises ToolError: there is no Ansible, or it did not answer.
    """
    return _kept(_file(place))


def _file(place: Place) -> Path:
    python = place.pythons.get("ansible", "")
    if not python:
        raise ToolError("INFRA_AGENT_ANSIBLE_PYTHON names no interpreter (`bin/setup-env ansible` makes one)")
    what = json.dumps([FORMAT, python, ALLOWED])
    path = place.cache / f"ansible-doc-{hashlib.sha256(what.encode()).hexdigest()[:24]}.json"
    if not path.is_file():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, _asked(place, Path(python).parent))
    return path


def _asked(place: Place, programs: Path) -> str:
    """The answer of `ansible-doc` in an empty folder, with nobody's configuration."""
    builtin = [name for name in ALLOWED if name.startswith("ansible.builtin.")]
    with tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        home = Path(name)
        (home / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        done = place.tools.run(
            [str(programs / "ansible-doc"), "--json", "--type", "module", *builtin],
            cwd=home,
            timeout=SECONDS,
            env={
                "PATH": str(programs),
                "HOME": name,
                "LANG": "C.UTF-8",
                "LC_ALL": "C.UTF-8",
                "PYTHONSAFEPATH": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                "ANSIBLE_HOME": name,
                "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(home / "collections"),
                "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
            },
        )
    try:
        told = json.loads(done.stdout)
        kept = {
            name: {"doc": one["doc"], "examples": one.get("examples")} for name, one in told.items() if one.get("doc")
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError("`ansible-doc --json` gave an answer that cannot be read") from error
    if "ansible.builtin.copy" not in kept:
        raise ToolError("`ansible-doc --json` says nothing of ansible.builtin.copy, so none of it is believed")
    return json.dumps(kept)


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


@lru_cache(maxsize=2)
def _kept(path: Path) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return told


def _ranking(place: Place) -> Ranking:
    return _ranked(_file(place))


@lru_cache(maxsize=2)
def _ranked(path: Path) -> Ranking:
    told = _kept(path)
    return Ranking({
        name: [*words(name.rpartition(".")[2].replace("_", " ")) * 3,
               *words(str(told.get(name, {}).get("doc", {}).get("short_description", "")))]
        for name in ALLOWED
    })  # fmt: skip


def _options(options: Mapping[str, Any], *, indent: str) -> Iterator[str]:
    for name, one in sorted(options.items(), key=lambda item: (not item[1].get("required"), item[0])):
        said = [str(one.get("type", "str")) + (f" of {one['elements']}" if one.get("elements") else "")]
        said += ["required"] if one.get("required") else []
        said += [f"default {one['default']}"] if one.get("default") is not None else []
        said += [f"one of {', '.join(map(str, one['choices']))}"] if one.get("choices") else []
        said += [f"also {', '.join(one['aliases'])}"] if one.get("aliases") else []
        description = one.get("description") or ()
        first = description if isinstance(description, str) else next(iter(description), "")
        yield f"{indent}  {name}: {', '.join(said)}: {_plain(first)}"
        if one.get("suboptions"):
            yield from _options(one["suboptions"], indent=f"{indent}  ")


def _plain(text: Any) -> str:
    return " ".join(str(text).split())[:200]


TOOLS = (
    Tool(
        "ansible-module",
        "Shows what an Ansible module takes: options with types, defaults and choices, check mode, examples.",
        AnsibleModule,
        ansible_module,
        5_000,
    ),
    Tool(
        "search-ansible-modules",
        "Finds the Ansible modules that a play may use here, by words.",
        SearchModules,
        search_modules,
        2_000,
    ),
)
