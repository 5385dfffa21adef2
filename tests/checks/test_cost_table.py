"""The bundled prices: each has region, source and date, none is zero, and what contradicts itself is left out."""

import json
import re
import runpy
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.checks.cost_plan import Unpriced
from agent.checks.cost_resources import RULES
from agent.checks.cost_table import FOLDER, _prices, table

TABLE = yaml.safe_load((FOLDER / "aws.yml").read_text(encoding="utf-8"))
MACHINES = json.loads((FOLDER / "ec2.json").read_text(encoding="utf-8"))
ROOT = Path(__file__).parents[2]
ENTRIES = [
    (name, entry)
    for name, listed in TABLE["prices"].items()
    for entry in (listed if isinstance(listed, list) else [listed])
]


def test_every_price_has_a_region_a_source_and_a_date_and_is_more_than_nothing() -> None:
    assert TABLE["prices"]
    for name, entry in ENTRIES:
        assert entry.keys() == {"usd", "region", "source", "date"}, name
        assert entry["usd"] > 0, name
        assert re.fullmatch(r"20\d\d-[01]\d(-[0-3]\d)?", str(entry["date"])), name
        assert entry["source"] in TABLE["sources"], name
    assert {entry["source"] for _, entry in ENTRIES} == set(TABLE["sources"])
    assert len(table().prices) == len(ENTRIES)
    # YAML keeps the last of two equal keys and says nothing.
    text = (FOLDER / "aws.yml").read_text(encoding="utf-8")
    names = re.findall(r"^  ([a-z0-9_.]+):(?: +[{|]|$)", text, re.MULTILINE)
    assert sorted(set(TABLE["prices"])) == sorted(name for name in names if name in TABLE["prices"])
    assert not any("; " in source for source in TABLE["sources"].values())


def test_instances_have_a_source_a_date_and_no_zero() -> None:
    assert MACHINES["source"].startswith("Apache Libcloud ")
    assert date.fromisoformat(MACHINES["date"])
    assert all(price > 0 for region in MACHINES["prices"].values() for price in region.values())
    assert "Apache License" in (FOLDER / "NOTICE").read_text(encoding="utf-8")


def test_a_type_is_in_one_list_only() -> None:
    known = table()
    assert not set(RULES) & set(TABLE["usage_based"])
    assert all(known.kind(name) == "priced" for name in RULES)
    assert all(known.kind(name) == "usage-based" for name in TABLE["usage_based"])


# List prices in us-east-1 for Linux, shared tenancy, as Amazon EC2's pricing page has shown them for years.
@pytest.mark.parametrize(
    ("kind", "usd"),
    [
        ("t3.micro", 0.0104), ("t3.small", 0.0208), ("t3.medium", 0.0416), ("t2.medium", 0.0464),
        ("m5.large", 0.096), ("c5.large", 0.085), ("t4g.small", 0.0168), ("m6i.large", 0.096), ("r5.24xlarge", 6.048),
    ],
)  # fmt: skip
def test_instances_cost_what_they_are_known_to_cost(kind: str, usd: float) -> None:
    assert table().machine(kind, "us-east-1").usd == usd


def test_what_is_not_known_has_no_price() -> None:
    with pytest.raises(Unpriced, match=r"no price of m5\.large in a region that is not known"):
        table().machine("m5.large", "")
    with pytest.raises(Unpriced, match=r"no price of `alb.hour` in eu-central-1"):
        table().price("alb.hour", "eu-central-1")


def test_a_price_that_stands_there_twice_is_refused() -> None:
    one = {"usd": 1, "region": "us-east-1", "source": "s", "date": "2026-01-01"}
    found = _prices({"a.hour": [one, {**one, "region": "eu-west-1", "usd": 2}]}, {"s": "S"})
    usd = {place: price.usd for place, price in found.items()}
    assert usd == {("a.hour", "us-east-1"): 1, ("a.hour", "eu-west-1"): 2}
    with pytest.raises(ValueError, match="two prices in us-east-1"):
        _prices({"a.hour": [one, one]}, {"s": "S"})


def test_the_table_is_read_once_and_quickly() -> None:
    started = time.process_time()
    for _ in range(1000):
        table().machine("m5.large", "us-east-1")
    assert time.process_time() - started < 0.5


def test_the_generator_leaves_out_zeros_dedicated_prices_and_what_nothing_confirms() -> None:
    linux: dict[str, dict[str, float]] = {
        "m5.large": {"us-east-1": 0.096, "eu-west-1": 0.107},
        "m5.xlarge": {"us-east-1": 0.192, "eu-west-1": 0.0},
        "m5.2xlarge": {"us-east-1": 0.4070},  # dedicated
        "m5.metal": {"us-east-1": 4.608},
        "p9.xlarge": {"us-east-1": 9.0},
        "t3.micro": {"us-west-2-lax-1": 0.0125, "us-east-1": 0.0},
    }
    script = runpy.run_path(str(ROOT / "bin/update-ec2-prices"))
    made: dict[str, Any] = script["derived"]({"updated": 1740936978, "compute": {"ec2_linux": linux}}, "3.9.1")
    assert made["prices"] == {"us-east-1": {"m5.large": 0.096, "m5.xlarge": 0.192}}
    assert made["date"] == "2025-03-02"
