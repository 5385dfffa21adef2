"""A provider started before a unit asks for it: only when its hash is locked, only for units that ask for just that."""

import json
import os
import platform
from io import StringIO
from pathlib import Path

import pytest

from agent.settings import Provider, Settings
from agent.targets.terraform import validate_all
from agent.targets.terraform_warm import LOCK, locked_in, package_hash, package_of, warm
from agent.tools import Tools, allowed
from tests.targets.test_terraform_validate import FINE, NEWER, WRONG, tree

HERE = Path(__file__).parents[2]
TRUSTED = (HERE / LOCK).read_text(encoding="utf-8")
AWS = Provider(source="hashicorp/aws", version="5.100.0")


def mirrored(settings: Settings, mirror: Path) -> Settings:
    terraform = settings.terraform.model_copy(update={"provider_mirror": str(mirror)})
    return settings.model_copy(update={"terraform": terraform})


def fake_mirror(root: Path, program: str) -> tuple[Path, Path]:
    """A mirror that holds one program as the provider; the mirror and the package in it."""
    if platform.machine() != "x86_64":
        pytest.skip("the made-up package is one for linux_amd64")
    package = root / "registry.terraform.io" / "hashicorp" / "aws" / "5.100.0" / "linux_amd64"
    package.mkdir(parents=True)
    binary = package / "terraform-provider-aws_v5.100.0_x5"
    binary.write_text(program, encoding="utf-8")
    binary.chmod(0o755)
    return root, package


def checkout(root: Path, lock: str) -> Path:
    (root / "policies").mkdir(parents=True)
    (root / LOCK).write_text(lock, encoding="utf-8")
    return root


def test_the_lock_names_address_version_and_hashes() -> None:
    locked = locked_in(TRUSTED, AWS)
    assert locked is not None
    assert (locked.address, locked.version) == ("registry.terraform.io/hashicorp/aws", "5.100.0")
    assert len(locked.hashes) == 2
    assert all(one.startswith("h1:") for one in locked.hashes)
    assert locked_in(TRUSTED, Provider(source="hashicorp/awscc", version="5.100.0")) is None
    assert locked_in(TRUSTED + TRUSTED, AWS) is None  # named twice


def test_a_package_is_hashed_as_terraform_does(provider_mirror: Path, settings: Settings) -> None:
    found = package_of(mirrored(settings, provider_mirror), TRUSTED)
    assert found is not None
    assert package_hash(found[1]) in found[0].hashes


def test_an_empty_file_is_part_of_a_package(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("")
    before = package_hash(tmp_path)
    (tmp_path / "LICENSE").write_text("x")
    assert package_hash(tmp_path) != before


@pytest.mark.parametrize(
    ("change", "lock"),
    [
        ({"provider_mirror": ""}, TRUSTED),
        ({"providers": {"aws": Provider(source="hashicorp/aws", version="5.99.0")}}, TRUSTED),
        ({"providers": {"aws": AWS, "random": Provider(source="hashicorp/random", version="3.7.0")}}, TRUSTED),
        ({}, ""),
    ],
)
def test_where_anything_differs_none_is_started(
    change: dict[str, object], lock: str, settings: Settings, tmp_path: Path
) -> None:
    mirror, _ = fake_mirror(tmp_path, "")
    settings = mirrored(settings, mirror)
    assert package_of(settings, TRUSTED) is not None
    other = settings.model_copy(update={"terraform": settings.terraform.model_copy(update=change)})
    assert package_of(other, lock) is None


def test_a_program_whose_hash_is_not_locked_never_runs(tools: Tools, settings: Settings, tmp_path: Path) -> None:
    mirror, package = fake_mirror(tmp_path / "mirror", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    settings = mirrored(settings, mirror)
    with warm(tools, settings, root=checkout(tmp_path / "strange", TRUSTED)) as warmed:
        assert warmed is not None
        assert warmed.answer(timeout=20) == ""
    assert not (tmp_path / "ran").exists()
    known = "h1:" + TRUSTED.split('"h1:')[1].split('"')[0]
    lock = TRUSTED.replace(known, package_hash(package))
    with warm(tools, settings, root=checkout(tmp_path / "known", lock)) as warmed:  # the same one, locked: it runs
        assert warmed is not None
        assert warmed.answer(timeout=20) == ""  # and is no provider
    assert (tmp_path / "ran").exists() or tools.which("setpriv") is None


@pytest.mark.slow
def test_it_answers_for_units_that_ask_for_just_that(
    provider_mirror: Path, tools: Tools, settings: Settings, tmp_path: Path
) -> None:
    if tools.which("setpriv") is None:
        pytest.skip("no setpriv here: no provider is started ahead")
    settings = mirrored(settings, provider_mirror)
    log = StringIO()
    quiet = Tools(environment=allowed(os.environ), log=log)
    units = tree(tmp_path, settings, {"a": FINE, "b": WRONG, "c": NEWER})
    with warm(tools, settings, root=HERE) as warmed:
        assert warmed is not None
        found = validate_all(quiet, tmp_path, list(units.values()), settings, warmed=warmed)
        (provider,) = json.loads(warmed.answer(timeout=20)).values()
        assert Path(f"/proc/{provider['Pid']}").exists()
    assert not Path(f"/proc/{provider['Pid']}").exists()
    assert [(item.path.split("/")[3], item.rule) for item in found] == [
        ("b", "validate/unsupported-argument"),
        ("c", "init/failed-to-query-available-provider-packages"),
    ]
    # `c` asks for another version: its own init refuses it, and no further provider was started.
    assert "setpriv" not in log.getvalue()
