"""Configuration: what is wrong is refused at its line, with the reason."""

from pathlib import Path

import pytest

from agent.errors import UserError
from agent.guardrails import Guardrails, load_guardrails
from agent.settings import Settings, load_settings, parse

ROOT = Path(__file__).parent.parent
SOUND = """\
version: 1
environments:
  dev:
    region: us-east-1
    state: {bucket: b, region: us-east-1}
terraform:
  providers:
    aws: {source: hashicorp/aws, version: 5.100.0}
"""


def test_the_shipped_files_are_sound_and_agree() -> None:
    settings, guardrails = load_settings(ROOT), load_guardrails(ROOT)
    assert set(guardrails.environments) == set(settings.environments)
    assert {provider.source for provider in settings.terraform.providers.values()} <= set(guardrails.providers)


def test_sound_settings_are_read() -> None:
    assert parse(Settings, SOUND, "f.yml").environments["dev"].state.bucket == "b"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 1", "version: 2", "f.yml:1: version: must be 1, got 2"),
        (
            "5.100.0",
            "~> 5.0",
            "f.yml:8: terraform.providers.aws.version: must be an exact version, such as 5.100.0, got '~> 5.0'",
        ),
        ("  dev:", "  Dev!:", "f.yml:3: environments.Dev!"),
        (
            "    region: us-east-1",
            "    regoin: us-east-1",
            "f.yml:4: environments.dev.regoin: no such field; did you mean region?; there are region, state, tags",
        ),
        ("hashicorp/aws", "registry.evil.example/a/b", "f.yml:8: terraform.providers.aws.source"),
        ("terraform:", "terraform: [", "f.yml:8: not YAML"),
        (
            "terraform:",
            'kubernetes:\n  version: "1.99"\nterraform:',
            "f.yml:7: kubernetes.version: must be one of 1.25, 1.26, 1.27,",
        ),
        ("terraform:", "kubernetes: {version: 1.30}\nterraform:", "f.yml:6: kubernetes.version: must be in quotes"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(old: str, new: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(Settings, SOUND.replace(old, new, 1), "f.yml")
    assert said in str(refused.value)


def test_several_wrong_values_are_all_named() -> None:
    with pytest.raises(UserError) as refused:
        parse(
            Guardrails,
            "version: 1\nenvironments: [dev]\nproviders: []\nlimits: {max_destroys: -1, max_files: 0}\n",
            "g.yml",
        )
    assert "g.yml:4: limits.max_destroys" in str(refused.value)
    assert "g.yml:4: limits.max_files" in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "a", "- 1", "!!python/object:os.system {}"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"f\.yml"):
        parse(Settings, text, "f.yml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\.github/infra-agent\.yml: not there"):
        load_settings(tmp_path)
