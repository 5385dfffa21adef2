"""What GitHub says of the default branch's rules -> whether a merge there means what the pipeline takes it for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.adopt.checklist import CHECKS
from agent.doctor import Line
from agent.github.connect import Connection
from agent.github.setup import look, look_all

MEND = "`infra-agent init --checklist`, section 4, has a ruleset ready to paste"


@dataclass
class _Found:
    """What is in force, from rulesets and from the older branch protection together. `reviews` is None without any."""

    reviews: int | None = None
    dismiss: bool = False
    owners: bool = False
    checks: dict[str, int | None] = field(default_factory=dict)
    no_force: bool = False
    no_delete: bool = False
    bypass: list[str] = field(default_factory=list)
    dark: list[str] = field(default_factory=list)
    """What this token may not read, and could hold more."""


def branch_rules(connection: Connection, branch: str) -> Iterator[Line]:
    """A line for each thing that the branch has to ask for. What cannot be read is UNKNOWN, never a yes."""
    found = _Found()
    _of_rulesets(connection, branch, found)
    _of_protection(connection, branch, found)
    yield _line(found, f"{branch}: a pull request is required", found.reviews is not None, "direct pushes are possible")
    wanted = (found.reviews or 0) > 0
    yield _line(found, f"{branch}: an approval is required", wanted, "whoever opens a change may merge it alone")
    yield _line(found, f"{branch}: a push dismisses approvals", found.dismiss, "an approved change may still change")
    yield _line(found, f"{branch}: no force push", found.no_force, "history that was approved can be replaced")
    yield _line(found, f"{branch}: no deletion", found.no_delete, "the branch can be deleted")
    missing = [check for check in CHECKS if check not in found.checks]
    yield _line(
        found,
        f"{branch}: required checks",
        not missing,
        f"{', '.join(missing)} not required; in a repository where pull requests also change other things than infra/ "
        "this is as it has to be, and what was never ready is not applied either way",
        good=", ".join(CHECKS),
    )
    loose = [check for check in CHECKS if check in found.checks and found.checks[check] in (None, -1)]
    if loose:
        yield _line(
            found,
            f"{branch}: who posts the checks",
            False,
            f"{', '.join(loose)} may come from anybody with write permission; name the source in the rule",
        )
    if found.bypass:
        yield Line(f"{branch}: nobody bypasses the rules", False, f"{', '.join(found.bypass)}. Mend: {MEND}")
    else:
        dark = ", ".join(found.dark)
        ok = None if found.dark else True
        yield Line(f"{branch}: nobody bypasses the rules", ok, f"cannot be read: {dark}" if dark else "nobody")


def _line(found: _Found, what: str, ok: bool, why: str, *, good: str = "yes") -> Line:
    if ok:
        return Line(what, True, good)
    if found.dark:
        return Line(what, None, f"not among the rules that can be read; cannot be read: {', '.join(found.dark)}")
    return Line(what, False, f"{why}. Mend: {MEND}")


def _of_rulesets(connection: Connection, branch: str, found: _Found) -> None:
    rules = look_all(connection, f"rules/branches/{branch}")
    if not rules.known:
        found.dark.append(f"rulesets ({rules.message})")
        return
    for rule in rules.data:
        _rule(rule, found)
    for number in sorted({rule["ruleset_id"] for rule in rules.data if "ruleset_id" in rule}):
        whole = look(connection, f"rulesets/{number}")
        if not whole.known or "bypass_actors" not in whole.data:
            found.dark.append(f"who bypasses ruleset {number} (the token may not edit it)")
            continue
        for actor in whole.data["bypass_actors"]:
            found.bypass.append(f"{actor.get('actor_type')} bypasses the ruleset {whole.data['name']}")


def _rule(rule: Mapping[str, Any], found: _Found) -> None:
    given = rule.get("parameters") or {}
    match rule["type"]:
        case "pull_request":
            found.reviews = max(found.reviews or 0, int(given.get("required_approving_review_count", 0)))
            found.dismiss |= bool(given.get("dismiss_stale_reviews_on_push"))
            found.owners |= bool(given.get("require_code_owner_review"))
        case "required_status_checks":
            for check in given.get("required_status_checks", []):
                found.checks[check["context"]] = check.get("integration_id") or found.checks.get(check["context"])
        case "non_fast_forward":
            found.no_force = True
        case "deletion":
            found.no_delete = True


def _of_protection(connection: Connection, branch: str, found: _Found) -> None:
    answer = look(connection, f"branches/{branch}/protection")
    if not answer.known:
        # The same 404 says "has none" to those who may read it, and "is not for you" to the others.
        if "not protected" not in answer.message:
            found.dark.append(f"branch protection ({answer.message}; it takes the right to administer)")
        return
    given = answer.data
    if (reviews := given.get("required_pull_request_reviews")) is not None:
        found.reviews = max(found.reviews or 0, int(reviews.get("required_approving_review_count", 0)))
        found.dismiss |= bool(reviews.get("dismiss_stale_reviews"))
    for check in (given.get("required_status_checks") or {}).get("checks", []):
        found.checks[check["context"]] = check.get("app_id") or found.checks.get(check["context"])
    found.no_force |= not given.get("allow_force_pushes", {}).get("enabled", False)
    found.no_delete |= not given.get("allow_deletions", {}).get("enabled", False)
    if not given.get("enforce_admins", {}).get("enabled", False):
        found.bypass.append("administrators bypass the branch protection")
