"""Fixtures that several rooms share: real tools, a provider mirror, a local AWS, settings."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.sandbox import cloud
from agent.settings import Environment, Provider, Settings, State, TerraformSettings
from agent.tools import Tools, allowed

MIRROR_VARIABLE = "INFRA_AGENT_PROVIDER_MIRROR"
STATE_BUCKET = "infra-agent-state"
REGION = "eu-central-1"

# A worker takes whole files. What takes minutes starts first: begun last, it would run on alone.
LONGEST = ("tests/e2e/", "tests/blueprints/", "tests/targets/test_terraform_real.py", "tests/jobs/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, prefix in enumerate(LONGEST) if item.nodeid.startswith(prefix)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def tools() -> Tools:
    """Runs real programs; children see the base variables only."""
    return Tools(environment=allowed(os.environ))


@pytest.fixture(scope="session")
def provider_mirror(tools: Tools) -> Path:
    """A folder that holds `<registry>/hashicorp/aws/...`, with a Terraform to use it; skips when one is missing."""
    name = os.environ.get(MIRROR_VARIABLE, "")
    if not name or not Path(name).is_dir():
        pytest.skip(f"{MIRROR_VARIABLE} names no folder with providers: real Terraform is not tested")
    if not (tools.which("terraform") or tools.which("tofu")):
        pytest.skip("neither terraform nor tofu on PATH: real Terraform is not tested")
    return Path(name)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings with the environments `dev` and `prod`; with a provider mirror when this machine has one."""
    state = State(bucket=STATE_BUCKET, region=REGION, prefix="state/")
    return Settings(
        version=1,
        environments={
            "dev": Environment(region=REGION, state=state, tags={"Team": "platform"}),
            "prod": Environment(region="eu-west-1", state=state),
        },
        terraform=TerraformSettings(
            provider_mirror=os.environ.get(MIRROR_VARIABLE, ""),
            providers={"aws": Provider(source="hashicorp/aws", version="5.100.0")},
            timeout_seconds=240,
        ),
    )


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The URL of a local AWS of this test run, with the state bucket of `settings` in it."""
    running = cloud.start(buckets=[STATE_BUCKET], region=REGION, environ=os.environ)
    yield running.url
    running.stop()


@pytest.fixture(scope="session")
def cloud_tools(tools: Tools, moto_url: str) -> Tools:
    """As `tools`, with the local AWS within reach."""
    reach = {**cloud.CREDENTIALS, "AWS_ENDPOINT_URL": moto_url, "AWS_REGION": REGION}
    return replace(tools, environment={**tools.environment, **reach})
