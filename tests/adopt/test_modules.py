"""Which folders of somebody's Terraform are root modules, so that only those are offered to be handed over."""

import pytest

from agent.adopt.modules import roots_and_modules

BACKEND = 'terraform {\n  backend "s3" {}\n}\n'
PROVIDER = 'provider "aws" {}\n'
ASKS = 'variable "cidr" {}\n'
DEFAULT = 'variable "cidr" {\n  default = "10.0.0.0/16"\n}\n'
RESOURCE = 'resource "aws_vpc" "this" {}\n'


def calls(source: str) -> str:
    return f'module "x" {{\n  source = "{source}"\n}}\n'


@pytest.mark.parametrize(
    ("files", "roots", "modules"),
    [
        ({"net/main.tf": BACKEND}, ["net"], []),
        ({"net/main.tf": PROVIDER + ASKS}, ["net"], []),
        ({"net/main.tf": "terraform {\n  cloud {}\n}\n" + ASKS}, ["net"], []),
        ({"net/main.tf": RESOURCE + DEFAULT}, ["net"], []),
        ({"vpc/main.tf": RESOURCE, "vpc/variables.tf": ASKS}, [], ["vpc"]),
        ({"vpc/main.tofu": RESOURCE + ASKS}, [], ["vpc"]),
        ({"main.tf": BACKEND + calls("./modules/vpc"), "modules/vpc/main.tf": RESOURCE}, ["."], ["modules/vpc"]),
        ({"live/a/main.tf": calls("../../modules/vpc/"), "modules/vpc/main.tf": PROVIDER}, ["live/a"], ["modules/vpc"]),
        (
            {
                "live/a.tofu": BACKEND + calls("./outer"),
                "live/outer/main.tf": calls("../inner"),
                "live/inner/main.tf": RESOURCE,
            },
            ["live"],
            ["live/inner", "live/outer"],
        ),
        ({"main.tf": RESOURCE, "examples/basic/main.tf": calls("../..")}, ["examples/basic"], ["."]),
        ({"net/main.tf": "resource {{{", "net/x.tf": ASKS}, [], ["net"]),
        ({"net/main.tf": "resource {{{"}, ["net"], []),
        ({"net/notes.md": ASKS}, [], []),
    ],
)
def test_a_root_module_is_one_that_nobody_has_to_call(
    files: dict[str, str], roots: list[str], modules: list[str]
) -> None:
    assert roots_and_modules(files) == (roots, modules)
