"""Logs as the job page shows them."""

from agent.sandbox.pages.logs import coloured, groups, split_time


def test_groups_fold_and_levels_show() -> None:
    found = groups(
        "2026-01-02T03:04:05.1234567Z ##[group]Run make\n2026-01-02T03:04:06.0000000Z $ make\n"
        "2026-01-02T03:04:06.0000000Z ##[endgroup]\n2026-01-02T03:04:07.0000000Z <b>&\n"
        "2026-01-02T03:04:08.0000000Z ##[error]it broke\n"
    )
    assert [(str(group.title), [line.level for line in group.lines]) for group in found] == [
        ("Run make", [""]),
        ("", ["", "error"]),
    ]
    assert found[1].failed
    assert found[1].lines[0].html == "&lt;b&gt;&amp;"
    assert found[1].lines[0].time == "03:04:07"
    assert [line.number for group in found for line in group.lines] == [2, 4, 5]


def test_terminal_colours_become_classes() -> None:
    assert coloured("\x1b[1m\x1b[31m<x>\x1b[0m y\x1b[2K") == ('<span class="ansi-bold ansi-31">&lt;x&gt;</span> y')


def test_a_line_without_a_time_is_whole() -> None:
    assert split_time("plain") == ("", "plain")
