"""A rule's id or a resource's address -> its help page, what a check found, or what the newest plan does with it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from agent import preflight
from agent.documents import parse
from agent.domain import Planned, Request, Seal, without_keys
from agent.errors import UserError
from agent.gate import RULES
from agent.github import read, runs
from agent.github.connect import Connection
from agent.jobs.parts.said import Said, nothing_done
from agent.jobs.parts.vote import PLAN_CHECK
from agent.render import answers
from agent.render.answers import Line
from agent.render.page import Context
from agent.scope import RULES as SCOPE_RULES

MOST = 40
# Checks whose findings may have rules of other programs.
CHECKS = ("agent/checks", PLAN_CHECK)


def explained(request: Request, *, context: Context, connection: Connection) -> Said:
    """The page of a rule, the plan of an address, or what the checks of the pull request found under that name; for
    what is none of these, what is spelled nearly so.
    """
    wanted = request.argument.strip("` ")
    if page := _page(wanted):
        return Said(answers.rule_page(context, rule=wanted, page=page))
    sealed = _sealed(request, connection)
    found = _planned(sealed, wanted)
    if found and sealed is not None:
        return Said(answers.address_page(context, found[:MOST], commit=sealed.head_sha))
    if request.head_sha and (noted := runs.noted(connection, request.head_sha, wanted, CHECKS)):
        return Said(_finding(context, wanted, noted, commit=request.head_sha))
    known = [*RULES, *preflight.RULES, *preflight.REVIEW_RULES, *SCOPE_RULES]
    addresses = [one.address for record in sealed.records.values() for one in record] if sealed else []
    near = get_close_matches(wanted, [*known, *addresses], n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(f'`/agent explain {one}`' for one in near)}?" if near else ""
    where = "the newest sealed plan" if sealed else "any rule; there is no sealed plan of this request yet"
    return nothing_done(context, f"{wanted} is no rule, and no address in {where}.{hint}")


def _page(rule: str) -> str:
    if rule in RULES:
        return RULES[rule].help
    asks: Mapping[str, str] = {**preflight.RULES, **preflight.REVIEW_RULES, **SCOPE_RULES}
    if rule not in asks:
        return ""
    how = preflight.never(rule) or (
        f"Whom policies/guardrails.yml names under overrides can set it aside: /agent override {rule}=<value> <reason>"
    )
    return f"{rule}: {asks[rule]}\n\n{how}\n"


def _finding(context: Context, rule: str, noted: Sequence[runs.Noted], *, commit: str) -> str:
    """What other programs' rule `rule` found, where, and the page that explains it."""
    messages = list(dict.fromkeys(one.message for one in noted if one.message))
    said = messages[:3] or ["It is about no single line; the check's page shows it."]
    text = "\n\n".join([f"{rule}:", *said])
    places = dict.fromkeys(
        Line(text=f"{one.path}:{one.line}", url=f"{context.repository}/blob/{commit}/{one.path}#L{one.line}")
        for one in noted
        if one.path
    )
    checks = dict.fromkeys(Line(text=f"the check {one.check}", url=one.url) for one in noted)
    pages = dict.fromkeys(Line(text="what the rule asks for", url=one.help) for one in noted if one.help)
    more = [Line(text=f"{len(places) - MOST} more places")] if len(places) > MOST else []
    lines = [*list(places)[:MOST], *more, *checks, *pages]
    return answers.answer(context, icon="📖", headline="As the checks found it", text=text, lines=lines)


def _sealed(request: Request, connection: Connection) -> Seal | None:
    """The seal of the pull request's head. A plan that was not sealed is not kept, so it cannot be explained here."""
    if request.head_sha is None:
        return None
    text = read.check_output(connection, commit=request.head_sha, check=PLAN_CHECK, until=None)
    try:
        return parse(Seal, text, source=f"the seal of {request.head_sha[:7]}") if text else None
    except UserError:
        return None


def _planned(sealed: Seal | None, address: str) -> list[tuple[str, Planned]]:
    """Unit and change of the address itself, else of all instances of that resource."""
    every = [(unit, one) for unit, record in (sealed.records if sealed else {}).items() for one in record]
    exact = [item for item in every if item[1].address == address]
    return exact or [item for item in every if without_keys(item[1].address) == address]
