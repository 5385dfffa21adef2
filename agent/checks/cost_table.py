"""The bundled price table: a name and a region -> a list price with its source and date, or that there is none.

`prices/aws.yml` is read when the first price is asked for, `prices/ec2.json` when the first instance's is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

from agent.checks.cost_plan import Unpriced

FOLDER = Path(__file__).parent / "prices"
EVERYWHERE = "all"
SOURCE = "bundled list prices"
Kind = Literal["free", "usage-based", "priced"]


class Price(NamedTuple):
    """`usd` for one unit: an hour where the name ends with `hour` or names a machine, else a month."""

    usd: float
    source: str
    date: str


class Machines(NamedTuple):
    """USD for an hour of an EC2 instance, by region and type."""

    prices: dict[str, dict[str, float]]
    source: str
    date: str


@dataclass(frozen=True)
class Table:
    """`prices` by name and region; `machines` gives what `prices` lacks of EC2 instances; `hours` of a month."""

    hours: float
    prices: dict[tuple[str, str], Price]
    machines: Callable[[], "Machines"]
    usage_based: dict[str, str]
    free: tuple[str, ...]

    def price(self, name: str, region: str) -> Price:
        """Raises Unpriced when there is none for the region."""
        found = self.prices.get((name, region)) or self.prices.get((name, EVERYWHERE))
        if found is None:
            raise Unpriced(f"no price of `{name}` in {region or 'a region that is not known'}")
        return found

    def machine(self, kind: str, region: str) -> Price:
        """On demand, Linux, shared tenancy, for an hour. Raises Unpriced when it is not known."""
        own = self.prices.get((f"ec2.{kind}", region))
        if own is not None:
            return own
        listed = self.machines()
        usd = listed.prices.get(region, {}).get(kind, 0.0)
        if usd <= 0:  # zero means unknown
            raise Unpriced(f"no price of {kind} in {region or 'a region that is not known'}")
        return Price(usd, listed.source, listed.date)

    def kind(self, resource_type: str) -> Kind:
        """Whether a type has no charge of its own, bills by use alone, or may have a price."""
        if any(fnmatchcase(resource_type, pattern) for pattern in self.free):
            return "free"
        return "usage-based" if resource_type in self.usage_based else "priced"


@cache
def table() -> Table:
    """The table that is shipped, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load((FOLDER / "aws.yml").read_text(encoding="utf-8"), Loader=loader)  # noqa: S506
    return Table(
        hours=float(data["hours_per_month"]),
        prices=_prices(data["prices"], data["sources"]),
        machines=_machines,
        usage_based=data["usage_based"],
        free=tuple(data["free"]),
    )


@cache
def _machines() -> Machines:
    data: dict[str, Any] = json.loads((FOLDER / "ec2.json").read_text(encoding="utf-8"))
    return Machines(data["prices"], data["source"], data["date"])


def _prices(entries: dict[str, Any], sources: dict[str, str]) -> dict[tuple[str, str], Price]:
    """By name and region. Raises ValueError when a price stands there twice: it would not be clear which one counts."""
    found: dict[tuple[str, str], Price] = {}
    for name, listed in entries.items():
        for entry in listed if isinstance(listed, list) else [listed]:
            place = (name, str(entry["region"]))
            if place in found:
                raise ValueError(f"{FOLDER / 'aws.yml'}: {name} has two prices in {entry['region']}")
            found[place] = _price(entry, sources)
    return found


def _price(entry: dict[str, Any], sources: dict[str, str]) -> Price:
    return Price(float(entry["usd"]), sources[entry["source"]], str(entry["date"]))
