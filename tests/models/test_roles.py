"""Role files: the packaged ones hold, those of a repository take their place, what is wrong is refused at its line."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.effects import Effects
from agent.errors import UserError
from agent.models.providers import Access, Providers
from agent.models.roles import OWN_ROLES, load_roles, parse_role
from agent.settings import SETTINGS_PATH

PROJECT = Path(__file__).parents[2]
KEY, TOKEN = "a-key-of-a-provider", "a-token-of-the-job"

GOOD = """---
role: helper
does: helps
models: [anthropic:claude-haiku-5-5, "ollama:qwen3:8b"]
limits: {seconds: 30}
output: text
---
Help.
"""


def test_the_packaged_roles_are_those_of_the_design(tmp_path: Path) -> None:
    roles = load_roles(tmp_path)
    assert set(roles) == {
        "strategist", "author-terraform", "author-ansible", "author-kubernetes", "analyst", "diagnostician", "scribe",
    }  # fmt: skip
    assert roles["analyst"].models[0].startswith("openai:")
    assert roles["author-terraform"].models[0].startswith("anthropic:")
    for role in roles.values():
        assert "between marks named data-" in role.prompt, f"{role.name} is not told what is data"
        assert len({model.partition(":")[0] for model in role.models}) > 1, f"{role.name} has one provider only"


def test_the_judges_policy_is_not_among_what_an_author_may_read(tmp_path: Path) -> None:
    for role in load_roles(tmp_path).values():
        assert not {"rego", "severity", "checkov", "waivers"} & set(role.tools)


def test_a_repository_replaces_a_role_and_adds_one(tmp_path: Path) -> None:
    folder = tmp_path / OWN_ROLES
    folder.mkdir(parents=True)
    (folder / "helper.md").write_text(GOOD)
    (folder / "scribe.md").write_text(GOOD.replace("role: helper", "role: scribe"))
    roles = load_roles(tmp_path)
    assert roles["helper"].models == ("anthropic:claude-haiku-5-5", "ollama:qwen3:8b")
    assert roles["helper"].limits.seconds == 30
    assert roles["scribe"].prompt == "Help."
    assert roles["scribe"].path == f"{OWN_ROLES}/scribe.md"


def test_a_job_that_asks_a_model_refuses_a_role_with_a_tool_that_is_none(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / SETTINGS_PATH).write_text((PROJECT / SETTINGS_PATH).read_text())
    (tmp_path / OWN_ROLES).mkdir(parents=True)
    own = tmp_path / OWN_ROLES / "helper.md"
    own.write_text(GOOD.replace("limits:", "tools: [read-fiel]\nlimits:"))
    providers = Providers(access={"openai": Access(base_url="https://api.openai.com/v1", key=SecretStr(KEY))})
    environ = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_TOKEN": TOKEN}
    effects = Effects(environ, folder=tmp_path, unit="", job="author", providers=providers)
    with pytest.raises(UserError, match=r"helper.md: tools: read-fiel is no tool; `infra-agent tool` lists them"):
        effects.get("roles")
    own.write_text(GOOD.replace("limits:", "tools: [read-file]\nlimits:"))
    assert effects.get("roles")["helper"].tools == ("read-file",)
    # What this process knows and nobody is shown: its token, and the keys of its models.
    assert set(effects.get("secrets")) == {KEY, TOKEN}


def test_the_version_is_that_of_the_whole_file() -> None:
    one = parse_role(GOOD, "helper.md")
    assert one == parse_role(GOOD, "helper.md")
    assert one.version != parse_role(GOOD.replace("Help.", "Help!"), "helper.md").version
    assert one.version != parse_role(GOOD.replace("30", "31"), "helper.md").version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Help.", "helper.md:1: must begin with front matter"),
        (GOOD.replace("Help.\n", ""), "helper.md: holds no prompt"),
        (GOOD.replace("output: text", "output: poem"), "helper.md:6: output: must be one of"),
        (GOOD.replace("seconds: 30", "seconds: 0"), "helper.md:5: limits.seconds"),
        (GOOD.replace("seconds", "second"), "helper.md:5: limits.second: no such field; did you mean seconds"),
        (GOOD.replace("anthropic:claude", "claude"), "helper.md:4: models.0: must be provider:model"),
        (GOOD.replace("role: helper", "role: Helper"), "helper.md:2: role: must be a name of small letters"),
        (GOOD.replace("does: helps", "tools: [shell]\ndoes: helps"), "tools: shell is no tool"),
    ],
)
def test_what_is_wrong_is_refused_at_its_line(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_role(text, "helper.md", tools=frozenset({"read-file"}))
    assert said.lower() in str(refused.value).lower()


def test_a_file_that_is_named_otherwise_or_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / OWN_ROLES
    folder.mkdir(parents=True)
    (folder / "other.md").write_text(GOOD)
    with pytest.raises(UserError, match="must be other, as the file is named"):
        load_roles(tmp_path)
    (folder / "other.md").unlink()
    (tmp_path / "x").write_text(GOOD)
    (folder / "helper.md").symlink_to(tmp_path / "x")
    with pytest.raises(UserError, match="must be a plain file"):
        load_roles(tmp_path)
