"""Documents on disk: a folder of `<name>.json` files in, checked values out, and back."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from agent.domain import DOCUMENTS, Document
from agent.errors import UserError

D = TypeVar("D", bound=Document)
MAX_BYTES = 64 * 1024 * 1024


class Documents:
    """The documents that a job was given.

    `expected` maps a document's name to the SHA-256 of its file, as the job that wrote it announced it. When it is
    given, a document that it does not name, or whose bytes differ, is refused.
    """

    def __init__(self, folder: Path, *, expected: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.expected = expected

    def get(self, kind: type[D]) -> D | None:
        """The document of this kind, or None when the folder has none. Raises UserError when it is not sound."""
        path = self.folder / f"{kind.name}.json"
        if not path.is_file():
            return None
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path.name}: must be a plain file of at most {MAX_BYTES} bytes")
        data = path.read_bytes()
        if self.expected is not None and self.expected.get(kind.name) != hashlib.sha256(data).hexdigest():
            raise UserError(
                f"{path.name}: its SHA-256 is not the one that the job which wrote it announced. "
                "The document was changed or replaced on its way; run the whole workflow again."
            )
        return parse(kind, data.decode("utf-8", "replace"), source=path.name)

    def need(self, kind: type[D]) -> D:
        """The document of this kind. Raises UserError when it is missing or not sound."""
        document = self.get(kind)
        if document is None:
            raise UserError(f"{kind.name}.json: not in {self.folder}; the job that writes it has to run before")
        return document


def parse(kind: type[D], text: str, *, source: str) -> D:
    """JSON text -> document. Raises UserError naming `source`, the field and the reason."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{source}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{source}: must be a JSON object, got {type(data).__name__}")
    version = data.get("version", 1)
    # True and 1.0 are equal to 1, but no version.
    if type(version) is not int or version != 1:
        raise UserError(f"{source}: version {version!r} is not known here; this program reads version 1")
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        problems = (
            f"{source}: {'.'.join(str(part) for part in problem['loc']) or '(document)'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise UserError("\n".join(problems)) from error


def write(path: Path, document: Document) -> str:
    """Write `document` to `path`, whole or not at all. Returns the SHA-256 of the file, 64 hex digits."""
    data = (document.model_dump_json(indent=1) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return hashlib.sha256(data).hexdigest()


def schema(name: str) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the document called `name`. Raises UserError for an unknown name."""
    if name not in DOCUMENTS:
        raise UserError(f"{name}: no such document; there are {', '.join(sorted(DOCUMENTS))}")
    title = f"infra-agent {name}.json, version 1"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **DOCUMENTS[name].model_json_schema(),
        "title": title,
    }
