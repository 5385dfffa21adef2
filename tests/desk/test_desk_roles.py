"""`infra-agent roles` and the models' lines of `doctor`, as a person meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.desk.roles import roles_text
from agent.errors import UserError
from agent.models.providers import Providers, configured
from agent.settings import SETTINGS_PATH

PROJECT = Path(__file__).parent.parent.parent
SETTINGS = """\
version: 1
environments:
  dev: {region: us-east-1, state: {bucket: b, region: us-east-1}}
terraform:
  providers:
    aws: {source: hashicorp/aws, version: 5.100.0}
models:
  roles:
    analyst: ["ollama:qwen3:8b"]
"""


def settings(root: Path, text: str) -> Path:
    (root / SETTINGS_PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / SETTINGS_PATH).write_text(text)
    return root


def test_all_roles_are_listed_with_models_and_tools(tmp_path: Path) -> None:
    text = roles_text("", "text", root=tmp_path, providers=configured({"ANTHROPIC_API_KEY": "c4n4ry-key"}))
    assert "strategist: reads a request" in text
    assert "  tools   list-blueprints, show-blueprint, list-units" in text
    assert "anthropic:claude-haiku-5-5, then openai:gpt-6-luna (not configured)" in text
    assert text.endswith("7 roles; providers configured here: anthropic\n")
    assert "c4n4ry" not in text


def test_without_a_provider_it_is_said_what_that_means(tmp_path: Path) -> None:
    text = roles_text("", "text", root=tmp_path, providers=Providers())
    assert "none: blueprints do the work, and no second opinion is had" in text


def test_one_role_shows_its_limits_and_its_prompt_and_the_settings_name_its_model(tmp_path: Path) -> None:
    root = settings(tmp_path, SETTINGS)
    text = roles_text("analyst", "text", root=root, providers=Providers())
    assert "models   ollama:qwen3:8b (not configured)\n" in text
    assert "seconds 240" in text
    assert "You review a change" in text
    shown = json.loads(roles_text("analyst", "json", root=root, providers=Providers()))
    assert shown["models"] == [{"model": "ollama:qwen3:8b", "configured": False}]
    assert len(json.loads(roles_text("", "json", root=root, providers=Providers()))["roles"]) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SETTINGS.replace("analyst", "analist"), "models.roles.analist: no such role; there are analyst, author-"),
        (SETTINGS.replace("ollama:qwen3:8b", "qwen3"), "infra-agent.yml:9: models.roles.analyst.0: must be provider:"),
        (SETTINGS + "  day: {usd: -1}\n", "infra-agent.yml:10: models.day.usd"),
        (SETTINGS + "  day: {token: 1}\n", "models.day.token: no such field; did you mean tokens?"),
        (SETTINGS + "  key: sk-1\n", "models.key: no such field"),
    ],
)
def test_wrong_settings_are_refused_at_their_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        roles_text("", "text", root=settings(tmp_path, text), providers=Providers())
    assert said in str(refused.value)


def test_a_role_that_is_not_there_and_doctors_lines(tmp_path: Path) -> None:
    def run(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "agent", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environ}, check=False,
        )  # fmt: skip

    wrong = run("roles", "nobody")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "nobody: no such role; there are analyst" in wrong.stderr
    assert "models: no provider is configured, so golden paths do the work" in run("doctor").stdout
    dead = run("doctor", ANTHROPIC_API_KEY="c4n4ry-key", ANTHROPIC_BASE_URL="http://127.0.0.1:9")
    assert "MISSING  models of anthropic: 127.0.0.1 cannot be reached" in dead.stdout
    assert "c4n4ry" not in dead.stdout + dead.stderr
    bad = run("doctor", OLLAMA_BASE_URL="http://models.example/v1")
    assert "MISSING  models: OLLAMA_BASE_URL: models.example must be reached by https" in bad.stdout
