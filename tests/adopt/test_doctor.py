"""`infra-agent doctor --repository` against the sandbox's GitHub: sound, wrong, and not readable."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import git
import pytest
import requests
import typer
from typer.testing import CliRunner, Result

from agent.adopt.checklist import labels, ruleset
from agent.adopt.cli import doctor, init
from agent.adopt.environments import environments
from agent.adopt.install import Choices, installed
from agent.adopt.program import find_program, shipped_files
from agent.adopt.remote import examine
from agent.adopt.rules import branch_rules
from agent.doctor import Line
from agent.errors import UserError
from agent.github.connect import Connection, connect
from agent.github.setup import make_labels
from agent.sandbox.forge import Forge, serve
from agent.sandbox.runner import Runner
from tests.adopt.conftest import PROJECT, commit, repository

NAME = "acme/shop"
Change: TypeAlias = "Callable[[Shop], None]"
UNKNOWN_HERE = {"OIDC subject"}  # the sandbox has no such page, so the doctor must not say ok


@dataclass
class Shop:
    """An installed repository in a served sandbox, with an administrator's and a plain writer's token."""

    forge: Forge
    url: str
    program: Path
    admin: str
    writer: str
    runner: Runner
    rules: int = 0

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """`path` below the repository; `{rules}` in it is the number of its ruleset."""
        path = path.format(rules=self.rules)
        answer = requests.request(
            method, f"{self.url}/api/v3/repos/{NAME}/{path}", json=body, timeout=20,
            headers={"Authorization": f"Bearer {self.admin}"},
        )  # fmt: skip
        assert answer.ok, (path, answer.text)
        return answer.json() if answer.content else None

    def connection(self, token: str = "") -> Connection:
        return connect(token=token or self.admin, api_url=f"{self.url}/api/v3", repository=NAME)

    def lines(self, token: str = "") -> dict[str, Line]:
        return {line.what: line for line in examine(self.connection(token), checkout=self.program)}


@pytest.fixture
def shop(program: git.Repo, tmp_path: Path) -> Iterator[Shop]:
    folder = Path(str(program.working_tree_dir))
    pinned = find_program(folder, ref="", repository="")
    files = installed(shipped_files(folder, pinned.commit), pinned, Choices())
    forge = Forge(tmp_path / "forge")
    tokens = [forge.create_user(login) for login in ("alex", "casey")]
    forge.create_repository("acme", "shop", seed={path: text.encode() for path, text in files.items()})
    forge.set_permission(NAME, "alex", "admin")
    forge.set_permission(NAME, "casey", "write")
    runner = Runner(forge, tmp_path / "runner", tools={}, machine={}, max_parallel=1)
    forge.app.register_blueprint(runner.blueprint)
    server = serve(forge)
    made = Shop(forge, server.url, folder, tokens[0], tokens[1], runner)
    make_labels(made.connection(), labels("infra-request"))
    for name, value in (
        ("AWS_REGION", "us-east-1"),
        ("INFRA_AGENT_PLAN_ROLE", "arn:aws:iam::123456789012:role/infra-agent-plan"),
        ("INFRA_AGENT_APPLY_ROLE", "arn:aws:iam::123456789012:role/infra-agent-apply"),
    ):
        forge.set_variable(NAME, name, value)
    policy = {"protected_branches": False, "custom_branch_policies": True}
    made.call("PUT", "environments/apply", {"deployment_branch_policy": policy})
    made.call("POST", "environments/apply/deployment-branch-policies", {"name": "main", "type": "branch"})
    made.rules = made.call("POST", "rulesets", ruleset())["id"]
    try:
        yield made
    finally:
        runner.stop()
        server.stop()


def test_an_installed_repository_is_sound(shop: Shop) -> None:
    lines = shop.lines()
    assert {line.what: line.detail for line in lines.values() if line.ok is False} == {}
    assert {line.what for line in lines.values() if line.ok is None} <= UNKNOWN_HERE
    assert lines[".github/workflows/apply.yml"].detail.startswith("as shipped by acme/infra-agent at ")
    assert {f"variable {name}" for name in ("AWS_REGION", "INFRA_AGENT_PLAN_ROLE", "INFRA_AGENT_APPLY_ROLE")} <= set(
        lines
    )
    assert "environment apply: only main" in lines
    assert make_labels(shop.connection(), labels("infra-request")) == ()


def rules(**changes: Any) -> dict[str, Any]:
    """Our ruleset with the parameters of one rule changed, or without a rule: None."""
    made = ruleset()
    for kind, change in changes.items():
        made["rules"] = [rule for rule in made["rules"] if rule["type"] != kind or change is not None]
        for rule in made["rules"]:
            if rule["type"] == kind:
                rule["parameters"] |= change
    return made


def put_file(path: str, text: str) -> Change:
    def change(shop: Shop) -> None:
        repository = shop.connection().repository
        old: Any = repository.get_contents(path)
        repository.update_file(path, "change", text, old.sha)

    return change


def edited(path: str) -> Change:
    def change(shop: Shop) -> None:
        text = shop.forge.read_file(NAME, "refs/heads/main", path).decode()
        put_file(path, text.replace("timeout-minutes: 10", "timeout-minutes: 20"))(shop)

    return change


def drop(path: str) -> Change:
    def change(shop: Shop) -> None:
        repository = shop.connection().repository
        old: Any = repository.get_contents(path)
        repository.delete_file(path, "change", old.sha)

    return change


def add(path: str) -> Change:
    def change(shop: Shop) -> None:
        shop.connection().repository.create_file(path, "add", "{}")

    return change


def call(method: str, path: str, body: Any = None) -> Change:
    def change(shop: Shop) -> None:
        shop.call(method, path, body)

    return change


WORKFLOWS = ".github/workflows/"
FORM = ".github/ISSUE_TEMPLATE/infra-request.yml"
ENVIRONMENT = "environments/apply"
APPLY_ROLE = "arn:aws:iam::123456789012:role/infra-agent-apply"
GATE_ALONE = rules(required_status_checks={"required_status_checks": [{"context": "agent/gate"}]})
OTHER_POLICY = {"deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False}}
ADMINS = {"bypass_actors": [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]}
# What is done to the repository, and what the doctor then has to say of which thing. Those of a group do not meet.
WRONG: dict[str, list[tuple[Change, str, str]]] = {
    "files": [
        (drop(f"{WORKFLOWS}apply.yml"), f"{WORKFLOWS}apply.yml", "infra-agent init"),
        (edited(f"{WORKFLOWS}agent.yml"), f"{WORKFLOWS}agent.yml", "differs from what acme/infra-agent"),
        (put_file(f"{WORKFLOWS}change.yml", "name: x\njobs: {}\n"), f"{WORKFLOWS}change.yml", "not written by"),
        (add("documents/plan.json"), "documents", "mixed up"),
        (drop("policies/guardrails.yml"), "policies/guardrails.yml", "not on main"),
        (put_file("policies/waivers.yml", "version: 7\n"), "policies/waivers.yml", "version"),
        (drop("policies/terraform.lock.hcl"), "policies/terraform.lock.hcl", "not on main"),
        (drop(FORM), FORM, "not on main"),
        (call("DELETE", "labels/agent:ready"), "labels", "agent:ready not there; `infra-agent init --labels`"),
        (call("PUT", "actions/permissions", {"enabled": False}), "Actions", "switched off"),
        (call("DELETE", ENVIRONMENT), "environment apply", "section 3"),
    ],
    "one": [
        (call("DELETE", "actions/variables/AWS_REGION"), "variable AWS_REGION", "gh variable set AWS_REGION"),
        (call("PATCH", "actions/variables/INFRA_AGENT_PLAN_ROLE", {"value": APPLY_ROLE}), "two roles", "share one"),
        (
            call("PUT", "actions/permissions", {"enabled": True, "allowed_actions": "local_only"}),
            "Actions",
            "actions/checkout",
        ),
        (
            call("PUT", "actions/permissions/workflow", {"can_approve_pull_request_reviews": False}),
            "Actions may open pull requests",
            "Allow GitHub Actions",
        ),
        (
            call("PUT", "actions/permissions/workflow", {"default_workflow_permissions": "write"}),
            "permissions of a workflow that names none",
            "choose read",
        ),
        (call("PUT", ENVIRONMENT, {"deployment_branch_policy": None}), "environment apply: only main", "every branch"),
    ],
    "two": [
        (put_file(".github/infra-agent.yml", "version: 7\n"), ".github/infra-agent.yml", "version"),
        (
            call("PATCH", "actions/variables/INFRA_AGENT_PLAN_ROLE", {"value": "plan"}),
            "variable INFRA_AGENT_PLAN_ROLE",
            "no address of a role",
        ),
        (call("PUT", ENVIRONMENT, OTHER_POLICY), "environment apply: only main", "every protected branch"),
    ],
    "three": [
        (
            call("POST", f"{ENVIRONMENT}/deployment-branch-policies", {"name": "main2", "type": "branch"}),
            "environment apply: only main",
            "main2",
        ),
    ],
}


RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"enforcement": "evaluate"}, "a pull request is required", "section 4"),
    (rules(pull_request=None), "a pull request is required", "direct pushes"),
    (rules(pull_request={"required_approving_review_count": 0}), "an approval is required", "alone"),
    (rules(pull_request={"dismiss_stale_reviews_on_push": False}), "a push dismisses approvals", "may still change"),
    (rules(non_fast_forward=None), "no force push", "replaced"),
    (rules(deletion=None), "no deletion", "deleted"),
    (GATE_ALONE, "required checks", "agent/checks, agent/plan not required"),
    (GATE_ALONE, "who posts the checks", "agent/gate may come from anybody"),
    (ADMINS, "nobody bypasses the rules", "RepositoryRole"),
]


@pytest.mark.parametrize("group", WRONG)
def test_what_is_wrong_is_named_with_how_to_mend_it(shop: Shop, group: str) -> None:
    for change, _, _ in WRONG[group]:
        change(shop)
    lines = shop.lines()
    for _, what, said in WRONG[group]:
        assert lines[what].state == "MISSING", lines[what]
        assert said in lines[what].detail


def test_a_rule_that_is_not_there_is_named(shop: Shop) -> None:
    for change, what, said in RULES:
        shop.call("PUT", "rulesets/{rules}", {**ruleset(), **change})
        wrong = {line.what: line for line in branch_rules(shop.connection(), "main") if not line.ok}
        assert wrong[f"main: {what}"].state == "MISSING"
        assert said in wrong[f"main: {what}"].detail
    shop.call("PUT", "rulesets/{rules}", ruleset())
    assert all(line.ok for line in branch_rules(shop.connection(), "main"))


def test_what_the_token_may_not_read_is_unknown_and_never_ok(shop: Shop) -> None:
    lines = shop.lines(shop.writer)
    assert {"Actions", "Actions may open pull requests"} <= {line.what for line in lines.values() if line.ok is None}
    assert lines["labels"].ok
    assert "the token's role is push" in lines[NAME].detail
    shop.call("DELETE", "rulesets/{rules}")
    lines = shop.lines(shop.writer)
    assert lines["main: a pull request is required"].state == "UNKNOWN"
    assert "cannot be read: branch protection" in lines["main: a pull request is required"].detail
    assert lines["main: nobody bypasses the rules"].state == "UNKNOWN"


def test_the_older_branch_protection_counts_as_well(shop: Shop) -> None:
    shop.call("DELETE", "rulesets/{rules}")
    assert next(branch_rules(shop.connection(), "main")).state == "MISSING"
    checks = [{"context": name, "app_id": 15368} for name in ("agent/gate", "agent/checks", "agent/plan")]
    protection = {
        "required_status_checks": {"strict": False, "checks": checks},
        "enforce_admins": True,
        "required_pull_request_reviews": {"dismiss_stale_reviews": True, "required_approving_review_count": 1},
        "restrictions": None,
    }
    shop.call("PUT", "branches/main/protection", protection)
    assert [line for line in branch_rules(shop.connection(), "main") if not line.ok] == []
    shop.call("PUT", "branches/main/protection", {**protection, "enforce_admins": False})
    (line,) = [line for line in branch_rules(shop.connection(), "main") if not line.ok]
    assert "administrators" in line.detail


def test_a_commit_that_is_not_here_is_unknown(shop: Shop, program: git.Repo) -> None:
    (shop.program / "README.md").write_text("newer\n")
    newer = commit(program)
    assert shop.lines()[".github/workflows/apply.yml"].ok, "an older commit that is known is as good"
    text = shop.forge.read_file(NAME, "refs/heads/main", ".github/workflows/apply.yml").decode()
    old = find_program(shop.program, ref="", repository="").commit
    assert old == newer
    put_file(".github/workflows/apply.yml", text.replace(program.git.rev_parse("HEAD~1"), "b" * 40))(shop)
    assert shop.lines()[".github/workflows/apply.yml"].state == "UNKNOWN"


def models_of(shop: Shop) -> dict[str, Line]:
    found = environments(shop.connection(), "main")
    return {line.what.removeprefix("environment "): line for line in found if "models" in line.what}


LIMITED = "models: only main and refs/pull/*/merge"
POLICIES = "environments/models/deployment-branch-policies"


def test_the_models_keys_have_an_environment_of_their_own(shop: Shop) -> None:
    said = models_of(shop)
    assert (list(said), said["models"].ok) == (["models"], True)
    assert "not there: no model is asked" in said["models"].detail
    shop.runner.set_secret(NAME, "OPENAI_API_KEY", "x")
    said = models_of(shop)
    assert "OPENAI_API_KEY of the whole repository" in said["models: secrets"].detail

    shop.call("PUT", "environments/models", {})
    assert "OPENAI_API_KEY" in models_of(shop)["models: secrets"].detail
    shop.runner.set_secret(NAME, "ANTHROPIC_API_KEY", "x", environment="models")
    said = models_of(shop)
    assert said["models"].detail == "there, with ANTHROPIC_API_KEY"
    assert said[LIMITED].state == "MISSING"
    assert "every branch gets the models' keys; `infra-agent init --checklist`, section 8" in said[LIMITED].detail
    shop.call("PUT", "environments/models", {"deployment_branch_policy": {**OTHER_POLICY["deployment_branch_policy"]}})
    assert "every protected branch" in models_of(shop)[LIMITED].detail
    chosen = {"protected_branches": False, "custom_branch_policies": True}
    shop.call("PUT", "environments/models", {"deployment_branch_policy": chosen})
    for name, state in (("main", "ok"), ("refs/pull/*/merge", "ok"), ("*", "MISSING")):
        shop.call("POST", POLICIES, {"name": name, "type": "branch"})
        assert models_of(shop)[LIMITED].state == state, name


def test_a_model_without_a_key_is_named_too(shop: Shop) -> None:
    shop.call("PUT", "environments/models", {})
    assert "there, without a key" in models_of(shop)["models"].detail
    shop.call("POST", "environments/models/variables", {"name": "OLLAMA_BASE_URL", "value": "http://127.0.0.1:1"})
    assert models_of(shop)["models"].detail == "there, with OLLAMA_BASE_URL"
    shop.forge.set_permission(NAME, "casey", "read")
    found = {line.what: line for line in environments(shop.connection(shop.writer), "main")}
    assert found["environment models"].state == "UNKNOWN"


def test_an_app_is_needed_whole_or_not_at_all(shop: Shop) -> None:
    path = f"{WORKFLOWS}agent.yml"
    text = shop.forge.read_file(NAME, "refs/heads/main", path).decode()
    named = "# ${{ vars.INFRA_AGENT_APP_ID }} ${{ vars.INFRA_AGENT_APP_SLUG }} ${{ secrets.INFRA_AGENT_APP_KEY }}\n"
    put_file(path, text + named)(shop)
    assert not any("AGENT_APP_" in what for what in shop.lines())
    shop.forge.set_variable(NAME, "INFRA_AGENT_APP_ID", "12")
    lines = shop.lines()
    assert lines["variable INFRA_AGENT_APP_ID"].ok
    assert lines["variable INFRA_AGENT_APP_SLUG"].state == "MISSING"
    assert lines["secret INFRA_AGENT_APP_KEY"].state == "MISSING"


def command(shop: Shop, *arguments: str, token: str = "") -> Result:
    """As on the command line; what the person reads is in `output`, an error in `exception`."""
    app = typer.Typer()
    app.command()(init)
    app.command()(doctor)
    environ = {"PATH": os.environ["PATH"], "GITHUB_API_URL": f"{shop.url}/api/v3"}
    return CliRunner().invoke(app, arguments, obj={**environ, **({"GITHUB_TOKEN": token} if token else {})})


def test_the_command_line_says_it_as_text_and_as_json(shop: Shop, tmp_path: Path) -> None:
    head = git.Repo(PROJECT).head.commit.hexsha
    own = repository(tmp_path / "own")
    common = ("init", "--path", str(own.working_tree_dir), "--program", "acme/x", "--program-ref", head)
    shop.call("DELETE", "labels/agent:ready")
    done = command(shop, *common, "--repository", NAME, "--labels", token=shop.admin)
    assert done.output == f"{NAME}: made agent:ready\n"
    done = command(shop, *common, "--repository", NAME, "--labels")
    assert isinstance(done.exception, UserError)
    assert "GITHUB_TOKEN is not set" in str(done.exception)
    done = command(shop, *common, "--labels", token=shop.admin)
    assert "--repository acme/shop" in str(done.exception)

    done = command(shop, "doctor", "--repository", NAME, "--json", token=shop.admin)
    rows = {(row["where"], row["what"]): row["state"] for row in json.loads(done.stdout)}
    assert (rows[(NAME, ".github/infra-agent.yml")], rows[(NAME, "labels")]) == ("ok", "ok")
    assert rows[("here", "Python")] == "ok"
    assert rows[(NAME, ".github/workflows/apply.yml")] == "UNKNOWN", "this project has no such commit"
    assert set(rows.values()) <= {"ok", "MISSING", "UNKNOWN"}
    assert done.exit_code == int("MISSING" in rows.values())
    shop.call("DELETE", "labels/agent:ready")
    done = command(shop, "doctor", "--repository", NAME, token=shop.admin)
    assert "MISSING  labels: agent:ready not there; `infra-agent init --labels`" in done.output
    assert done.exit_code == 1


def test_a_repository_that_cannot_be_read_is_an_error(shop: Shop) -> None:
    done = command(shop, "doctor", "--repository", NAME, token="nonsense")
    assert (type(done.exception), done.stdout) == (UserError, "")
    assert "GitHub answered 401" in str(done.exception)
    assert "make a new one" in str(done.exception)
    done = command(shop, "doctor", "--repository", "acme/nowhere", "--json", token=shop.admin)
    assert "acme/nowhere: cannot be read: GitHub answered 404" in str(done.exception)
    nowhere = connect(token="x", api_url="http://127.0.0.1:9", repository=NAME, patience=0)
    with pytest.raises(UserError, match=f"{NAME}: nothing was looked at: .*no answer"):
        list(examine(nowhere))
