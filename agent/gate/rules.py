"""What a rule is, what it says when it fires, and the help page that comes from its docstring."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from agent.domain import Finding
from agent.render.redact import redact

Subject = TypeVar("Subject")
MAX_HITS = 100
Example = Mapping[str, str | None]
"""A bundle: path -> content, None for a deletion. A path after `BEFORE` is a file of the tree that is changed.
The names `bundle.json` and `plan.json` alone stand for the text of a whole bundle or plan.
"""
BEFORE = "(before) "


class Hit(NamedTuple):
    """One place where a rule fires. `line` counts from 1; 0 means the whole file."""

    message: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True)
class Rule(Generic[Subject]):
    """`check` takes one subject (a path, a text, a Terraform module, …); its docstring is the rule's help.

    `fires` and `passes` are bundles on which the gate must and must not report this rule. `waivable` says whether a
    waiver on the default branch may let a finding through.
    """

    id: str
    reason: str
    check: Callable[[Subject], Iterable[Hit]]
    fires: tuple[Example, ...]
    passes: tuple[Example, ...]
    waivable: bool = True

    @property
    def help(self) -> str:
        """The page that `infra-agent rules ID` prints."""
        text = inspect.getdoc(self.check) or ""
        waiver = (
            "Waiver: `policies/waivers.yml` on the default branch may name this rule and the path."
            if self.waivable
            else "Waiver: none; this rule holds always."
        )
        parts = [f"{self.id}: {self.reason}", text, waiver]
        parts += ["Blocked, for example:\n\n" + show(example) for example in self.fires[:1]]
        parts += ["Fine, for example:\n\n" + show(example) for example in self.passes[:1]]
        return "\n\n".join(parts) + "\n"

    def findings(self, subject: Subject) -> list[Finding]:
        """The first hits of this rule on `subject`, as findings of the gate: more would block no more and cost time."""
        return [finding(self.id, hit) for hit in islice(self.check(subject), MAX_HITS)]


def finding(rule: str, hit: Hit) -> Finding:
    """A hit as the gate's finding: always critical. Characters that UTF-8 cannot hold are shown as escapes, and a
    secret that a name holds is not shown.
    """
    return Finding(
        source="gate",
        rule=rule,
        severity="critical",
        message=_quoted(hit.message),
        path=_quoted(hit.path),
        line=hit.line,
        help=f"infra-agent rules {rule}",
    )


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return redact(printable(text))


def printable(text: str) -> str:
    """Text with everything that a terminal or a comment would not show as itself written as an escape."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def show(example: Example) -> str:
    """A bundle as indented text."""
    shown = []
    for path, content in example.items():
        body = "(deleted)" if content is None else content.rstrip("\n")
        lines = [printable(line) for line in (body if len(body) <= 2_000 else body[:200] + " …").split("\n")]
        shown.append("\n".join([f"    {printable(path)[:120]}", *(f"        {line}" for line in lines)]))
    return "\n".join(shown)
