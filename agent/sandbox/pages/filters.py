"""Values of the REST API -> the short texts that templates show. Pure but for the clock."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

# How a check, a job or a step stands -> the sign's class, its character and the word for it.
SIGNS = {
    "success": ("good", "✓", "successful"),
    "failure": ("bad", "✕", "failed"),
    "error": ("bad", "✕", "failed"),
    "timed_out": ("bad", "✕", "timed out"),
    "startup_failure": ("bad", "✕", "could not start"),
    "action_required": ("warn", "!", "needs action"),
    "cancelled": ("off", "⊘", "cancelled"),
    "skipped": ("off", "–", "skipped"),
    "neutral": ("off", "■", "neutral"),
    "stale": ("off", "■", "stale"),
    "in_progress": ("busy", "●", "in progress"),
    "queued": ("wait", "○", "queued"),
    "waiting": ("wait", "○", "waiting"),
    "pending": ("wait", "○", "pending"),
    "requested": ("wait", "○", "requested"),
}


def state_of(item: Any) -> str:
    """A conclusion, or while there is none the status. `item` is a mapping or a value with these two fields."""
    return str(_field(item, "conclusion") or _field(item, "status") or "pending")


def _field(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else getattr(item, name, None)


def sign(item: Any) -> Markup:
    """The coloured sign for a state's name, or for anything that has a conclusion and a status."""
    state = item if isinstance(item, str) else state_of(item)
    kind, character, word = SIGNS.get(state, ("wait", "○", state))
    return Markup('<span class="sign {}" role="img" aria-label="{}" title="{}">{}</span>').format(
        kind, word, word, character
    )


def word(item: Any) -> str:
    state = item if isinstance(item, str) else state_of(item)
    return SIGNS.get(state, ("", "", state))[2]


def moment(value: Any) -> datetime | None:
    """ISO 8601 text, or seconds since the epoch, as a time in UTC."""
    if not value:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone(UTC)


def ago(value: Any) -> Markup:
    """How long ago, with the exact time on hovering."""
    when = moment(value)
    if when is None:
        return Markup("")
    seconds = max((datetime.now(UTC) - when).total_seconds(), 0)
    if seconds < 60:
        text = "just now"
    elif seconds < 86_400:
        count, unit = (seconds // 60, "minute") if seconds < 3600 else (seconds // 3600, "hour")
        text = f"{count:.0f} {unit}{'' if count == 1 else 's'} ago"
    else:
        text = f"on {when:%Y-%m-%d}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        when.isoformat(), when.strftime("%Y-%m-%d %H:%M:%S"), text
    )


def duration(item: Any) -> str:
    """From `started_at` to `completed_at` (to now while it runs), such as "1m 4s"; "" before it has started."""
    start, end = moment(_field(item, "started_at")), moment(_field(item, "completed_at"))
    if start is None:
        return ""
    return spell(((end or datetime.now(UTC)) - start).total_seconds())


def spell(seconds: float) -> str:
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m {whole % 60}s" if whole < 3600 else f"{whole // 3600}h {whole % 3600 // 60}m"


def hue(name: str) -> int:
    """A colour for a name, the same every time: degrees on the colour wheel."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:2], "big") % 360


def avatar(login: str) -> Markup:
    bot = login.endswith("[bot]")
    return Markup('<span class="avatar{}" style="--hue:{}" aria-hidden="true">{}</span>').format(
        " bot" if bot else "", hue(login), login[:1].upper()
    )


def label(value: Any) -> Markup:
    """A label of the API (name, color) as a pill in its own colour."""
    color = str(value.get("color") or "ededed")
    red, green, blue = (int(color[place : place + 2], 16) for place in (0, 2, 4))
    dark = (red * 299 + green * 587 + blue * 114) / 1000 < 140
    return Markup('<span class="label" style="background:#{};color:{}" title="{}">{}</span>').format(
        color, "#fff" if dark else "#1f2328", value.get("description") or "", value["name"]
    )


def size(count: int) -> str:
    return f"{count} B" if count < 1024 else f"{count / 1024:.1f} KB"


FILTERS = {
    "sign": sign, "word": word, "ago": ago, "duration": duration, "avatar": avatar, "label": label, "size": size,
    "state_of": state_of,
}  # fmt: skip
