"""Where Mermaid's own script lies on this machine: nothing in, a path out."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def script() -> Path | None:
    """`mermaid.min.js` as the package `mermaidx` ships it (unmodified, in assets/), or None without that package.

    The package is looked up, not imported: its own dependencies are for rendering without a browser.
    """
    spec = find_spec("mermaidx")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "assets" / "mermaid.js"
        if path.is_file():
            return path
    return None
