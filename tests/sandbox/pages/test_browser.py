"""Pages in a real browser: they are not blank, and Mermaid draws without any request to elsewhere."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.sandbox.pages.mermaid import script
from tests.sandbox.pages.conftest import World

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--virtual-time-budget=8000",
    "--window-size=1280,1600",
)  # fmt: skip
BLANK = 15_000  # a page of one colour is a PNG of a few thousand bytes


def browse(tmp_path: Path, *arguments: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium on PATH: pages are not looked at")
    argv = [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    return subprocess.run(argv, capture_output=True, timeout=120, check=True, text=True).stdout


@pytest.mark.slow
def test_a_diagram_is_drawn_and_the_page_is_not_blank(world: World, tmp_path: Path) -> None:
    if script() is None:
        pytest.skip("the package mermaidx is not installed: diagrams stay text")
    body = "```mermaid\nflowchart LR\n  a[First one] -->|then| b[Second one]\n```\n\n```mermaid\nnonsense\n```\n"
    number = world.api("POST", "/issues", as_="lena", title="Drawn", body=body)["number"]
    url = f"{world.url}/acme/infra/issues/{number}"
    dom = browse(tmp_path, "--dump-dom", url)
    assert dom.count('<figure class="diagram"><svg') == 1
    assert "First one" in dom
    assert 'class="mermaid broken"' in dom
    picture = tmp_path / "page.png"
    browse(tmp_path, f"--screenshot={picture}", url)
    assert picture.stat().st_size > BLANK


def test_the_script_is_served_as_it_was_shipped(world: World) -> None:
    path = script()
    if path is None:
        pytest.skip("the package mermaidx is not installed: diagrams stay text")
    answer = world.get("/../../_pages/mermaid.js")
    assert answer.status_code == 200
    assert answer.content == path.read_bytes()
    assert answer.headers["Content-Type"].startswith("text/javascript")
