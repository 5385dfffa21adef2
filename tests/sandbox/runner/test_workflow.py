"""Workflow files: ours load, and whatever is not known is refused with its line."""

import textwrap
from pathlib import Path

import pytest

from agent.sandbox.runner import WorkflowError, load_workflow
from agent.sandbox.runner.matrix import combinations
from agent.sandbox.runner.triggers import Occasion, Trigger, matches, starts
from agent.sandbox.runner.values import Value
from tests.sandbox.runner.conftest import CHECKOUT

ROOT = Path(__file__).parents[3]
GOOD = textwrap.dedent(
    f"""\
    name: w
    on: [push]
    jobs:
      a:
        runs-on: ubuntu-latest
        steps:
          - uses: {CHECKOUT}
            with:
              path: x
          - run: |
              echo one
              echo two
    """
)


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.name)
def test_our_own_workflow_files_load(path: Path) -> None:
    assert load_workflow(path.read_text(encoding="utf-8"), path.name).jobs


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("name: w", "nam: w", "w.yml:1: unknown key 'nam'"),
        ("on: [push]", "on: [pushed]", "w.yml:2: event 'pushed' is unknown"),
        ("on: [push]", "on: {issues: {types: [born]}}", "w.yml:2: issues has no type 'born'"),
        ("on: [push]", "on: {push: {colour: [red]}}", "w.yml:2: unknown key 'colour'"),
        ("on: [push]", "on: {push: {paths: [a], paths-ignore: [b]}}", "cannot stand together"),
        ("on: [push]", "on: [push]\npermissions: {wiki: read}", "w.yml:3: wiki is no permission"),
        ("on: [push]", "on: [push]\npermissions: {contents: admin}", "'admin' is no level"),
        ("on: [push]", "on: [push]\nenv: {A: '${{ needs.x }}'}", "w.yml:3: unknown context 'needs'"),
        ("runs-on: ubuntu-latest", "runs-on: windows-latest", "w.yml:5: runs-on 'windows-latest' is unknown"),
        ("runs-on: ubuntu-latest", "runs-on: self-hosted", "w.yml:5: runs-on 'self-hosted' is unknown"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-latest\n    container: x", "w.yml:6: unknown key 'container'"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-latest\n    needs: b", "w.yml:4: a needs 'b'"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-latest\n    needs: a", "w.yml:4: a needs itself"),
        ("runs-on: ubuntu-latest", "runs-on: ubuntu-latest\n    if: hashFiles('x')", "unknown function 'hashfiles'"),
        (CHECKOUT, "actions/checkout@v4", "w.yml:7: uses 'actions/checkout@v4' must be owner/repository@"),
        ("actions/checkout@", "evil/action@", "w.yml:7: uses 'evil/action' is unknown"),
        ("path: x", "pat: x", "w.yml:9: pat is no input of actions/checkout"),
        ("path: x", "submodules: true", "w.yml:9: submodules is an input of actions/checkout that the sandbox"),
        ("echo two", "echo ${{ secret.x }}", "w.yml:12: unknown context 'secret'"),
        ("- run: |", "- shell: pwsh\n        run: |", "w.yml:10: shell 'pwsh' is unknown"),
        ("- run: |", "- script: |", "unknown key 'script'"),
        ("name: w", "name: w\nname: v", "w.yml:2: not YAML"),
        ("name: w", "\t", "w.yml:1: not YAML"),
    ],
)
def test_anything_unknown_is_an_error_with_its_line(old: str, new: str, error: str) -> None:
    assert load_workflow(GOOD, "w.yml").name == "w"
    with pytest.raises(WorkflowError) as caught:
        load_workflow(GOOD.replace(old, new, 1), "w.yml")
    assert error in str(caught.value)
    assert str(caught.value).startswith("w.yml:")


@pytest.mark.parametrize(
    ("patterns", "name", "chosen"),
    [
        (["main"], "main", True),
        (["main"], "main2", False),
        (["releases/**"], "releases/a/b", True),
        (["releases/*"], "releases/a/b", False),
        (["**", "!docs/**"], "docs/x", False),
        (["v[12].[0-9]+"], "v1.20", True),
        (["infra/**"], "infra/terraform/dev/x/main.tf", True),
        (["**/*.py"], "a.py", True),
        (["*.js?"], "a.j", True),
    ],
)
def test_filter_patterns(patterns: list[str], name: str, chosen: bool) -> None:
    assert matches(patterns, name) is chosen


@pytest.mark.parametrize(
    ("filters", "ref", "fits"),
    [
        ({}, "refs/tags/v1", True),
        ({"branches": ("main",)}, "refs/heads/main", True),
        ({"branches": ("main",)}, "refs/tags/main", False),
        ({"tags": ("v*",)}, "refs/heads/v1", False),
        ({"branches-ignore": ("main",)}, "refs/heads/dev", True),
        ({"branches": ("main",), "paths": ("infra/**",)}, "refs/heads/main", False),
        ({"paths-ignore": ("docs/**",)}, "refs/heads/main", True),
    ],
)
def test_push_filters(filters: dict[str, tuple[str, ...]], ref: str, fits: bool) -> None:
    occasion = Occasion("push", "", ref, changed=lambda: ["docs/a.md", "README.md"])
    assert starts([Trigger("push", (), filters)], occasion) is fits


def test_a_matrix_multiplies_excludes_and_includes() -> None:
    matrix: Value = {
        "fruit": ["apple", "pear"],
        "animal": ["cat", "dog"],
        "exclude": [{"fruit": "pear", "animal": "dog"}],
        "include": [
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
    }
    assert combinations(matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink"},
        {"fruit": "apple", "animal": "dog", "color": "green"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]
    wrongs: list[Value] = ["x", {"a": []}, {"a": "b"}, {"include": {"a": 1}}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="matrix"):
            combinations(wrong)
