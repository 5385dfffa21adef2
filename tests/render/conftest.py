"""Golden files of what people read; `UPDATE_GOLDEN=1 pytest tests/render` writes them anew."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{name}: no golden file; UPDATE_GOLDEN=1 writes it, then read it"
        assert text == path.read_text(encoding="utf-8"), f"{name}: differs; UPDATE_GOLDEN=1 writes it anew"

    return compare
