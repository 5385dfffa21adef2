"""Which lines a patch shows, and where."""

from agent.sandbox.forge.diffs import at_position, lines, place

PATCH = "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n@@ -9 +9,2 @@\n nine\n+ten\n\\ No newline at end of file"


def test_lines_of_both_sides() -> None:
    shown = {key: where.position for key, where in lines(PATCH).items()}
    assert shown == {
        (1, "LEFT"): 1, (1, "RIGHT"): 1, (2, "LEFT"): 2, (2, "RIGHT"): 3, (3, "LEFT"): 4, (3, "RIGHT"): 4,
        (9, "LEFT"): 6, (9, "RIGHT"): 6, (10, "RIGHT"): 7,
    }  # fmt: skip


def test_a_place_has_its_hunk() -> None:
    found = place(PATCH, line=10, side="RIGHT")
    assert found is not None
    assert found.hunk == "@@ -9 +9,2 @@\n nine\n+ten"
    assert place(PATCH, line=5, side="RIGHT") is None
    assert at_position(PATCH, 3) == (2, "RIGHT")
    assert at_position(PATCH, 5) is None
