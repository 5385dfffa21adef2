"""A mask in plan JSON (what is sensitive, what is unknown) -> its part for a name, and how much it marks. Pure."""

from typing import Any


def part_of(mask: Any, name: str | int) -> Any:
    """The mask of one attribute or element; a mark on the whole is a mark on every part."""
    if mask is True:
        return True
    if isinstance(mask, dict):
        return mask.get(str(name))
    if isinstance(mask, list) and isinstance(name, int) and name < len(mask):
        return mask[name]
    return None


def any_true(mask: Any) -> bool:
    """Whether the mask marks anything."""
    return count_true(mask) > 0


def count_true(mask: Any) -> int:
    """How many places the mask marks."""
    if isinstance(mask, dict):
        return sum(count_true(one) for one in mask.values())
    if isinstance(mask, list):
        return sum(count_true(one) for one in mask)
    return 1 if mask is True else 0
