"""A process killed while a ref moves: what git saw is brought to its end, with its events, by who began it."""

import json
from dataclasses import asdict

from agent.sandbox.forge import Event, Forge
from agent.sandbox.forge import git as plumbing
from tests.sandbox.forge.world import NAME, World


def merged_by_hand(world: World, *, git_saw: bool) -> int:
    """The state of a forge that died in the middle of mia's merge, after or before git moved."""
    world.push_file(world.clone(world.tokens["rob"]), "change", "x", "x\n")
    pull = world.repo("rob").create_pull(base="main", head="change", title="t", body="")
    repo, main = world.forge.repo_row(NAME), world.forge.resolve(NAME, "main")
    note = {
        "repo": NAME,
        "actor": asdict(world.forge.account("mia")),
        "move": {"ref": "refs/heads/main", "old": main, "new": pull.head.sha},
        "merging": pull.number,
    }
    folder = world.forge.root / "journal"
    folder.mkdir(exist_ok=True)
    (folder / "000000-x.json").write_text(json.dumps(note))
    if git_saw:
        plumbing.update_ref(world.forge.git_dir(repo), "refs/heads/main", pull.head.sha, main)
    return pull.number


def reopened(world: World) -> tuple[Forge, list[Event]]:
    heard: list[Event] = []
    again = Forge(world.folder / "forge")
    again.on_event = heard.append
    again.resume()
    return again, heard


def test_a_merge_that_git_saw_is_the_persons_and_is_heard(world: World) -> None:
    number = merged_by_hand(world, git_saw=True)
    again, heard = reopened(world)
    row = again.pull_row(again.repo_row(NAME), number)
    assert row["merged_at"] is not None
    assert again.user_row(row["merged_by"])["login"] == "mia"
    assert [(event.name, event.actor) for event in heard] == [("push", "mia"), ("pull_request", "mia")]
    assert list((again.root / "journal").iterdir()) == []
    again.close()
    again, heard = reopened(world)
    assert heard == []
    again.close()


def test_a_merge_that_git_did_not_see_never_was(world: World) -> None:
    number = merged_by_hand(world, git_saw=False)
    again, heard = reopened(world)
    assert again.pull_row(again.repo_row(NAME), number)["merged_at"] is None
    assert heard == []
    assert list((again.root / "journal").iterdir()) == []
    again.close()


def test_an_ordinary_merge_leaves_no_note_and_no_letter(world: World) -> None:
    world.push_file(world.clone(world.tokens["rob"]), "change", "x", "x\n")
    pull = world.repo("rob").create_pull(base="main", head="change", title="t", body="")
    world.repo("mia").get_pull(pull.number).merge()
    assert list((world.forge.root / "journal").iterdir()) == []
    assert world.forge.db.all("SELECT * FROM outbox") == []


def test_an_event_that_was_committed_but_not_heard_is_heard_later(world: World) -> None:
    def dies(event: Event) -> None:
        raise OSError(f"nobody hears {event.name}")

    world.forge.on_event = dies
    response = world.raw("POST", f"/repos/{NAME}/issues", token=world.tokens["rob"], json={"title": "t"})
    assert response.status_code == 500
    again, heard = reopened(world)
    assert [(event.name, event.action) for event in heard] == [("issues", "opened")]
    again.close()
    again, heard = reopened(world)
    assert heard == []
    again.close()
