"""An initialised workspace -> the same with its provider running, which init has checked against the lock file.

Each Terraform command would hash the provider (over half a gigabyte) and start it anew, which is most of a second.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from agent.targets.terraform_cli import Workspace
from agent.targets.terraform_handover import REATTACH, handed_over

_ALIAS = re.compile(r'\balias"?\s*[=:]')


@contextmanager
def running(place: Workspace) -> Iterator[Workspace]:
    """`place`, whose commands find the provider running; `place` as it is where that cannot be done safely.

    One process holds one configuration: with several providers, or several configurations (`alias`) of one, each
    command starts its own.
    """
    binary = _only_provider(place)
    if binary is None:
        yield place
        return
    address = "/".join(binary.parts[-6:-3])
    with handed_over(place.tools, binary, address=address, temp=place.temp, variables=place.variables) as value:
        yield replace(place, variables={**place.variables, REATTACH: value}) if value else place


def _only_provider(place: Workspace) -> Path | None:
    """The one provider that init installed, unless the code configures it more than once."""
    found = list((place.temp / "data" / "providers").glob("*/*/*/*/*/terraform-provider-*"))
    if len(found) != 1:
        return None
    code = (path for path in place.root.rglob("*.tf*") if path.is_file())
    if any(_ALIAS.search(path.read_text(encoding="utf-8", errors="replace")) for path in code):
        return None
    return found[0]
