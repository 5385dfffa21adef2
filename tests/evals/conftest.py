"""A ground made of the packaged dataset, on which nothing but pure code and the rego child runs."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.evals.ground import Ground, ground
from agent.tools import Tools, allowed

PROJECT = Path(__file__).resolve().parents[2]
TEXT_ONLY = Path(__file__).with_name("terraform")


@pytest.fixture(scope="session")
def place() -> Iterator[Ground]:
    """The rules of this project and what stands in evals/repository, with no tool that judges."""
    with ground(
        PROJECT,
        PROJECT / "evals" / "repository",
        tools=Tools(environment=allowed(os.environ)),
        pythons={},
        mirror=os.environ.get("INFRA_AGENT_PROVIDER_MIRROR", ""),
        validate=False,
    ) as made:
        yield made


@pytest.fixture(scope="session")
def quick_place(place: Ground) -> Ground:
    """The same, where authors ask about their drafts what is no Terraform: a draft takes tenths of a second."""
    code = place.settings.terraform.model_copy(update={"binary": str(TEXT_ONLY), "provider_mirror": ""})
    return replace(place, settings=place.settings.model_copy(update={"terraform": code}))
