"""The environments of a repository on GitHub -> who may have the deploy role and the models' keys. Only reads."""

from collections.abc import Iterator, Mapping
from typing import Any

from agent.adopt.names import unreadable
from agent.doctor import Line
from agent.github.connect import Connection
from agent.github.setup import Answer, look_all
from agent.models.providers import KINDS

APPLY = "apply"
MODELS = "models"
# What `change.yml` runs on: the merge of a pull request with its branch, by GitHub's own name.
PULLS = "refs/pull/*/merge"
_KEYS = frozenset(kind.key for kind in KINDS.values())
_ADDRESSES = frozenset(kind.address for kind in KINDS.values() if kind.keyless)
_CHECKLIST = "`infra-agent init --checklist`, section {}"


def environments(connection: Connection, branch: str) -> Iterator[Line]:
    """Lines about the environments that the workflows name. `branch` is the default branch."""
    answer = look_all(connection, "environments", inside="environments")
    if not answer.known:
        yield unreadable(f"environment {APPLY}", answer)
        yield unreadable(f"environment {MODELS}", answer)
        return
    there = {one["name"]: one for one in answer.data}
    yield from _apply(connection, branch, there.get(APPLY))
    yield from _models(connection, branch, there.get(MODELS))


def _apply(connection: Connection, branch: str, found: Mapping[str, Any] | None) -> Iterator[Line]:
    what = f"environment {APPLY}"
    if found is None:
        yield Line(what, False, f"not there; {_CHECKLIST.format(3)}")
        return
    yield _branches(connection, APPLY, found, wanted=(branch,), who="the deploy role", section=3)
    kinds = {rule.get("type") for rule in found.get("protection_rules") or []}
    reviewed = "required_reviewers" in kinds
    yield Line(f"{what}: reviewers", True, "required" if reviewed else "none; the merge is the approval")


def _models(connection: Connection, branch: str, found: Mapping[str, Any] | None) -> Iterator[Line]:
    """Models are a choice, so an environment without a key is in order; one with a key has to be limited."""
    what = f"environment {MODELS}"
    answers = [_named(connection, "actions/secrets", "secrets", _KEYS)]
    if found is not None:
        answers.append(_named(connection, f"environments/{MODELS}/secrets", "secrets", _KEYS))
        answers.append(_named(connection, f"environments/{MODELS}/variables", "variables", _ADDRESSES))
    names = [one for one in answers if not isinstance(one, Answer)]
    if refused := next((one for one in answers if isinstance(one, Answer)), None):
        yield unreadable(what, refused)
        return
    shared, inside = names[0], sorted(name for one in names[1:] for name in one)
    if shared:
        said = (
            f"{', '.join(shared)} of the whole repository, where every workflow of every branch may use it; better one"
        )
        yield Line(f"{what}: secrets", True, f"{said} of this environment: {_CHECKLIST.format(8)}")
    if not inside:
        if shared:
            return
        state = "there, without a key" if found else "not there"
        yield Line(
            what, True, f"{state}: no model is asked, golden paths do the work. For models: {_CHECKLIST.format(8)}"
        )
        return
    yield Line(what, True, f"there, with {', '.join(inside)}")
    yield _branches(connection, MODELS, found or {}, wanted=(branch, PULLS), who="the models' keys", section=8)


def _named(connection: Connection, path: str, inside: str, wanted: frozenset[str]) -> list[str] | Answer:
    answer = look_all(connection, path, inside=inside)
    return sorted({one["name"] for one in answer.data} & wanted) if answer.known else answer


def _branches(
    connection: Connection, name: str, found: Mapping[str, Any], *, wanted: tuple[str, ...], who: str, section: int
) -> Line:
    """Whether no other branch than those of `wanted` gets what the environment holds; the first has to."""
    what = f"environment {name}: only {' and '.join(wanted)}"
    policy = found.get("deployment_branch_policy")
    if policy is None:
        return Line(what, False, f"every branch gets {who}; {_CHECKLIST.format(section)}")
    if policy.get("protected_branches"):
        return Line(what, False, f"every protected branch gets {who}; name {' and '.join(wanted)} alone")
    answer = look_all(connection, f"environments/{name}/deployment-branch-policies", inside="branch_policies")
    if not answer.known:
        return unreadable(what, answer)
    named = [(one.get("type", "branch"), one["name"]) for one in answer.data]
    if ("branch", wanted[0]) not in named or set(named) - {("branch", one) for one in wanted}:
        said = ", ".join(f"{kind} {one}" for kind, one in named) or "nothing"
        return Line(what, False, f"it takes {said}; name the branch {' and '.join(wanted)}, and nothing else")
    return Line(what, True, "yes")
