"""All lists of texts on which a rule must fire, and of those that must pass."""

from agent.gate.rules import Example
from tests.gate import listed_ansible, listed_edges, listed_kubernetes, listed_later, listed_terraform, listed_text

LISTS = (listed_terraform, listed_ansible, listed_kubernetes, listed_text, listed_later, listed_edges)
FIRES: tuple[tuple[str, Example], ...] = tuple(
    (rule, example) for one in LISTS for rule, examples in one.FIRES.items() for example in examples
)
PASSES: tuple[Example, ...] = tuple(example for one in LISTS for example in one.PASSES)
