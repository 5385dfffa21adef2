"""Patches as rows."""

from agent.sandbox.pages.diff import counts, rows

PATCH = """@@ -1,3 +1,4 @@ resource
 a
-b
+B
+C
 d
\\ No newline at end of file
@@ -10,1 +11,1 @@
--- x
+++ y"""


def test_rows_carry_both_sides_numbers() -> None:
    assert [(row.kind, row.old, row.new, row.text) for row in rows(PATCH)] == [
        ("hunk", 0, 0, "@@ -1,3 +1,4 @@ resource"),
        ("context", 1, 1, "a"),
        ("removed", 2, 0, "b"),
        ("added", 0, 2, "B"),
        ("added", 0, 3, "C"),
        ("context", 3, 4, "d"),
        ("note", 0, 0, "No newline at end of file"),
        ("hunk", 0, 0, "@@ -10,1 +11,1 @@"),
        ("removed", 10, 0, "-- x"),
        ("added", 0, 11, "++ y"),
    ]
    assert counts(PATCH) == (3, 2)


def test_no_patch_has_no_rows() -> None:
    assert rows("") == []
