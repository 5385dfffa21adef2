"""Request and change against what is allowed, free and standing -> refusals, before anything is written. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cached_property

from agent import permit
from agent.domain import ChangeSet, Intent, OpenChange, Override, Refusal, Request
from agent.guardrails import EnvironmentRules, Guardrails
from agent.settings import Settings
from agent.targets.terraform_files import MODULES, affected
from agent.targets.terraform_inventory import Inventory, dependents, environment_of
from agent.tree import laid_over

# What a reviewer's finding is about. A model may be wrong, so whom the guardrails name can set it aside.
REVIEW = "review/"
REVIEW_RULES: Mapping[str, str] = {
    "review/security": "nothing is exposed, and no right is wider, than the request needs",
    "review/cost": "nothing costs what nobody asked for",
    "review/idempotency": "a second run changes nothing",
    "review/blast-radius": "nothing is lost or interrupted that the request does not name",
    "review/rollback": "the change can be taken back",
    "review/request": "the change does what was asked, all of it and nothing else",
}
_OTHER_UNIT = re.compile(r"infra/(?:ansible|kubernetes/(?P<environment>[a-z][a-z0-9-]*))/[a-z][a-z0-9-]*")
# Families of rules that stop a change itself: they hold for everyone.
CERTAIN = frozenset({"bundle", "path", "paths", "content", "terraform", "plan", "ansible", "kubernetes", "gate"})
# Rule -> what it asks. Whom the guardrails name under `overrides` may set it aside for one request.
RULES: Mapping[str, str] = {
    "preflight/environment": "the environment is one of the guardrails' and of the settings'",
    "preflight/freeze": "no freeze of the environment is on",
    "preflight/window": "a change window of the environment is open",
    "preflight/region": "the environment's region is one that it may use",
    "preflight/type": "every resource type is one that may be asked for",
    "preflight/golden-path": "what the guardrails reserve for golden paths is written by one",
    "preflight/limit": "the request creates and destroys no more than one change may",
    "preflight/quota": "the environment's units hold no more of a type than its quota",
    "preflight/open-change": "no other open pull request changes the same unit",
    "preflight/locked": "the unit is not locked",
    "preflight/dependents": "nothing that other units need is taken away or changed under them",
}


@dataclass(frozen=True)
class Standing:
    """What is there already, as far as a job can know it.

    `existing` is the text of every file below infra/terraform on the default branch, by path; `locks` says by unit who
    holds it and why; `facts` counts, by environment and resource type, what really runs there.
    """

    existing: Mapping[str, str]
    open_changes: tuple[OpenChange, ...] = ()
    locks: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def check(
    request: Request,
    change: ChangeSet,
    *,
    intent: Intent | None,
    guardrails: Guardrails,
    settings: Settings,
    standing: Standing,
    now: datetime,
) -> tuple[Refusal, ...]:
    """Every reason not to go on with the request, each with who can override it; those overridden are left out.

    `now` has a time zone. The same arguments give the same answer, whatever order the files are in.
    """
    case = _Case(change, intent, guardrails, settings, standing, now)
    found = [
        refusal.model_copy(update={"who": permit.overriders(guardrails, refusal.rule)})
        for rule in (_places, _times, _types, _golden_paths, _limits, _quotas, _open_changes, _locks, _dependents)
        for refusal in rule(case)
    ]
    return tuple(one for one in dict.fromkeys(found) if not overridden(one, request.overrides))


def overridden(refusal: Refusal, overrides: Iterable[Override]) -> bool:
    """Whether somebody set exactly this rule aside for exactly this value: a request that asks for something else since
    is refused anew. A refusal that nobody can override never is.
    """
    return bool(refusal.who) and (refusal.rule, refusal.subject) in {(one.rule, one.value) for one in overrides}


def sentence(refusal: Refusal) -> str:
    """One line for people: rule, reason, and who can override it."""
    who = f"{', '.join(refusal.who)} can override it" if refusal.who else "nobody can override it"
    return f"{refusal.rule}: {refusal.message}; {who}"


def never(rule: str) -> str:
    """Why nobody can override `rule`, whoever asks; empty when it is one of RULES."""
    if rule in RULES or rule in REVIEW_RULES:
        return ""
    if rule.startswith("check/"):
        return f"{rule} cannot be overridden: what was not checked is never a pass. Mend the check and plan again"
    if rule.startswith("scope/"):
        return f"{rule} cannot be overridden: ask for it with `/agent revise`, or approve a destroy by its address"
    if rule.partition("/")[0] in CERTAIN:
        return (
            f"{rule} cannot be overridden by anyone: change what was written, or ask for a waiver on the default branch"
        )
    every = (*RULES, *REVIEW_RULES)
    near = get_close_matches(rule, [*every, *(one.partition("/")[2] for one in every)], n=1)
    meant = next((one for one in every if near and near[0] in (one, one.partition("/")[2])), "")
    hint = f" Did you mean {meant}?" if meant else ""
    return f"{rule} is no rule that can be overridden.{hint} There are {', '.join(every)}"


def _environment(unit: str) -> str | None:
    """The environment that a unit's folder names, empty for what is no unit. A playbook's folder names none."""
    other = _OTHER_UNIT.fullmatch(unit)
    return other["environment"] if other else environment_of(unit)


@dataclass(frozen=True)
class _Case:
    change: ChangeSet
    intent: Intent | None
    guardrails: Guardrails
    settings: Settings
    standing: Standing
    now: datetime

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """All that the change reaches, whatever the intent says."""
        named = [place for unit in self.units if (place := _environment(unit)) is not None]
        named += [self.change.scope.environment] if self.change.scope else []
        named += [self.intent.environment] if self.intent and self.intent.environment else []
        return tuple(dict.fromkeys(named or [""] * bool(self.units)))

    @cached_property
    def units(self) -> tuple[str, ...]:
        named = {*self.change.units, *(self.change.scope.units if self.change.scope else ())}
        return tuple(sorted({*named, *affected(self.paths, self.after.texts)}))

    @cached_property
    def paths(self) -> tuple[str, ...]:
        return tuple(sorted({file.path for file in self.change.files}))

    @cached_property
    def before(self) -> Inventory:
        return Inventory(self.standing.existing, settings=self.settings)

    @cached_property
    def after(self) -> Inventory:
        return Inventory(laid_over(self.standing.existing, self.change.files), settings=self.settings)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Resource types that the change brings into a unit or has more of, and those that its scope names."""
        named = set(self.change.scope.types) if self.change.scope else set()
        for unit in self.units:
            named |= set(self.after.resources(unit) - self.before.resources(unit))
        return tuple(sorted(named))

    def rules(self, environment: str) -> EnvironmentRules:
        return self.guardrails.environments.get(environment) or EnvironmentRules()


def _places(case: _Case) -> Iterator[Refusal]:
    known = [name for name in case.guardrails.environments if name in case.settings.environments]
    for environment in case.environments:
        if environment not in known:
            message = f"{environment or 'no environment'} is not one of {', '.join(known)}"
            yield Refusal(rule="preflight/environment", value=environment or "none", message=message)
            continue
        region = case.settings.environments[environment].region
        if why := permit.allowed_region(case.guardrails, environment, region):
            yield Refusal(rule="preflight/region", value=f"{region or 'none'} in {environment}", message=why)


def _times(case: _Case) -> Iterator[Refusal]:
    # One at a time: a freeze that is overridden must not open the window as well.
    for rule, rest in (("preflight/freeze", "windows"), ("preflight/window", "freezes")):
        alone = case.guardrails.model_copy(update={rest: ()})
        for place, environment in _reached(case):
            if why := permit.open_at(alone, environment, case.now):
                yield Refusal(rule=rule, value=place, message=why)


def _reached(case: _Case) -> Iterator[tuple[str, str]]:
    """Each unit with the environments that it is in, and each environment that is named without a unit of it, alone:
    to go on in an environment is always to go on with these units there.
    """
    seen = set()
    for unit in case.units:
        own = _environment(unit)
        for environment in case.environments if own is None else (own,):
            seen.add(environment)
            yield unit, environment
    yield from ((environment or "none", environment) for environment in case.environments if environment not in seen)


def _types(case: _Case) -> Iterator[Refusal]:
    # What may be used at all is a list of Terraform's types; kinds and modules have the gate's own. `deny` is for all.
    elsewhere = bool(case.units) and all(_OTHER_UNIT.fullmatch(unit) for unit in case.units)
    deny = case.guardrails.resource_types.deny
    for kind in case.types:
        if elsewhere and not any(fnmatchcase(kind, pattern) for pattern in deny):
            continue
        if why := permit.allowed_type(case.guardrails, kind):
            yield Refusal(rule="preflight/type", value=kind, message=why)


def _golden_paths(case: _Case) -> Iterator[Refusal]:
    if case.change.author.startswith("blueprint:"):
        return
    for place, environment in _reached(case):
        if case.rules(environment).golden_paths_only:
            message = f"{environment} takes requests for a golden path only; choose one in the form"
            yield Refusal(rule="preflight/golden-path", value=place, message=message)
    for kind in case.types:
        if any(fnmatchcase(kind, pattern) for pattern in case.guardrails.resource_types.golden_path):
            message = f"{kind} is written by a golden path only; choose one in the form"
            yield Refusal(rule="preflight/golden-path", value=kind, message=message)


def _limits(case: _Case) -> Iterator[Refusal]:
    scope = case.change.scope
    if scope is None:
        return
    most = permit.limits_of(case.guardrails, scope.environment)
    for word, count, limit in (
        ("create", scope.max_creates, most.max_creates),
        ("destroy", scope.max_destroys, most.max_destroys),
    ):
        if count > limit:
            message = f"it would {word} up to {_resources(count)}; one change in {scope.environment} may {word} {limit}"
            yield Refusal(rule="preflight/limit", value=f"{count} to {word}", message=message)


def _quotas(case: _Case) -> Iterator[Refusal]:
    for environment in case.environments:
        quotas = case.rules(environment).quotas
        if not quotas:
            continue
        before, after = case.before.held(environment), case.after.held(environment)
        real = case.standing.facts.get(environment, {})
        for pattern, most in quotas.items():
            code = _count(before, pattern)
            new = _count(after, pattern) - code
            standing = max(code, _count(real, pattern))
            if new > 0 and standing + new > most:
                message = f"{environment} holds {standing} {pattern} and may hold {most}; this asks for {new} more"
                value = f"{standing + new} {pattern} in {environment}"
                yield Refusal(rule="preflight/quota", value=value, message=message)


def _open_changes(case: _Case) -> Iterator[Refusal]:
    for other in case.standing.open_changes:
        for unit in sorted(set(other.units) & set(case.units)):
            message = f"{unit} is changed by the open pull request #{other.number}; merge or close that one first"
            value = f"pull request #{other.number}"
            yield Refusal(rule="preflight/open-change", value=value, message=message, url=other.url)


def _locks(case: _Case) -> Iterator[Refusal]:
    for unit in case.units:
        if unit in case.standing.locks:
            freed = f"if that run is over, a maintainer frees it: `/agent unlock {unit}`"
            message = f"{unit} is locked: {case.standing.locks[unit]}; {freed}"
            yield Refusal(rule="preflight/locked", value=unit, message=message)


def _dependents(case: _Case) -> Iterator[Refusal]:
    for one in dependents(case.before, case.after, case.units):
        yield Refusal(
            rule="preflight/dependents", value=one.unit, message=f"{one.unit} needs {one.what}, which would be gone"
        )
    asked = set(case.change.scope.units if case.change.scope else case.change.units)
    modules = [path for path in case.paths if path.startswith(f"{MODULES}/")]
    # A module that is gone is still used by what named it before.
    users = {*affected(modules, case.after.texts), *affected(modules, case.standing.existing)} if modules else set()
    for unit in sorted(users - asked):
        message = f"{unit} uses a module that would change ({modules[0]}), and the request does not name it"
        yield Refusal(rule="preflight/dependents", value=unit, message=message)


def _count(counts: Mapping[str, int], pattern: str) -> int:
    return sum(count for kind, count in counts.items() if fnmatchcase(kind, pattern))


def _resources(count: int) -> str:
    return f"{count} resource{'' if count == 1 else 's'}"
