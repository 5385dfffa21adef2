"""Guardrails and a fact (a time, a region, a type, a risk, a person) -> allowed, or the reason why not. Pure."""

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.domain import Risk
from agent.guardrails import DAYS, RISKS, Approval, Freeze, Guardrails, PlanLimits, Window

# A week holds every window; one day more for the part of the first that is over already.
_HORIZON = timedelta(days=8)
_MINUTE = timedelta(minutes=1)


class Closure(NamedTuple):
    """Why an environment takes no change now. `rule` is `preflight/window` or `preflight/freeze`; `opens` is None when
    there is no opening within a week of any freeze's end.
    """

    rule: str
    reason: str
    opens: datetime | None


def open_at(guardrails: Guardrails, environment: str, when: datetime) -> str | None:
    """None when `environment` takes changes at `when` (with a time zone), else why not and when it does again."""
    closure = closed_at(guardrails, environment, when)
    return closure.reason if closure else None


def closed_at(guardrails: Guardrails, environment: str, when: datetime) -> Closure | None:
    """As `open_at`, with the rule's id and the next opening. Raises ValueError for a time without a time zone."""
    if when.tzinfo is None:
        raise ValueError(f"{when.isoformat()} has no time zone")
    windows = [window for window in guardrails.windows if environment in window.environments]
    freezes = [freeze for freeze in guardrails.freezes if not freeze.environments or environment in freeze.environments]
    frozen = next((freeze for freeze in freezes if _frozen(guardrails, freeze, when)), None)
    if frozen is None and (not windows or any(_inside(guardrails, window, when) for window in windows)):
        return None
    opens = next(
        (
            moment
            for moment in sorted(_openings(guardrails, windows, freezes, when))
            if moment > when
            and not any(_frozen(guardrails, freeze, moment) for freeze in freezes)
            and (not windows or any(_inside(guardrails, window, moment) for window in windows))
        ),
        None,
    )
    shown = opens.astimezone(ZoneInfo(guardrails.time_zone)) if opens else None
    again = f"it opens {shown:%a %Y-%m-%d %H:%M} ({guardrails.time_zone})" if shown else "no opening is in sight"
    if frozen:
        _, end = _range(guardrails, frozen)
        zone = frozen.time_zone or guardrails.time_zone
        until = f"{end.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} ({zone})"
        return Closure("preflight/freeze", f"{environment} is frozen until {until}: {frozen.reason}; {again}", opens)
    times = " and ".join(_words(guardrails, window) for window in windows)
    return Closure("preflight/window", f"{environment} takes changes {times}; {again}", opens)


def allowed_region(guardrails: Guardrails, environment: str, region: str) -> str | None:
    """None when resources of `environment` may be in `region`, else why not."""
    rules = guardrails.environments.get(environment)
    if rules is None:
        return f"{environment or '(none)'} is not an environment; there are {', '.join(guardrails.environments)}"
    if rules.regions and region not in rules.regions:
        return f"{environment} may not use {region or '(none)'}; it may use {', '.join(rules.regions)}"
    return None


def allowed_type(guardrails: Guardrails, type_: str) -> str | None:
    """None when resources of the type may be asked for, else why not."""
    types = guardrails.resource_types
    for pattern in types.deny:
        if fnmatchcase(type_, pattern):
            return f"{type_} is not allowed: resource_types.deny holds {pattern}"
    if not any(fnmatchcase(type_, pattern) for pattern in types.allow):
        return f"{type_} is not allowed: resource_types.allow holds {', '.join(types.allow)}"
    return None


def is_production(guardrails: Guardrails, environment: str) -> bool:
    """Whether `environment` is production: what the guardrails say, else by its name. One without a name is."""
    rules = guardrails.environments.get(environment)
    if rules is not None and rules.production is not None:
        return rules.production
    return not environment or environment.startswith(("prod", "live"))


def limits_of(guardrails: Guardrails, environment: str) -> PlanLimits:
    """The general limits, with those that the environment gives itself in their place."""
    rules = guardrails.environments.get(environment)
    own = rules.limits if rules else PlanLimits()
    given = {name: getattr(own, name) for name in own.model_fields_set}
    return guardrails.limits.model_copy(update=given)


def required_approvals(guardrails: Guardrails, risk: Risk) -> Approval:
    """What a change of this risk needs: its own entry, else that of the next lower risk, else one person."""
    for level in reversed(RISKS[: RISKS.index(risk) + 1]):
        if level in guardrails.approvals:
            return guardrails.approvals[level]
    return Approval()


def may_approve(approval: Approval, login: str, teams: Collection[str]) -> bool:
    """Whether the person (who may write to the repository) counts. `teams` as `organisation/team`."""
    nobody_named = not approval.teams and not approval.logins
    return nobody_named or _is_named(approval.logins, approval.teams, login, teams)


def may_override(guardrails: Guardrails, rule: str, login: str, teams: Collection[str]) -> bool:
    """Whether the person may lift the refusal by `rule`. `teams` as `organisation/team`."""
    return any(
        _is_named(entry.logins, entry.teams, login, teams)
        for entry in guardrails.overrides
        if any(fnmatchcase(rule, pattern) for pattern in entry.rules)
    )


def overriders(guardrails: Guardrails, rule: str) -> tuple[str, ...]:
    """Who may lift the refusal by `rule`, in words: logins, then `team …`. Empty: nobody."""
    entries = [entry for entry in guardrails.overrides if any(fnmatchcase(rule, pattern) for pattern in entry.rules)]
    names = [login for entry in entries for login in entry.logins]
    names += [f"team {team}" for entry in entries for team in entry.teams]
    return tuple(dict.fromkeys(names))


def _is_named(logins: Collection[str], teams: Collection[str], login: str, member_of: Collection[str]) -> bool:
    """Logins and team names are the same in any case. A team without its organisation fits that of any."""
    mine = {team.lower() for team in member_of}
    mine |= {team.rpartition("/")[2] for team in mine}
    return login.lower() in {name.lower() for name in logins} or any(team.lower() in mine for team in teams)


def _zone(guardrails: Guardrails, entry: Window | Freeze) -> ZoneInfo:
    return ZoneInfo(entry.time_zone or guardrails.time_zone)


def _inside(guardrails: Guardrails, window: Window, when: datetime) -> bool:
    local = when.astimezone(_zone(guardrails, window))
    now = f"{local:%H:%M}"
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if window.opens < window.closes:
        return today in window.days and window.opens <= now < window.closes
    return (today in window.days and now >= window.opens) or (yesterday in window.days and now < window.closes)


def _range(guardrails: Guardrails, freeze: Freeze) -> tuple[datetime, datetime]:
    """First moment and the first moment after it."""
    zone = _zone(guardrails, freeze)
    starts = freeze.starts if isinstance(freeze.starts, datetime) else datetime.combine(freeze.starts, time())
    ends = (
        freeze.ends if isinstance(freeze.ends, datetime) else datetime.combine(freeze.ends + timedelta(days=1), time())
    )
    return starts.replace(tzinfo=zone).astimezone(UTC), ends.replace(tzinfo=zone).astimezone(UTC)


def _frozen(guardrails: Guardrails, freeze: Freeze, when: datetime) -> bool:
    starts, ends = _range(guardrails, freeze)
    return starts <= when.astimezone(UTC) < ends


def _openings(
    guardrails: Guardrails, windows: Collection[Window], freezes: Collection[Freeze], when: datetime
) -> Iterator[datetime]:
    """Every moment at which the environment may turn open: the end of a freeze, or an opening soon after now or it."""
    ends = [end for freeze in freezes if (end := _range(guardrails, freeze)[1]) > when]
    yield from ends
    for start in (when, *ends):
        for window in windows:
            zone = _zone(guardrails, window)
            first = start.astimezone(zone).date()
            for day in (first + timedelta(days=step) for step in range(_HORIZON.days + 1)):
                if DAYS[day.weekday()] in window.days:
                    yield _at(day, window.opens, zone)


def _at(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """The moment at which the clock shows that time; where it is put forward over it, the moment of the change."""
    hours, minutes = clock.split(":")
    moment = datetime.combine(day, time(int(hours), int(minutes)), tzinfo=zone).astimezone(UTC)
    if f"{moment.astimezone(zone):%H:%M}" != clock:
        while f"{(moment - _MINUTE).astimezone(zone):%H:%M}" > clock:
            moment -= _MINUTE
    return moment


def _words(guardrails: Guardrails, window: Window) -> str:
    days = "every day" if set(window.days) == set(DAYS) else ", ".join(day for day in DAYS if day in window.days)
    return f"{days} {window.opens}-{window.closes} ({window.time_zone or guardrails.time_zone})"
