"""Plan against the scope that was asked for -> findings. Pure."""

from collections.abc import Collection, Iterable, Iterator

from agent.domain import Change, Finding, Plan, Scope

SILENT = {"read", "no-op"}


def check(plan: Plan, scope: Scope | None, *, stateful_types: Collection[str] = ()) -> tuple[Finding, ...]:
    """What the plan would do that nobody asked for. Without a scope only destroys of stateful types are judged."""
    findings = list(_stateful(plan, stateful_types))
    if scope is not None:
        findings.extend(_outside(plan, scope))
        findings.extend(_counts(plan, scope))
    return tuple(findings)


def creates(plan: Plan) -> int:
    """Resources that the plan would create, replacements included."""
    return sum(bool({"create", "replace"} & set(change.verbs)) for _, change in _changes(plan))


def destroys(plan: Plan) -> int:
    """Resources that the plan would destroy, replacements included."""
    return sum(bool({"delete", "replace"} & set(change.verbs)) for _, change in _changes(plan))


def _changes(plan: Plan) -> Iterator[tuple[str, Change]]:
    for unit in plan.units:
        for change in unit.changes:
            yield unit.unit, change


def _stateful(plan: Plan, types: Collection[str]) -> Iterator[Finding]:
    for unit, change in _changes(plan):
        if change.type in types and {"delete", "replace"} & set(change.verbs):
            yield _finding(
                "scope/stateful-destroy",
                f"{change.address} holds data and would be destroyed; that needs its own approval by address",
                unit,
            )


def _outside(plan: Plan, scope: Scope) -> Iterator[Finding]:
    for unit in plan.units:
        if unit.unit not in scope.units:
            yield _finding(
                "scope/unit", f"{unit.unit} was not asked for; asked for {', '.join(scope.units)}", unit.unit
            )
    for unit_name, change in _changes(plan):
        verbs = set(change.verbs) - SILENT
        if not verbs:
            continue
        if change.type not in scope.types:
            message = f"{change.address}: would {_words(verbs)} a {change.type}, which was not asked for"
            yield _finding("scope/type", message, unit_name)
            continue
        extra = verbs - set(scope.types[change.type])
        if extra:
            asked = _words(set(scope.types[change.type]))
            message = f"{change.address}: would {_words(extra)}; asked for was only to {asked} a {change.type}"
            yield _finding("scope/verb", message, unit_name)


def _counts(plan: Plan, scope: Scope) -> Iterator[Finding]:
    for word, count, limit in (
        ("create", creates(plan), scope.max_creates),
        ("destroy", destroys(plan), scope.max_destroys),
    ):
        if count > limit:
            message = f"the plan would {word} {count} resources; the request covers at most {limit}"
            yield _finding(f"scope/{word}s", message, "")


def _words(verbs: Iterable[str]) -> str:
    return " and ".join(sorted(verbs))


def _finding(rule: str, message: str, path: str) -> Finding:
    return Finding(source="scope", rule=rule, severity="critical", message=message, path=path)
