"""Does each line of the gate matter to its tests? Breaks the gate in one place at a time and says what nobody noticed.

    python benchmarks/mutants.py [--module NAME] [--rule ID] [--json FILE] [--cases N]

A mutant is the gate with one thing changed: a condition turned round, a `yield` left out, `any` for `all`, an element
of a list or an alternative of a pattern dropped. It is killed when one of the cases (examples of the rules and lists of
`tests/gate/listed.py`, respelled by `respell.py` there, the inputs of the attack tests, the HCL fixtures, the units of
the corpus) then has another set of blocking rules. Everything runs in this process: the changed function's code takes
the place of the live one's. Exit code 1 when a mutant survives that `mutants_known.txt` does not explain.
"""

import argparse
import ast
import functools
import importlib
import json
import re
import signal
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from agent.gate import RULES, examine  # noqa: E402
from agent.gate.hcl import HclError  # noqa: E402
from agent.gate.hcl_parse import parse  # noqa: E402
from benchmarks.mutations import Mutation, constant_mutations, function_mutations  # noqa: E402
from tests.gate import gate_helpers, hcl_fixtures, listed, test_gate_corpus  # noqa: E402
from tests.gate.respell import respelled  # noqa: E402

GATE = PROJECT / "agent" / "gate"
KNOWN = PROJECT / "benchmarks" / "mutants_known.txt"
SECONDS = 2.0
Outcome = frozenset[Any]
# A module's prefix -> what the cases of its language have in their texts.
SPEAKS = {
    "ansible": ("infra/ansible",),
    "kubernetes": ("infra/kubernetes",),
    "terraform": ("infra/terraform", "plan.json", "resource_changes"),
    "iam_policy": ("infra/terraform", "plan.json", "resource_changes"),
}


class Case(NamedTuple):
    """`own` is the rule whose stored example this is, or empty. `run` gives what blocks."""

    name: str
    own: str
    run: Callable[[], Outcome]
    said: str = ""


class Survivor(NamedTuple):
    module: str
    line: int
    what: str
    cases: int

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.what} ({self.cases} cases)"


@dataclass
class Cases:
    """All cases with what they give while nothing is broken, and which cases run which lines of the gate.

    `rank` counts for each case how many before it run the very same lines: those are tried later.
    """

    cases: list[Case]
    before: list[Outcome] = field(default_factory=list)
    rank: list[int] = field(default_factory=list)
    lines: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))


def blocked_by(findings: Iterable[Any]) -> Outcome:
    return frozenset((item.rule, item.path) for item in findings)


def example_cases(tries: int, rules: Iterable[str]) -> Iterator[Case]:
    """Each rule's examples, and each `tries` times in other spellings."""
    for rule in rules:
        examples = [(one, False) for one in RULES[rule].fires] + [(one, True) for one in RULES[rule].passes]
        for number, (example, harmless) in enumerate(examples):
            if sum(len(text or "") for text in example.values()) > 100_000 or len(example) > 100:
                continue
            name = f"{rule}-{'passes' if harmless else 'fires'}-{number}"
            yield Case(name, rule, functools.partial(_judge, example), repr(example))
            for seed in range(tries):
                other = respelled(rule, example, Random(seed), harmless=harmless)
                yield Case(f"{name}-respelled-{seed}", "", functools.partial(_judge, other), repr(other))


def _judge(example: Any) -> Outcome:
    return blocked_by(gate_helpers.judge(example))


def listed_cases() -> Iterator[Case]:
    """The lists of texts that rules must fire on, each also in another spelling, and of harmless ones."""
    for number, (rule, example) in enumerate(listed.FIRES):
        yield Case(f"listed-{number}-{rule}", "", functools.partial(_judge, example), repr(example))
        other = respelled(rule, example, Random(number))
        yield Case(f"listed-{number}-{rule}-respelled", "", functools.partial(_judge, other), repr(other))
    for example in listed.PASSES:
        yield Case(f"listed-passes-{example}"[:200], "", functools.partial(_judge, example), repr(example))


def fixture_cases() -> Iterator[Case]:
    """HCL at the edges of the grammar: what our parser sees."""
    for name, text in {**hcl_fixtures.SAME, **hcl_fixtures.STRICTER}.items():
        yield Case(f"hcl-{name}", "", functools.partial(_parsed, text))


def _parsed(text: str) -> Outcome:
    try:
        return frozenset([repr(parse(text))])
    except HclError:
        return frozenset(["refused"])


def corpus_cases() -> Iterator[Case]:
    """The ordinary units that pass, each as a whole: a gate that blocks more than it should is noticed by them."""
    for unit in test_gate_corpus.UNITS:
        files = test_gate_corpus.read(unit)
        own = {"guardrails": gate_helpers.GUARDRAILS}
        yield Case(f"corpus-{unit.parent.name}-{unit.name}", "", functools.partial(_examined, files, own), repr(files))


def attack_cases() -> Iterator[Case]:
    """What the attack tests and those of templates hand to `examine`, recorded while they run once."""
    import pytest

    calls: list[tuple[Any, dict[str, Any]]] = []

    def recording(files: Any, **more: Any) -> Any:
        calls.append((files, more))
        return examine(files, **more)

    gate_helpers.examine = recording
    try:
        tests = sorted(str(path) for path in (PROJECT / "tests" / "attacks").glob("test_gate_*.py"))
        tests += [str(PROJECT / "tests" / "gate" / "test_gate_kubernetes_template.py")]
        pytest.main(["-q", "-p", "no:cacheprovider", "--no-header", "--rootdir", str(PROJECT), *tests])
    finally:
        gate_helpers.examine = examine
    for number, (files, more) in enumerate(calls):
        yield Case(f"attack-{number}", "", functools.partial(_examined, files, more), repr(files))


def _examined(files: Any, more: dict[str, Any]) -> Outcome:
    return blocked_by(examine(files, **more))


def prepare(cases: list[Case]) -> Cases:
    """Runs every case once, with a trace of the gate's lines."""
    known = Cases(cases)
    prefix = str(GATE)
    alike: Counter[frozenset[tuple[str, int]]] = Counter()
    for number, case in enumerate(cases):
        seen: set[tuple[str, int]] = set()
        known.before.append(_traced(case, seen, prefix))
        same = frozenset(seen)
        known.rank.append(alike[same])
        alike[same] += 1
        for place in seen:
            known.lines[place].append(number)
    return known


def _traced(case: Case, seen: set[tuple[str, int]], prefix: str) -> Outcome:
    def local(frame: types.FrameType, event: str, _: Any) -> Any:
        if event == "line":
            seen.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def trace(frame: types.FrameType, _event: str, _: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(prefix) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return case.run()
    finally:
        sys.settrace(before)


class Source(NamedTuple):
    module: types.ModuleType
    path: str
    tree: ast.Module


def sources(names: Iterable[str] = ()) -> list[Source]:
    """The gate's modules, all or those named."""
    wanted = set(names)
    found = []
    for path in sorted(GATE.glob("*.py")):
        if not wanted or path.stem in wanted:
            name = "agent.gate" if path.stem == "__init__" else f"agent.gate.{path.stem}"
            found.append(Source(importlib.import_module(name), str(path), ast.parse(path.read_text(encoding="utf-8"))))
    return found


def live_functions(module: types.ModuleType) -> dict[str, types.FunctionType]:
    """Qualified name -> every function and method that the module defines."""
    found: dict[str, types.FunctionType] = {}
    holders: list[dict[str, Any]] = [vars(module)]
    holders += [dict(vars(one)) for one in vars(module).values() if isinstance(one, type)]
    for holder in holders:
        for value in holder.values():
            inner = getattr(value, "fget", None) or getattr(value, "func", None) or getattr(value, "__func__", value)
            if isinstance(inner, types.FunctionType) and inner.__module__ == module.__name__:
                found[inner.__qualname__] = inner
    return found


@contextmanager
def applied(source: Source, mutation: Mutation, live: dict[str, types.FunctionType]) -> Iterator[bool]:
    """The gate with one mutation in it; whether it could be put there."""
    if mutation.constants is not None:
        with _constants(source, mutation.constants) as done:
            yield done
        return
    function = live.get(mutation.function)
    code = _code(mutation, source.path) if function is not None else None
    if function is None or code is None or code.co_freevars != function.__code__.co_freevars:
        yield False
        return
    before = function.__code__
    function.__code__ = code
    try:
        yield True
    finally:
        function.__code__ = before


def _code(mutation: Mutation, path: str) -> types.CodeType | None:
    assert mutation.tree is not None
    whole = ast.fix_missing_locations(ast.Module([mutation.tree], []))
    stack: list[Any] = [compile(whole, path, "exec", dont_inherit=True)]
    name = mutation.function.rsplit(".", 1)[-1]
    while stack:
        code = stack.pop(0)
        if isinstance(code, types.CodeType):
            if code.co_name == name:
                return code
            stack.extend(code.co_consts)
    return None


@contextmanager
def _constants(source: Source, tree: ast.Module) -> Iterator[bool]:
    """Every module that holds one of the module's changed constants holds the new one instead."""
    old = vars(source.module)
    fresh: dict[str, Any] = {"__name__": source.module.__name__, "__file__": source.path}
    try:
        exec(compile(tree, source.path, "exec", dont_inherit=True), fresh)
    except Exception:  # noqa: BLE001 - a module that cannot be imported is broken for everybody to see
        yield False
        return
    changed = {
        name: value
        for name, value in fresh.items()
        if name.isupper() and name != "RULES" and name in old and _differs(value, old[name])
    }
    swapped: list[tuple[dict[str, Any], str, Any]] = []
    for module in list(sys.modules.values()):
        space = getattr(module, "__dict__", {})
        if str(space.get("__name__", "")).startswith("agent.gate"):
            for name, value in changed.items():
                if name in space and space[name] is old[name]:
                    swapped.append((space, name, value))
    originals = [(space, name, space[name]) for space, name, _ in swapped]
    for space, name, value in swapped:
        space[name] = value
    try:
        yield bool(swapped)
    finally:
        for space, name, value in originals:
            space[name] = value


def _differs(new: Any, old: Any) -> bool:
    if isinstance(new, re.Pattern) and isinstance(old, re.Pattern):
        return new.pattern != old.pattern
    plain = isinstance(new, str | tuple | frozenset | dict | int | float)
    return plain and type(new) is type(old) and new != old


class Late(Exception):
    """A mutant that does not end."""


def _late(*_: Any) -> None:
    raise Late


def killers(known: Cases, numbers: Iterable[int], *, most: int) -> list[int]:
    """The first `most` of the cases `numbers` that notice what is broken now."""
    found: list[int] = []
    for number in numbers:
        if not _same(known.cases[number], known.before[number]):
            found.append(number)
            if len(found) >= most:
                break
    return found


def _same(case: Case, before: Outcome) -> bool:
    previous = signal.signal(signal.SIGVTALRM, _late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        return case.run() == before
    except (Exception, Late):  # noqa: BLE001 - whatever a broken gate raises, it was noticed
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def users(everything: list[Source], owner: types.ModuleType, names: Iterable[str]) -> list[tuple[str, int]]:
    """The lines of the gate where one of the constants of `owner` is spoken of."""
    found = []
    for source in everything:
        space = vars(source.module)
        same = {name for name in names if name in space and space[name] is vars(owner)[name]}
        found += [
            (source.path, node.lineno)
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Name) and node.id in same
        ]
    return found


def covering(known: Cases, places: Iterable[tuple[str, int]], hint: str = "") -> list[int]:
    """The cases that run one of the lines. First those with the word `hint`, then the listed ones, each written for one
    place; and of those that run the same lines one first.
    """
    numbers = {number for place in places for number in known.lines.get(place, ())}

    def order(number: int) -> tuple[bool, bool, int, int]:
        case = known.cases[number]
        listed_one = case.name.startswith("listed-") and not case.name.endswith("-respelled")
        return not hint or hint not in case.said, not listed_one, known.rank[number], number

    return sorted(numbers, key=order)


def survivors(
    known: Cases, chosen: list[Source], *, only: Callable[[str, Mutation], bool], most_cases: int = 1500
) -> Iterator[tuple[str, Survivor | None]]:
    """The module of each mutant, and the mutant itself when no case noticed it, as they are tried."""
    everything = sources()
    for source in chosen:
        live = live_functions(source.module)
        name = Path(source.path).stem
        for mutation in [*function_mutations(source.tree), *constant_mutations(source.tree)]:
            if not only(name, mutation):
                continue
            places = (
                users(everything, source.module, mutation.names)
                if mutation.constants is not None
                else [(source.path, line) for line in mutation.lines]
            )
            numbers = covering(known, places, mutation.hint)
            with applied(source, mutation, live) as done:
                if not done:
                    continue
                noticed = killers(known, numbers[:most_cases], most=1)
            yield name, None if noticed else Survivor(name, mutation.line, mutation.what, len(numbers))


def explained() -> dict[str, str]:
    """`module: what` -> why that survivor is no hole, from `mutants_known.txt`. A name may end in `*`."""
    found = {}
    for line in KNOWN.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" -- ")
            if not reason.strip():
                raise ValueError(f"{KNOWN.name}: {line!r} needs a reason behind ' -- '")
            found[name.strip()] = reason.strip()
    return found


def is_known(one: Survivor, known: dict[str, str]) -> bool:
    name = f"{one.module}: {one.what}"
    return any(name.startswith(key[:-1]) if key.endswith("*") else name == key for key in known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", action="append", default=[], help="a module of agent/gate, without .py")
    parser.add_argument("--rule", default="", help="only what this rule's own functions do")
    parser.add_argument("--cases", type=int, default=3, help="spellings of each example (default 3)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cases = [*example_cases(options.cases, RULES), *listed_cases(), *fixture_cases(), *corpus_cases(), *attack_cases()]
    known = prepare(concerning(options.module, cases))
    wanted = functions_of(options.rule) if options.rule else None
    reasons = explained()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    new: list[Survivor] = []
    for module, one in survivors(
        known,
        sources(options.module),
        only=lambda module, mutation: wanted is None or (module, mutation.function) in wanted,
    ):
        fate = "killed" if one is None else "explained" if is_known(one, reasons) else "left"
        counts[module][fate] += 1
        if one is not None and fate == "left":
            new.append(one)
            print(one, flush=True)
    for module, fates in counts.items():
        said = ", ".join(f"{fates[fate]} {fate}" for fate in ("killed", "explained", "left"))
        print(f"{module}: {fates.total()} mutants, {said}")
    total = sum(fates.total() for fates in counts.values())
    print(f"{len(known.cases)} cases, {total} mutants, {len(new)} survive unexplained")
    if options.json:
        options.json.write_text(
            json.dumps(
                {"cases": len(known.cases), "mutants": total, "survivors": [one._asdict() for one in new]}, indent=1
            )
        )
    return 1 if new else 0


def concerning(modules: Iterable[str], cases: list[Case]) -> list[Case]:
    """The cases of the named modules' languages and a tenth of the rest; all, unless each module is of one language."""
    spoken: set[str] = set()
    for module in modules:
        words = [words for prefix, words in SPEAKS.items() if module.startswith(prefix)]
        if not words:
            return cases
        spoken.update(*words)
    return [
        case
        for number, case in enumerate(cases)
        if not spoken or number % 10 == 0 or any(word in case.said for word in spoken)
    ]


def functions_of(rule: str) -> set[tuple[str, str]]:
    """Module and name of the functions that a rule's check runs, in its own module."""
    check = RULES[rule].check
    module = sys.modules[check.__module__]
    live = live_functions(module)
    found, stack = set(), [check.__qualname__]
    while stack:
        name = stack.pop()
        if name in live and name not in found:
            found.add(name)
            stack.extend(_names(live[name].__code__))
    return {(module.__name__.rsplit(".", 1)[-1], name) for name in found}


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(one) for one in code.co_consts if isinstance(one, types.CodeType)]
    return set(code.co_names).union(*inner)


if __name__ == "__main__":
    sys.exit(main())
