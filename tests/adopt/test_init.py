"""`infra-agent init` on an empty repository, on one with workflows and Terraform of its own, again, and upgraded."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import git
import pytest

from agent.adopt.init import Options, Prepared, prepare, preview, write
from agent.checks.waivers import load_waivers
from agent.errors import UserError
from agent.guardrails import load_guardrails
from agent.settings import load_settings
from tests.adopt.conftest import PROJECT, commit, repository

STEPS = "on: push\njobs:\n  x:\n    steps:\n      - run: {}\n"
OWN = {
    ".github/workflows/deploy.yml": STEPS.format("terraform -chdir=net apply"),
    ".github/workflows/tests.yml": STEPS.format("make test # no terraform"),
    "net/main.tf": 'terraform {\n  backend "s3" {}\n}\n',
    "infra/terraform/qa/web/main.tf": "",
    "policies/rego/ours.rego": "package ours\n",
}


def root(repo: git.Repo) -> Path:
    return Path(str(repo.working_tree_dir))


def ready(program: git.Repo, shop: git.Repo, **more: Any) -> Prepared:
    return prepare(Options(path=root(shop), **more), checkout=root(program))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_an_empty_repository_gets_everything_and_a_second_run_changes_nothing(
    program: git.Repo, shop: git.Repo
) -> None:
    first = ready(program, shop, bucket="acme-state", region="eu-west-1")
    assert first.repository == "acme/shop"
    assert tree(root(shop)) == {}, "looking writes nothing"
    assert "files written" in write(first)
    assert {item.path for item in first.items} == set(tree(root(shop)))
    assert load_settings(root(shop)).environments["dev"].state.bucket == "acme-state"
    load_guardrails(root(shop))
    load_waivers(root(shop))
    after = tree(root(shop))
    for more in ({"bucket": "acme-state", "region": "eu-west-1"}, {}):
        again = ready(program, shop, **more)
        assert again.new == ()
        assert again.behind == (), "what a person chose is not called behind"
        assert write(again) == "Nothing was written: everything is there already.\n"
    assert tree(root(shop)) == after


def test_what_is_there_is_kept_and_said(program: git.Repo, shop: git.Repo) -> None:
    for path, text in OWN.items():
        (root(shop) / path).parent.mkdir(parents=True, exist_ok=True)
        (root(shop) / path).write_text(text)
    commit(shop)
    made = ready(program, shop)
    text = preview(made)
    assert (
        "Workflows of your own are kept as they are: .github/workflows/deploy.yml, .github/workflows/tests.yml" in text
    )
    assert ".github/workflows/deploy.yml runs `apply` itself" in text
    assert "Terraform outside infra/terraform/ is kept and left alone: net." in text
    assert "git mv net infra/terraform/<environment>/<stack>" in text
    assert "no known environment: qa" in text
    assert "policies/rego/ours.rego will run" in text
    write(made)
    after = tree(root(shop))
    assert {path: after[path].decode() for path in OWN} == OWN


def test_the_settings_to_make_name_the_repository(program: git.Repo, shop: git.Repo) -> None:
    text = ready(program, shop, bucket="acme-state", branch="trunk").settings
    for part in (
        "repo:acme/shop:environment:apply",
        "acme/shop/.github/workflows/apply.yml@refs/heads/trunk",
        "arn:aws:s3:::acme-state/*",
        "secretsmanager:GetSecretValue",
        "can_approve_pull_request_reviews=true",
        "gh label create 'infra-request'",
        "gh variable set INFRA_AGENT_APPLY_ROLE",
        '"context": "agent/plan"',
        '"dismiss_stale_reviews_on_push": true',
        "@acme/platform",
        "environments/models/deployment-branch-policies -f name='refs/pull/*/merge'",
        "gh secret set ANTHROPIC_API_KEY --env models --repo acme/shop",
    ):
        assert part in text, part
    assert "OWNER/NAME" not in text


def test_an_app_is_written_into_the_workflows_and_stays_there(program: git.Repo, shop: git.Repo) -> None:
    made = ready(program, shop, app=4711)
    for part in (
        '"integration_id": 4711',
        "gh variable set INFRA_AGENT_APP_ID --body 4711",
        "environments/infra-agent/deployment-branch-policies -f name=main",
        "gh secret set INFRA_AGENT_APP_KEY --env infra-agent",
    ):
        assert part in made.settings, part
    assert "15368" not in made.settings
    write(made)
    commit(shop)
    again = ready(program, shop)
    assert (again.new, again.behind, again.edited) == ((), (), ()), "the App is found in what stands there"
    assert '"integration_id"' not in again.settings, "which number it has is not"
    assert "init --checklist --app ID" in again.settings


def test_an_installation_takes_an_app_by_a_patch_that_touches_nothing_else(program: git.Repo, shop: git.Repo) -> None:
    write(ready(program, shop))
    commit(shop)
    made = ready(program, shop, app=4711)
    assert (made.new, made.edited) == ((), ())
    assert {Path(item.path).name for item in made.behind} == {"agent.yml", "apply.yml", "change.yml"}
    patch = root(shop) / "app.patch"
    patch.write_text(made.patch())
    shop.git.apply(str(patch))
    assert ready(program, shop, app=4711).behind == ready(program, shop).behind == ()


def test_a_workflow_of_the_same_name_stops_it(program: git.Repo, shop: git.Repo) -> None:
    path = root(shop) / ".github/workflows/apply.yml"
    path.parent.mkdir(parents=True)
    path.write_text("name: apply\non: push\njobs: {}\n")
    with pytest.raises(UserError, match=r"apply\.yml: a workflow of your own has this name.*Nothing was written"):
        ready(program, shop)
    assert list(tree(root(shop))) == [".github/workflows/apply.yml"]


@pytest.mark.parametrize("path", ["documents/plan.json", "out/report.json", ".infra-agent/x"])
def test_files_where_the_jobs_put_theirs_stop_it(program: git.Repo, shop: git.Repo, path: str) -> None:
    (root(shop) / path).parent.mkdir()
    (root(shop) / path).write_text("{}")
    with pytest.raises(UserError, match="would be mixed up"):
        ready(program, shop)
    assert list(tree(root(shop))) == [path]


def test_an_upgrade_shows_what_changed_and_touches_nothing(program: git.Repo, shop: git.Repo) -> None:
    write(ready(program, shop))
    settings = root(shop) / ".github/infra-agent.yml"
    settings.write_text(settings.read_text().replace("infra-agent-state", "acme-state"))
    waivers = root(program) / "policies/waivers.yml"
    waivers.write_text(waivers.read_text().replace("platform-team", "infra-team"))
    (root(program) / "policies/rego/new.rego").write_text("package new\n")
    before, head = tree(root(shop)), commit(program, "second")
    made = ready(program, shop)
    assert [item.path for item in made.new] == ["policies/rego/new.rego"]
    behind = {item.path: item.diff for item in made.behind}
    names = {f".github/workflows/{name}.yml" for name in ("agent", "change", "apply")}
    assert {"policies/waivers.yml", *names} <= set(behind)
    assert ".github/infra-agent.yml" not in behind, "people's own settings did not change in the template"
    assert f"+          ref: {head}" in behind[".github/workflows/apply.yml"]
    assert tree(root(shop)) == before
    write(made)
    assert tree(root(shop)) == {**before, "policies/rego/new.rego": b"package new\n"}
    patch = root(shop) / "p"
    patch.write_text(made.patch())
    subprocess.run(["git", "apply", "p"], cwd=root(shop), check=True, timeout=20)
    patch.unlink()
    assert ready(program, shop).behind == ()
    assert "acme-state" in settings.read_text()


def test_new_files_are_shown_in_full_when_asked_for(program: git.Repo, shop: git.Repo) -> None:
    made = ready(program, shop)
    shown = preview(made, diff=True)
    assert all(f"+++ b/{item.path}\n" in shown for item in made.new)
    short = preview(made)
    assert "+++" not in short
    lines = next(item for item in made.new if item.path == ".github/infra-agent.yml").text.count("\n")
    assert f"  .github/infra-agent.yml: {lines} lines\n" in short


def applied(shop: git.Repo, text: str) -> None:
    (root(shop) / "p").write_text(text)
    subprocess.run(["git", "apply", "p"], cwd=root(shop), check=True, timeout=20)
    (root(shop) / "p").unlink()


WORKFLOW = ".github/workflows/agent.yml"
WAIVERS = "policies/waivers.yml"


def edit(shop: git.Repo, path: str, *, added: str) -> str:
    place = root(shop) / path
    place.write_text(f"{place.read_text()}{added}")
    return added


def test_what_a_person_changed_is_called_theirs_and_no_patch_takes_it_back(program: git.Repo, shop: git.Repo) -> None:
    write(ready(program, shop))
    mine = {path: edit(shop, path, added="# ours\n") for path in (WORKFLOW, WAIVERS, "policies/schemas/settings.json")}
    made = ready(program, shop)
    assert [item.path for item in made.edited] == sorted(mine)
    assert (made.behind, made.patch()) == ((), "")
    assert "Changed by you: " + ", ".join(sorted(mine)) in preview(made)
    waivers = root(program) / WAIVERS
    waivers.write_text(waivers.read_text().replace("platform-team", "infra-team"))
    head = commit(program, "second")
    made = ready(program, shop)
    assert "# ours" not in "".join(line for line in made.patch().splitlines() if line.startswith("-"))
    assert f"{WAIVERS}: changed by you; it is kept as it is" in preview(made)
    applied(shop, made.patch())
    for path, text in mine.items():
        assert text in (root(shop) / path).read_text()
    assert "infra-team" in (root(shop) / WAIVERS).read_text()
    assert head in (root(shop) / WORKFLOW).read_text()


def test_only_who_asks_for_it_gets_their_edits_taken_back(program: git.Repo, shop: git.Repo) -> None:
    write(ready(program, shop))
    was = (root(shop) / WORKFLOW).read_text()
    for path in (WORKFLOW, WAIVERS):
        edit(shop, path, added="# ours\n")
    made = ready(program, shop)
    applied(shop, made.patch(revert=(WORKFLOW,)))
    assert (root(shop) / WORKFLOW).read_text() == was
    assert "# ours" in (root(shop) / WAIVERS).read_text()
    with pytest.raises(UserError, match=r"--revert policies/x.yml: is no shipped file that you changed; you changed"):
        made.patch(revert=("policies/x.yml",))


def test_where_nobody_knows_what_was_installed_no_patch_takes_anything_back(
    program: git.Repo, shop: git.Repo, tmp_path: Path
) -> None:
    write(ready(program, shop))
    edit(shop, WAIVERS, added="# ours\n")
    other = tmp_path / "other"
    (root(program) / ".git").rename(tmp_path / "history")
    root(program).rename(other)
    fresh = repository(other, origin="https://github.com/acme/infra-agent.git")
    (other / "policies/rego/new.rego").write_text("package new\n")
    commit(fresh, "without the history")
    made = ready(fresh, shop)
    assert made.patch() == ""
    text = preview(made)
    assert "What was installed is not known" in text
    assert f"{WAIVERS}: changed by you, or of your own; it is kept as it is" in text
    assert "--patch upgrade.patch" not in text
    assert "-# ours" in made.patch(revert=(WAIVERS,))


def test_modules_are_not_offered_to_be_handed_over(program: git.Repo, shop: git.Repo) -> None:
    files = {
        "net/main.tf": 'terraform {\n  backend "s3" {}\n}\nmodule "vpc" {\n  source = "../modules/vpc"\n}\n',
        "modules/vpc/main.tf": 'variable "cidr" {}\n',
    }
    for path, text in files.items():
        (root(shop) / path).parent.mkdir(parents=True)
        (root(shop) / path).write_text(text)
    text = preview(ready(program, shop))
    assert "is kept and left alone: net. " in text
    assert "stay where they are: modules/vpc. " in text


def test_where_it_cannot_work_it_says_so(program: git.Repo, shop: git.Repo, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (root(shop) / "part").mkdir()
    git.Repo.init(tmp_path / "bare", bare=True)
    (root(program) / "agent").mkdir()
    (root(program) / "agent/__main__.py").write_text("")
    for path, said in (
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "plain", "not a git checkout"),
        (root(shop) / "part", "is inside the checkout"),
        (tmp_path / "bare", "bare repository"),
        (root(program), "is a checkout of infra-agent itself"),
    ):
        with pytest.raises(UserError, match=said):
            prepare(Options(path=path), checkout=root(program))


def test_the_branch_is_the_remote_s_default_one(program: git.Repo, tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    (root(origin) / "x").write_text("x")
    commit(origin)
    origin.git.branch("-m", "trunk")
    shop = git.Repo.clone_from(str(root(origin)), tmp_path / "clone")
    made = ready(program, shop, repository="acme/shop")
    assert made.branch == "trunk"
    assert "branches: ['trunk']" in next(item.text for item in made.items if item.path.endswith("apply.yml"))
    assert ready(program, shop, branch="main").branch == "main"


def command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    head = git.Repo(PROJECT).head.commit.hexsha
    return subprocess.run(
        [sys.executable, "-m", "agent", "init", "--path", str(folder), "--program", "acme/infra-agent",
         "--program-ref", head, *arguments],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_without_a_yes_nothing_is_written(shop: git.Repo) -> None:
    done = command(folder=root(shop))
    assert done.returncode == 0, done.stderr
    assert "  .github/workflows/agent.yml: " in done.stdout
    assert "  policies/examples/: " in done.stdout
    assert "+++ b/" not in done.stdout, "what is new is listed, not printed"
    assert len(done.stdout.splitlines()) < 60
    assert done.stdout.endswith("Nothing was written. `--yes` writes it.\n")
    assert tree(root(shop)) == {}
    done = command("--yes", folder=root(shop))
    assert done.returncode == 0, done.stderr
    assert "# Settings that a person makes" in done.stdout
    assert ".github/workflows/agent.yml" in tree(root(shop))


def test_an_error_is_a_sentence(tmp_path: Path) -> None:
    done = command("--yes", folder=tmp_path)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "git init" in done.stderr
    assert "Traceback" not in done.stderr
