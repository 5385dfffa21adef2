"""Terraform files of a repository -> which folders are root modules, and which are modules that others use. Pure."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from agent.gate.hcl import Body, HclError
from agent.gate.hcl_parse import parse
from agent.targets.terraform_files import uses_of

_CODE = (".tf", ".tofu")


def is_code(path: str) -> bool:
    """Whether a path is that of Terraform or OpenTofu code."""
    return path.endswith(_CODE)


def roots_and_modules(files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The folders with code in `files` (path -> text), root modules first, each sorted; `.` is the repository itself.

    A folder is no root module when another one names it as a module's source, or when it has neither a provider nor a
    backend and asks for a variable without a default. A file that cannot be read says nothing about its folder.
    """
    code = {
        f"{path.removesuffix('.tofu').removesuffix('.tf')}.tf": text for path, text in files.items() if is_code(path)
    }
    used = {module or "." for modules in uses_of(code).values() for module in modules}
    bodies: dict[str, list[Body]] = {}
    for path, text in code.items():
        bodies.setdefault(str(PurePosixPath(path).parent), []).extend(_read(text))
    modules = sorted(folder for folder, found in bodies.items() if folder in used or _is_called(found))
    return sorted(set(bodies) - set(modules)), modules


def _read(text: str) -> list[Body]:
    try:
        return [parse(text)]
    except HclError:
        return []


def _is_called(bodies: list[Body]) -> bool:
    """Whether the code needs somebody to call it."""
    blocks = [block for body in bodies for block in body.blocks]
    settings = [inner.kind for block in blocks if block.kind == "terraform" for inner in block.body.blocks]
    alone = any(block.kind == "provider" for block in blocks) or {"backend", "cloud"} & set(settings)
    return not alone and any(block.kind == "variable" and block.body.get("default") is None for block in blocks)
