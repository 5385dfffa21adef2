"""Files: what is there is read, and nothing else is, however it is written."""

from collections.abc import Callable
from pathlib import Path

import git
import pytest

from agent.errors import UserError
from agent.models.tools import TOOLS
from agent.models.tools.place import MOST_BYTES, Place
from agent.models.tools.tool import answer
from tests.models.tools.conftest import FILES, MAIN, QUEUE, Ask, build

ESCAPES = (
    "README.md", ".github/workflows/x.yml", "policies/rego/deny.rego", "policies/severity.yml", "policies/x.yml",
    "infra/../policies/rego/deny.rego", "./infra/../README.md", "infra//terraform/dev/queue/main.tf", "/etc/passwd",
    "/proc/self/environ", "infra/terraform/dev/queue/../../../../README.md", "infra\\..\\README.md", "Infra/x", "",
    f"{QUEUE}/.terraform.lock.hcl", "infra/.env", "infra/terraform/dev/queue/main.tf\0", "~/.ssh/id_rsa", "infra",
    "knowledge/../.git/config", ".git/config", "infra/\u202eft.niam",
)  # fmt: skip
PRIVATE = (
    "infra/terraform/dev/queue/terraform.tfstate", "infra/terraform/dev/queue/terraform.tfstate.backup",
    "infra/terraform/dev/queue/x.auto.tfvars", "infra/terraform/dev/queue/x.tfvars.json", "infra/ansible/web/tls.key",
    "infra/ansible/web/tls.pem", "infra/ansible/web/id_ed25519", "infra/kubernetes/dev/shop/kubeconfig.yaml",
    "infra/terraform/dev/queue/out.tfplan", "infra/ansible/web/.vault_pass", "infra/ansible/web/group_vars/vault.yml",
    "infra/terraform/dev/queue/credentials", "infra/terraform/dev/.cache/x.tf", "infra/app.env",
)  # fmt: skip


def test_a_file_is_read_whole_and_between_lines(ask: Ask) -> None:
    assert ask("read-file", path=f"{QUEUE}/main.tf") == MAIN.rstrip("\n")
    assert ask("read-file", path=f"{QUEUE}/main.tf", first_line=2, last_line=3).endswith('name = "orders-queue"')
    with pytest.raises(UserError, match="has 10 lines"):
        ask("read-file", path=f"{QUEUE}/main.tf", first_line=99)


def test_folders_are_listed_level_by_level_or_by_a_pattern(ask: Ask) -> None:
    top = ask("list-files")
    assert "infra/terraform/  6 files" in top
    listed = ask("list-files", folder=QUEUE)
    assert f"{QUEUE}/main.tf  {len(MAIN)}" in listed
    assert "lock" not in listed.replace("dot-files", "")
    assert "1 more are not read" in listed
    found = ask("list-files", folder="infra", pattern="main.tf")
    assert f"{QUEUE}/main.tf" in found
    assert "outputs.tf" not in found
    with pytest.raises(UserError, match="no such folder"):
        ask("list-files", folder="infra/none")


def test_lines_are_found_with_their_place(ask: Ask) -> None:
    assert ask("search-files", text="ORDERS-queue").splitlines() == [
        f'{QUEUE}/main.tf:3: name = "orders-queue"',
        'infra/terraform/dev/reader/main.tf:2: name = "orders-queue"',
    ]
    assert "not found" in ask("search-files", text="orders-queue", pattern="*.md")
    assert "knowledge/network.md:3" in ask("search-files", text="network team", folder="knowledge")
    # What a reader of the page does not see is no note.
    assert "not found" in ask("search-files", text="everything is fine", folder="knowledge")
    assert "everything is fine" not in ask("read-file", path="knowledge/queues.md")


@pytest.mark.parametrize("path", ESCAPES)
def test_nothing_outside_the_folders_is_read(ask: Ask, path: str) -> None:
    with pytest.raises(UserError):
        ask("read-file", path=path)


@pytest.mark.parametrize(
    "folder", ["policies", ".github", "infra/../policies", "/", "", ".", "infra/.git", "..", "infra//x"]
)
def test_nothing_outside_the_folders_is_listed_or_searched(ask: Ask, folder: str) -> None:
    with pytest.raises(UserError, match="only folders below"):
        ask("list-files", folder=folder)
    with pytest.raises(UserError, match="only folders below"):
        ask("search-files", folder=folder, text="deny")


def test_state_keys_links_and_large_files_are_not_read(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    told = "canary-of-a-file"
    large = f"{QUEUE}/large.json"
    files = {**FILES, **dict.fromkeys(PRIVATE, told), large: told + "x" * MOST_BYTES, f"{QUEUE}/bytes.json": "\udcff"}
    link, folder = f"{QUEUE}/link.tf", "infra/terraform/dev/linked"
    outside = tmp_path / "secret"
    outside.write_text(told, encoding="utf-8")
    repo = build(tmp_path / "checkout", [("x", files)], links={link: str(outside), folder: "../../../policies"})
    place = make_place(repo)
    for path in (*PRIVATE, large, link, folder, f"{folder}/severity.yml", f"{QUEUE}/bytes.json"):
        with pytest.raises(UserError):
            answer(TOOLS["read-file"], place, {"path": path})
    assert "not found" in answer(TOOLS["search-files"], place, {"text": told})
    assert told not in answer(TOOLS["show-unit"], place, {"unit": QUEUE})
    repo.close()


def test_what_only_sounds_private_is_read(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    unit = "infra/terraform/dev/vault-cluster"
    named = (f"{unit}/credentials.tf", f"{unit}/kubeconfig.tf", f"{unit}/vault.tf", f"{unit}/keys.tf")
    repo = build(tmp_path / "checkout", [("x", {**FILES, **dict.fromkeys(named, 'output "x" {\n  value = 1\n}\n')})])
    place = make_place(repo)
    for path in named:
        assert "output" in answer(TOOLS["read-file"], place, {"path": path})
    repo.close()


def test_only_the_commit_counts_not_what_lies_in_the_checkout(tmp_path: Path, make_place: Callable[..., Place]) -> None:
    repo: git.Repo = build(tmp_path / "checkout", [("x", FILES)])
    (tmp_path / "checkout" / QUEUE / "main.tf").write_text("# changed\n", encoding="utf-8")
    (tmp_path / "checkout" / QUEUE / "new.tf").write_text("# new\n", encoding="utf-8")
    place = make_place(repo)
    assert answer(TOOLS["read-file"], place, {"path": f"{QUEUE}/main.tf"}) == MAIN.rstrip("\n")
    with pytest.raises(UserError, match="no such file"):
        answer(TOOLS["read-file"], place, {"path": f"{QUEUE}/new.tf"})
    repo.close()
