"""A live run that is kept: no key, no header, and the same verdict when it is replayed."""

import json
from pathlib import Path

import pytest

from agent.errors import UserError
from agent.evals.case import load_cases
from agent.evals.cli import roles_of
from agent.evals.ground import Ground
from agent.evals.record import new_folder
from agent.evals.replay import load_recordings
from agent.evals.report import Answered
from agent.evals.run import live, recorded
from agent.models.providers import Providers, configured
from agent.models.roles import load_roles
from tests.evals import answers_kubernetes as k8s
from tests.evals.conftest import PROJECT
from tests.evals.form import draft
from tests.evals.terraform_files import DATABASE
from tests.models.server import KEY, Reply, Seen, Server, fault, serving, text, tool

CASES = load_cases(PROJECT / "evals" / "requests.yaml")


def asked(
    case: str, place: Ground, providers: Providers, folder: Path, *models: str, seconds: int = 60
) -> tuple[tuple[Answered, ...], list[str]]:
    told: list[str] = []
    roles = roles_of(load_roles(PROJECT), models)
    limits = roles["strategist"].limits.model_copy(update={"seconds": seconds})
    roles["strategist"] = roles["strategist"].model_copy(update={"limits": limits})
    made = live(
        [one for one in CASES if one.id == case], place, providers=providers, repeats=1, usd=20.0, tell=told.append,
        roles=roles, record=folder,
    )  # fmt: skip
    return made, told


def both(server: Server) -> Providers:
    return configured({**server.environ("anthropic"), **server.environ("openai")})


@pytest.mark.parametrize("form", ["anthropic", "openai", "compatible"])
def test_what_was_answered_is_judged_the_same_when_it_is_replayed(
    form: str, quick_place: Ground, tmp_path: Path
) -> None:
    bad = draft({k8s.SHOP: k8s.MEMORY[k8s.SHOP].replace("cpu: 100m", "cpu: 900m")})
    said = [tool(form, "list-units", {}), *(text(form, one) for one in (k8s.SHOP_INTENT, k8s.SHOP_OUTLINE, bad))]  # type: ignore[arg-type]
    with serving(said) as server:
        made, told = asked("k8s-edit-memory", quick_place, configured(server.environ(form)), tmp_path, f"{form}:x")  # type: ignore[arg-type]
        assert len(server.seen) == 4
        assert all(KEY in str(one.headers) for one in server.seen), "the provider is asked with the key"
    one = load_recordings(tmp_path)[0]
    assert one.name == "k8s-edit-memory-1"
    assert one.source == f"recorded from {form}:x"
    assert (one.case, one.ending, one.drafts, one.fails) == ("k8s-edit-memory", "written", 1, ("lines",))
    assert one.models["strategist"] == (f"{form}:x",)
    assert [reply.headers for reply in one.answers] == [{}] * 4
    assert not [line for line in told if "recorded" in line or "redacted" in line]
    again = recorded(CASES, [one], quick_place, roles=load_roles(PROJECT))[0]
    assert (again.as_recorded, again.unable) == (True, "")
    assert again.judged == made[0].judged


def test_no_key_and_no_name_of_the_providers_own_is_kept(quick_place: Ground, tmp_path: Path) -> None:
    """A gateway that repeats the key in its error, and a second model that answers."""
    call = "call_AbCdEf0123456789GhIjKlMn"

    def reply(seen: Seen) -> Reply:
        if "messages" in seen.path:
            return fault("anthropic", 401, "authentication_error", {"request-id": "req_secret", "set-cookie": KEY})
        if call not in seen.raw.decode():
            made = tool("openai", "list-units", {})
            return Reply(made.body.replace(b'"t1"', f'"{call}"'.encode()))
        return text("openai", DATABASE)

    with serving(reply) as server:
        made, told = asked("tf-ambiguous-database", quick_place, both(server), tmp_path)
        assert all(KEY in str(one.headers) for one in server.seen)
    assert made[0].passed
    kept = (tmp_path / "tf-ambiguous-database-1.json").read_text(encoding="utf-8")
    assert not [word for word in (KEY, KEY[::-1], call, "req_secret", "authorization", "127.0.0.1") if word in kept]
    assert "for key (redacted)" in kept
    assert any("1 texts were redacted" in line for line in told)
    one = load_recordings(tmp_path)[0]
    assert [(reply.status, reply.path) for reply in one.answers] == [
        (401, "/v1/messages"), (200, "/v1/responses"), (200, "/v1/responses"),
    ]  # fmt: skip
    assert recorded(CASES, [one], quick_place, roles=load_roles(PROJECT))[0].as_recorded is True


def test_a_connection_that_broke_off_is_told_and_not_kept(quick_place: Ground, tmp_path: Path) -> None:
    whole = text("anthropic", DATABASE)
    with serving([Reply(whole.body, cut=20), whole]) as server:
        made, told = asked(
            "tf-ambiguous-database", quick_place, configured(server.environ("anthropic")), tmp_path, "anthropic:x"
        )
    assert made[0].ending == "asked", "the SDK asks once more"
    assert any("not recorded: a connection to anthropic broke off" in line for line in told)
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_nobody_waited_for_is_told_and_not_kept(quick_place: Ground, tmp_path: Path) -> None:
    with serving([Reply(text("anthropic", DATABASE).body, drip=0.02)]) as server:
        made, told = asked(
            "tf-ambiguous-database", quick_place, configured(server.environ("anthropic")), tmp_path, "anthropic:x",
            seconds=3,
        )  # fmt: skip
    assert made[0].ending == "no answer"
    assert [line for line in told if "not recorded: " in line]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_json_is_replayed_as_no_answer(quick_place: Ground, tmp_path: Path) -> None:
    with serving([Reply(b"<html>busy</html>")]) as server:
        asked("tf-ambiguous-database", quick_place, configured(server.environ("anthropic")), tmp_path, "anthropic:x")
    one = load_recordings(tmp_path)[0]
    assert (one.ending, one.fails) == ("no answer", ("ending",))
    assert recorded(CASES, [one], quick_place, roles=load_roles(PROJECT))[0].as_recorded is True


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    assert new_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "a" / "b" / "c.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"--record: .* is not empty"):
        new_folder(tmp_path / "a" / "b")
    with pytest.raises(UserError, match=r"--record: .* cannot be made"):
        new_folder(tmp_path / "a" / "b" / "c.json")
