"""`terraform fmt` and `validate` as a check, on units that need no provider; and a terraform that lies."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.checks import terraform
from agent.checks.check import Context
from agent.domain import File
from agent.errors import ToolError
from agent.settings import Settings
from agent.targets.terraform import validate
from agent.tools import Tools
from tests.checks.samples import PLAIN, UNIT

Contexts = Callable[..., Context]


@pytest.fixture(autouse=True)
def _terraform(tools: Tools) -> None:
    if not (tools.which("terraform") or tools.which("tofu")):
        pytest.skip("neither terraform nor tofu on PATH: the real one is not tested")


def found(files: list[File], context: Context) -> set[tuple[str, str, str]]:
    return {(item.rule, item.path, item.severity) for item in terraform.run(files, context=context).findings}


def test_a_clean_unit(context: Contexts) -> None:
    result = terraform.run([File(path=f"{UNIT}/main.tf", content=PLAIN)], context=context())
    assert (result.run.status, result.run.files_given, result.run.files_seen) == ("passed", 1, 1)


def test_layout_and_errors_are_found_at_their_place(context: Contexts) -> None:
    files = [
        File(path=f"{UNIT}/main.tf", content=PLAIN.replace("  input", "input")),
        File(path=f"{UNIT}/outputs.tf", content='output "x" {\n  value = local.missing\n}\n'),
    ]
    answer = found(files, context())
    assert ("fmt/layout", f"{UNIT}/main.tf", "low") in answer
    assert ("validate/reference-to-undeclared-local-value", f"{UNIT}/outputs.tf", "high") in answer
    assert not any("canary" in path for _, path, _ in answer)


def test_a_file_that_is_not_hcl(context: Contexts) -> None:
    answer = found([File(path=f"{UNIT}/main.tf", content="resource {{{\n")], context())
    assert {severity for _, _, severity in answer} == {"high"}


def test_a_module_without_a_user_is_validated_by_itself(context: Contexts) -> None:
    module = "infra/terraform/modules/x/main.tf"
    files = [
        File(path=f"{UNIT}/main.tf", content=PLAIN),
        File(path=module, content='output "x" {\n  value = var.missing\n}\n'),
    ]
    assert ("validate/reference-to-undeclared-input-variable", module, "high") in found(files, context())


def test_a_module_is_validated_with_the_unit_that_uses_it(context: Contexts) -> None:
    module = "infra/terraform/modules/x/main.tf"
    files = [
        File(path=f"{UNIT}/main.tf", content='module "x" {\n  source = "../../modules/x"\n}\n'),
        File(path=module, content='output "x" {\n  value = var.missing\n}\n'),
    ]
    assert ("validate/reference-to-undeclared-input-variable", module, "high") in found(files, context())


def test_no_terraform_is_nothing_to_check(context: Contexts) -> None:
    assert terraform.run([File(path="a.yaml", content="")], context=context()).run.status == "passed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('print(\'{"valid": true, "diagnostics": []}\')\n', "did not find the planted"),
        ("import sys\nsys.exit(7)\n", "ended with code 7"),
        ("import sys\nprint('canary')\nsys.exit(3 if 'fmt' in sys.argv else 0)\n", "cannot be read|planted"),
    ],
)
def test_a_terraform_that_lies(
    context: Contexts, settings: Settings, program: Callable[[str], str], text: str, reason: str
) -> None:
    fake = settings.model_copy(
        update={"terraform": settings.terraform.model_copy(update={"binary": program(text), "provider_mirror": ""})}
    )
    with pytest.raises(ToolError, match=reason):
        terraform.run([File(path=f"{UNIT}/main.tf", content=PLAIN)], context=context(settings=fake))


NO_ANSWER = (
    (
        "Failed to query available provider packages",
        "Could not retrieve the list of available versions for provider hashicorp/aws: could not connect to "
        "registry.terraform.io: failed to request discovery document: dial tcp: lookup registry.terraform.io: no such "
        "host To see which modules are currently depending on hashicorp/aws, run terraform providers",
    ),
    ("Failed to install provider", 'Get "https://releases.hashicorp.com/x.zip": net/http: TLS handshake timeout'),
    ("Failed to download module", "Could not download module: fatal: unable to access: Could not resolve host"),
)
ANSWERS = (
    ("Failed to query available provider packages", "provider registry x does not have a provider named acme/evil"),
    ("Unsupported Terraform Core version", "dial tcp"),
)


@pytest.mark.parametrize(("summary", "detail"), [*NO_ANSWER, *ANSWERS])
def test_a_registry_that_gives_no_answer_is_no_finding(
    tmp_path: Path, settings: Settings, program: Callable[[str], str], tools: Tools, summary: str, detail: str
) -> None:
    """What the author asked for wrongly is one."""
    shown = json.dumps({"diagnostic": {"severity": "error", "summary": summary, "detail": detail}})
    own = {"binary": program(f"print({shown!r})\nexit(1)\n"), "provider_mirror": ""}
    fake = settings.model_copy(update={"terraform": settings.terraform.model_copy(update=own)})
    (tmp_path / UNIT).mkdir(parents=True)
    if (summary, detail) in ANSWERS:
        assert [item.severity for item in validate(tools, tmp_path, UNIT, fake)] == ["high"]
        return
    with pytest.raises(ToolError, match=r"got no answer.*INFRA_AGENT_PROVIDER_MIRROR") as caught:
        validate(tools, tmp_path, UNIT, fake)
    assert "To see which" not in str(caught.value)


def test_a_missing_terraform(context: Contexts, tmp_path: Path) -> None:
    nowhere = Tools(environment={"PATH": str(tmp_path)})
    with pytest.raises(ToolError, match="not found on PATH"):
        terraform.run([File(path=f"{UNIT}/main.tf", content=PLAIN)], context=context(tools=nowhere))
