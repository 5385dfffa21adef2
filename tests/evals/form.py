"""What a model says, in short -> a recording: the provider's wire format, and the verdict that it has to get."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.models.server import PATHS, Format, Reply, text

STANDING = Path(__file__).resolve().parents[2] / "evals" / "repository"
SOURCE = "written by hand"


def understood(**more: Any) -> dict[str, Any]:
    """A strategist's answer that has a model write code in dev."""
    return {
        "summary": "as asked", "target": "terraform", "environment": "dev", "risk": "low", "blueprint": "",
        "parameters": [], "actions": [], "units": [], "types": [], "assumptions": [], "questions": [], **more,
    }  # fmt: skip


def meant(verb: str, *types: str, unit: str, **more: Any) -> dict[str, Any]:
    """As `understood`: one unit, and the same verb for each of the types."""
    target = unit.split("/")[1]
    return understood(
        **{"target": target, "actions": [doing(verb, one) for one in types], "units": [unit], "types": types, **more}
    )


def asking(question: str, suggestion: str, *, field: str = "what") -> dict[str, Any]:
    """A strategist's answer that asks."""
    return understood(questions=[{"field": field, "question": question, "suggestion": suggestion}], environment="")


def chosen(blueprint: str, **parameters: str) -> dict[str, Any]:
    """A strategist's answer that takes a golden path in dev."""
    given = [{"name": name, "value": value} for name, value in parameters.items()]
    return understood(blueprint=blueprint, parameters=given)


def doing(verb: str, resource: str) -> dict[str, Any]:
    return {"verb": verb, "resource": resource, "parameters": [], "reason": "the request says so"}


def outline(*types: str, **edits: list[str]) -> dict[str, Any]:
    return {"types": list(types), "edits": [{"path": path, "blocks": blocks} for path, blocks in edits.items()]}


def draft(files: Mapping[str, str], *, deleted: tuple[str, ...] = ()) -> dict[str, Any]:
    written = [{"path": path, "content": content} for path, content in files.items()]
    return {"summary": "as asked", "files": written, "deleted": list(deleted), "rollback": "Revert the merge."}


def standing(path: str, old: str, new: str, *more: tuple[str, str]) -> dict[str, str]:
    """The file as it stands, with `old` replaced, and so on."""
    whole = (STANDING / path).read_text(encoding="utf-8")
    for was, now in ((old, new), *more):
        assert whole.count(was) == 1, f"{path}: {was!r}"
        whole = whole.replace(was, now)
    return {path: whole}


def unit(folder: str, about: str, **texts: str) -> dict[str, str]:
    """The files of a new unit, by their names without a suffix, and its README.md."""
    suffix = ".tf" if "/terraform/" in folder else ".yml" if "/ansible/" in folder else ".yaml"
    name = folder.rpartition("/")[2]
    files = {f"{folder}/{file}{suffix}": content for file, content in texts.items()}
    return {**files, f"{folder}/README.md": f"# {name}\n\n{about} To take it back, revert the merge.\n"}


def output(name: str, about: str, value: str) -> str:
    """The text of an outputs.tf with one output."""
    return f'output "{name}" {{\n  description = "{about}"\n  value       = {value}\n}}\n'


def recording(
    case: str,
    about: str,
    *answers: Any,
    ending: str = "written",
    fails: tuple[str, ...] = (),
    form: Format = "anthropic",
    first: tuple[Any, ...] = (),
) -> dict[str, Any]:
    """`answers` are the models' answers, or replies as they are; `first` stand before them as they are.

    `about` says what they are, and `ending` and `fails` are the verdict: how it has to end, and every check that has to
    be judged wrong.
    """
    replies = [(form, one if isinstance(one, Reply) else text(form, one)) for one in answers]
    return {
        "case": case,
        "source": SOURCE,
        "about": about,
        "ending": ending,
        "drafts": sum(isinstance(one, dict) and "files" in one for one in answers),
        "fails": fails,
        "answers": [
            {"path": PATHS[kind], "status": one.status, "headers": dict(one.headers), "body": json.loads(one.body)}
            for kind, one in [*first, *replies]
        ],
    }
