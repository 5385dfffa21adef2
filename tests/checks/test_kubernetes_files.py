"""What each file below `infra/kubernetes/` is for, where a problem stands, and which templates cannot be judged."""

import pytest

from agent.checks.kubernetes_files import Chart, count, layout, place
from agent.domain import File

APP = "infra/kubernetes/dev/shop"


def files(**texts: str) -> list[File]:
    return [File(path=f"{APP}/{name.replace('__', '/')}.yaml", content=text) for name, text in texts.items()]


def test_plain_manifests_stand_for_themselves() -> None:
    found = layout([File(path=f"{APP}/a.yaml", content="kind: X\n"), File(path=f"{APP}/b.json", content="{}")])
    assert found.manifests == (f"{APP}/a.yaml", f"{APP}/b.json")
    assert (found.sources, found.charts, found.unused) == ({}, (), ())


def test_what_a_kustomization_uses_is_seen_through_it() -> None:
    found = layout(
        files(
            kustomization="resources: [a.yaml, base]\npatches: [{path: p.yaml}, {path: b.yaml}]\n",
            a="kind: X\n",
            p="kind: X\n",
            base__kustomization="resources: [b.yaml]\nconfigMapGenerator: [{name: x, files: [k=c.yaml]}]\n",
            base__b="kind: X\n",
            base__c="a: 1\n",
            b="kind: X\n",
        )
    )
    assert found.sources == {APP: f"{APP}/kustomization.yaml"}
    assert set(found.manifests) == {f"{APP}/a.yaml", f"{APP}/base/b.yaml"}
    assert f"{APP}/base/c.yaml" in found.parts
    assert found.unused == ()


def test_a_patch_that_is_a_resource_elsewhere_is_a_manifest() -> None:
    """Else naming a manifest as a patch would keep it from the schemas."""
    found = layout(
        files(
            one__kustomization="resources: [../a.yaml]\n",
            two__kustomization="patches: [{path: ../a.yaml}]\n",
            a="kind: X\n",
        )
    )
    assert found.manifests == (f"{APP}/a.yaml",)


@pytest.mark.parametrize("text", ["kind: Component\npatches: [{path: p.yaml}]\n", "resources: [.]\n"])
def test_a_kustomization_that_nothing_builds_is_unused(text: str) -> None:
    assert f"{APP}/kustomization.yaml" in layout(files(kustomization=text, p="a: 1\n")).unused


def test_a_chart_takes_only_what_helm_reads() -> None:
    found = layout(
        [
            *files(values="a: 1\n", app="kind: X\n", templates__x="{{ x }}\n", charts__y__Chart="name: y\n"),
            File(path=f"{APP}/values-prod.yaml", content="a: 2\n"),
            File(path=f"{APP}/Chart.yaml", content="name: x\n"),
            File(path=f"{APP}/templates/_helpers.tpl", content=""),
        ]
    )
    assert found.charts == (Chart(APP, (f"{APP}/values-prod.yaml",)),)
    assert found.manifests == (f"{APP}/app.yaml",)


def test_a_place_is_found_through_documents_lists_and_keys() -> None:
    text = "kind: A\n---\nkind: List\nitems:\n  - kind: B\n  - kind: C\n    spec:\n      ports:\n        - x: 1\n"
    assert count(text) == 3
    assert place(text, 0, ["kind"]) == 1
    assert place(text, 2, ["spec", "ports", "0", "x"]) == 9
    assert place(text, 2, ["spec", "gone"]) == 7
    assert place(text, 9, []) == 0
    assert place("a: [", 0, []) == 2
