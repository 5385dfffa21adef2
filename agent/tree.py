"""A tree of texts (path -> content) and a change's files -> the tree that the change makes of it. Pure."""

from collections.abc import Iterable, Mapping

from agent.domain import File


def laid_over(base: Mapping[str, str], files: Iterable[File]) -> dict[str, str]:
    """`base` after `files` were written and deleted."""
    after = dict(base)
    for file in files:
        if file.content is None:
            after.pop(file.path, None)
        else:
            after[file.path] = file.content
    return after
