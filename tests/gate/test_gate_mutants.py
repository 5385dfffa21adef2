"""Taking any one finding out of the gate is noticed, and not by the rule's own stored examples alone."""

import pytest

from agent.gate import RULES
from benchmarks.mutants import (
    Cases,
    Source,
    applied,
    covering,
    example_cases,
    explained,
    functions_of,
    killers,
    listed_cases,
    live_functions,
    prepare,
    sources,
)
from benchmarks.mutations import Mutation, function_mutations

SPELLINGS = 1
# Their lists are long and try each name of one pattern: nothing that takes a whole finding away needs them.
NAMES_ONLY = ("content/", "paths/tool-configuration", "paths/reserved", "paths/plugins")


@pytest.fixture(scope="module")
def known() -> Cases:
    listed = [case for case in listed_cases() if not any(rule in case.name for rule in NAMES_ONLY)]
    return prepare([*example_cases(SPELLINGS, RULES), *listed])


@pytest.fixture(scope="module")
def emitting() -> dict[tuple[str, str], list[tuple[Source, Mutation]]]:
    """Module and function -> the mutations of it that take a finding away."""
    found: dict[tuple[str, str], list[tuple[Source, Mutation]]] = {}
    for source in sources():
        for mutation in function_mutations(source.tree):
            if mutation.emits:
                name = source.module.__name__.rsplit(".", 1)[-1]
                found.setdefault((name, mutation.function), []).append((source, mutation))
    return found


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.startswith("bundle/")])
def test_no_finding_can_be_taken_out(
    rule: str, known: Cases, emitting: dict[tuple[str, str], list[tuple[Source, Mutation]]]
) -> None:
    reasons = explained()
    tried = 0
    for place in sorted(functions_of(rule)):
        for source, mutation in emitting.get(place, []):
            if f"{place[0]}: {mutation.what}" in reasons:
                continue
            numbers = covering(known, [(source.path, line) for line in mutation.lines], mutation.hint)
            with applied(source, mutation, live_functions(source.module)) as done:
                assert done, mutation.what
                noticed = killers(known, numbers, most=2)
            tried += 1
            assert noticed, f"{place[0]}:{mutation.line}: {mutation.what}: no example of any rule notices it"
            own = {known.cases[number].own for number in noticed}
            assert len(noticed) == 2, f"{mutation.what}: only {known.cases[noticed[0]].name} notices it ({own})"
    assert tried, "this rule's functions emit nothing that could be taken out"
