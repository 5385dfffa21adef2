"""A draft that begins from what a pull request holds: what counts as touched, as deleted, and as the whole change."""

from collections.abc import Mapping

from agent.author.draft import problems, whole
from agent.domain import Action, File, Intent

UNIT = "infra/terraform/dev/queue"
MAIN = f"{UNIT}/main.tf"
STANDS = 'resource "aws_sqs_queue" "this" {\n  name = "orders"\n}\n'
DEAD = '\nresource "aws_sqs_queue" "dead" {\n  name = "dead"\n}\n'
INTENT = Intent(
    summary="s", environment="dev", units=(UNIT,), types=("aws_sqs_queue",),
    actions=(Action(verb="update", resource="aws_sqs_queue"),),
)  # fmt: skip
BASE = {MAIN: STANDS}
BEGUN = (File(path=MAIN, content=STANDS + DEAD), File(path=f"{UNIT}/note.md", content="# Note\n"))
DEAD_BLOCK = {MAIN: ("resource.aws_sqs_queue.dead",)}


def rules(
    *files: File, edits: Mapping[str, tuple[str, ...]] | None = None, begun: tuple[File, ...] = BEGUN
) -> list[str]:
    found = problems(files, base=BASE, intent=INTENT, edits=edits or {}, rollback="Revert it.", begun=begun)
    return [one.rule for one in found]


def test_what_the_pull_request_added_may_be_taken_out_and_what_stands_may_not() -> None:
    assert rules(File(path=MAIN, content=STANDS), edits=DEAD_BLOCK) == []
    assert rules(File(path=f"{UNIT}/note.md", content=None)) == []
    gone = File(path=MAIN, content=DEAD.lstrip())
    assert "draft/delete" in rules(gone, edits={MAIN: ("resource.aws_sqs_queue.this",)})
    # Without a pull request before it the same file only adds.
    assert rules(File(path=MAIN, content=STANDS + DEAD), begun=()) == []


def test_what_the_pull_request_holds_is_kept_like_what_stands() -> None:
    other = STANDS + DEAD.replace('"dead"\n}', '"buried"\n}')
    assert rules(File(path=MAIN, content=other)) == ["draft/unrelated"]
    assert rules(File(path=MAIN, content=other), edits=DEAD_BLOCK) == []
    assert rules(BEGUN[0]) == ["draft/nothing"]


def test_a_type_that_only_the_pull_request_brings_is_judged_too() -> None:
    topic = BEGUN[0].model_copy(update={"content": STANDS + 'resource "aws_sns_topic" "x" {\n  name = "x"\n}\n'})
    assert rules(File(path=f"{UNIT}/note.md", content="# Note\n\nMore.\n"), begun=(topic, BEGUN[1])) == ["draft/type"]


def test_of_a_file_that_both_write_the_later_one_counts() -> None:
    later = File(path=MAIN, content=STANDS)
    assert whole(BEGUN, [later]) == (later, BEGUN[1])
