"""Units, the units that a change touches, and the trusted files."""

from pathlib import Path

import hcl2
import pytest

from agent.domain import File
from agent.errors import UserError
from agent.settings import Environment, Provider, Settings, State, TerraformSettings
from agent.targets.terraform_files import HEADER, affected, discover, lock_for, trusted_files, unit_of
from agent.tools import Tools, clean_copy

UNIT = "infra/terraform/dev/queue"
LOCK = """# comment
provider "registry.terraform.io/hashicorp/aws" {
  version = "5.100.0"
  hashes = [
    "h1:aaa=",
  ]
}

provider "registry.terraform.io/hashicorp/random" {
  version = "3.6.0"
}
"""


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("infra/terraform/dev/queue/main.tf", UNIT),
        ("infra/terraform/dev/queue/files/a.json", UNIT),
        ("infra/terraform/dev/queue", None),
        ("infra/terraform/modules/queue/main.tf", None),
        ("infra/terraform/dev/main.tf", None),
        ("infra/terraform/Dev/queue/main.tf", None),
        ("infra/terraform/dev/../queue/main.tf", None),
        ("infra/terraform/dev/queue/../../prod/x/main.tf", None),
        ("/infra/terraform/dev/queue/main.tf", None),
        ("x/infra/terraform/dev/queue/main.tf", None),
        ("infra/ansible/dev/queue/main.tf", None),
        ("", None),
    ],
)
def test_unit_of(path: str, unit: str | None) -> None:
    assert unit_of(path) == unit


def test_discover_wants_code_in_the_folder_itself() -> None:
    paths = [
        "infra/terraform/prod/net/main.tf",
        "infra/terraform/dev/queue/main.tf.json",
        "infra/terraform/dev/docs/README.md",
        "infra/terraform/dev/deep/inner/main.tf",
        "infra/terraform/modules/bucket/main.tf",
    ]
    assert discover(paths) == ("infra/terraform/dev/queue", "infra/terraform/prod/net")


def test_a_changed_module_affects_its_users_and_their_users() -> None:
    files = {
        "infra/terraform/dev/a/main.tf": 'module "b" {\n  source = "../../modules/outer"\n}\n',
        "infra/terraform/dev/b/main.tf": 'module "b" { source="../../modules/inner/" }\n',
        "infra/terraform/dev/c/main.tf": 'resource "aws_s3_bucket" "x" {}\n',
        "infra/terraform/dev/d/main.tf.json": '{"module": {"x": {"source": "../../modules/inner"}}}',
        "infra/terraform/modules/outer/main.tf": 'module "i" {\n  source = "../inner"\n}\n',
        "infra/terraform/modules/inner/main.tf": 'module "o" {\n  source = "../outer"\n}\n',
        "infra/terraform/modules/inner-two/main.tf": "",
    }
    inner = ["infra/terraform/modules/inner/policy.json"]
    assert affected(inner, files) == tuple(f"infra/terraform/dev/{name}" for name in "abd")
    assert affected(["infra/terraform/modules/inner-two/main.tf"], files) == ()
    assert affected(["infra/terraform/dev/c/README.md", "docs/x.md"], files) == ("infra/terraform/dev/c",)


def test_a_unit_whose_code_went_is_affected() -> None:
    assert affected([f"{UNIT}/main.tf"], {}) == (UNIT,)


def test_trusted_files_name_backend_region_and_tags(settings: Settings) -> None:
    (file,) = trusted_files(UNIT, settings=settings, lock=None, existing=['resource "aws_sqs_queue" "q" {}'])
    assert file.path == f"{UNIT}/terraform.tf"
    assert file.content is not None
    assert file.content.startswith("# Written by infra-agent from .github/infra-agent.yml")
    parsed = hcl2.loads(file.content)
    (backend,) = parsed["terraform"][0]["backend"]
    state = backend['"s3"']
    assert state["key"] == '"state/dev/queue.tfstate"'
    assert (state["use_lockfile"], state["encrypt"]) == (True, True)
    provider = parsed["provider"][0]['"aws"']
    assert provider["region"] == '"eu-central-1"'
    tags = provider["default_tags"][0]["tags"]
    assert tags == {
        "Environment": '"dev"',
        "ManagedBy": '"infra-agent"',
        "Stack": '"queue"',
        "Team": '"platform"',
        "Unit": f'"{UNIT}"',
    }


def test_the_trusted_file_is_laid_out_as_terraform_does(tools: Tools) -> None:
    if tools.which("terraform") is None:
        pytest.skip("no terraform on PATH")
    odd = {"cost center": "a${b}", "x": 'say "%{hi}"\\', "Long_Name_Of_A_Tag": "1"}
    state = State(bucket="b", region="eu-central-1")
    settings = Settings(
        version=1,
        environments={"dev": Environment(region="eu-central-1", state=state, tags=odd)},
        terraform=TerraformSettings(
            providers={
                "aws": Provider(source="hashicorp/aws", version="5.100.0"),
                "random": Provider(source="hashicorp/random", version="3.6.0"),
            }
        ),
    )
    code = 'resource "random_id" "x" {\n  byte_length = 2\n}\ndata "aws_region" "now" {}\n'
    files = trusted_files(UNIT, settings=settings, lock=None, existing=[code])
    with clean_copy(files) as root:
        done = tools.run(["terraform", "fmt", "-check", "-diff", "."], cwd=root / UNIT, timeout=30, ok=(0, 3))
    assert done.code == 0, done.stdout
    assert files[0].content is not None
    assert '"cost center"      = "a$${b}"' in files[0].content
    assert "random = {" in files[0].content
    assert 'provider "random"' not in files[0].content


def test_only_providers_that_the_code_uses_are_named_and_locked() -> None:
    settings = Settings(
        version=1,
        environments={"dev": Environment(region="eu-central-1", state=State(bucket="b", region="eu-central-1"))},
        terraform=TerraformSettings(
            providers={
                "aws": Provider(source="hashicorp/aws", version="5.100.0"),
                "random": Provider(source="hashicorp/random", version="3.6.0"),
            }
        ),
    )
    terraform, lock = trusted_files(
        UNIT, settings=settings, lock=LOCK, existing=['resource "random_id" "x" { byte_length = 2 }']
    )
    assert terraform.content is not None
    assert lock.content is not None
    assert "aws" not in terraform.content.split("backend")[0]
    assert lock == File(path=f"{UNIT}/.terraform.lock.hcl", content=lock_for(LOCK, sources={"hashicorp/random"}))
    assert "hashicorp/random" in lock.content
    assert "hashicorp/aws" not in lock.content


@pytest.mark.parametrize(
    "own",
    [
        'terraform {\n  backend "s3" {}\n}\n',
        'provider "aws" {\n  region = "eu-west-1"\n}\n',
        'terraform {\n  cloud {\n    organization = "x"\n  }\n}\n',
    ],
)
def test_a_unit_with_its_own_backend_or_provider_stays_as_it_is(settings: Settings, own: str) -> None:
    assert trusted_files(UNIT, settings=settings, lock=LOCK, existing=['resource "aws_x" "y" {}', own]) == ()


def test_our_own_file_does_not_count_as_the_peoples(settings: Settings) -> None:
    first = trusted_files(UNIT, settings=settings, lock=None, existing=[])
    assert first[0].content is not None
    assert first[0].content.startswith(HEADER)
    assert trusted_files(UNIT, settings=settings, lock=None, existing=[first[0].content]) == first


def test_code_that_cannot_be_parsed_still_gets_its_backend(settings: Settings) -> None:
    assert len(trusted_files(UNIT, settings=settings, lock=None, existing=['resource "aws_x" {{{'])) == 1


@pytest.mark.parametrize("unit", ["infra/terraform/qa/x", "infra/terraform/modules/x", "elsewhere/x"])
def test_an_unknown_environment_is_named(settings: Settings, unit: str) -> None:
    with pytest.raises(UserError, match=r"environments there: dev, prod"):
        trusted_files(unit, settings=settings, lock=None, existing=[])


def test_the_repositorys_lock_is_one_that_init_accepts() -> None:
    lock = Path("policies/terraform.lock.hcl").read_text(encoding="utf-8")
    text = lock_for(lock, sources={"hashicorp/aws"})
    assert 'version     = "5.100.0"' in text
    assert '"h1:' in text
