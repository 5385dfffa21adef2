"""Concurrency groups: who may go on, who waits, who has to end. Pure but for its own state."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Member: TypeAlias = tuple[Literal["run", "job"], int]


@dataclass
class _Group:
    holder: Member
    waiting: list[Member] = field(default_factory=list)


class Groups:
    """One member of a group goes on and one waits, as on GitHub; with `queue: max` any number waits."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, str], _Group] = {}

    def enter(self, repo: str, name: str, member: Member, *, cancel: bool, queue: str) -> tuple[bool, list[Member]]:
        """Whether `member` may go on at once, and who has to be cancelled to make way."""
        key = (repo, name.lower())
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = _Group(member)
            return True, []
        ending = [] if queue == "max" else list(group.waiting)
        if cancel:
            ending.append(group.holder)
        group.waiting = [*(one for one in group.waiting if one not in ending), member]
        return False, ending

    def leave(self, member: Member) -> list[Member]:
        """`member` has ended. Returns who may now go on."""
        freed: list[Member] = []
        for key, group in list(self._groups.items()):
            if member in group.waiting:
                group.waiting.remove(member)
            if group.holder != member:
                continue
            if group.waiting:
                group.holder = group.waiting.pop(0)
                freed.append(group.holder)
            else:
                del self._groups[key]
        return freed

    def holder(self, repo: str, name: str) -> Member | None:
        group = self._groups.get((repo, name.lower()))
        return group.holder if group else None
