"""Every tool of every check: missing, crashed, hung, talking nonsense or saying nothing is "could not run"."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from yamllint.config import YamlLintConfig

from agent.checks import secrets, yamllint
from agent.checks.check import COULD_NOT_RUN
from agent.checks.run import CHECKS, run_checks
from agent.domain import CheckRun, File, Findings
from agent.errors import ToolError
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools
from agent.verdict import REQUIRED_CHECKS, judge
from tests.checks.samples import HERE, PLAIN, UNIT

APP, PLAY = "infra/kubernetes/dev/shop", "infra/ansible/web"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: shop}\nspec: {containers: []}\n"
SITE = "---\n- name: Web\n  hosts: web\n  tasks:\n    - name: Ping\n      ansible.builtin.ping:\n"
# Each outside program: the check that starts it, and a file for which it does.
PROGRAMS: dict[str, tuple[str, dict[str, str]]] = {
    "ansible-lint": ("ansible-lint", {f"{PLAY}/site.yml": SITE}),
    "checkov": ("checkov", {f"{UNIT}/main.tf": PLAIN}),
    "checkov on manifests": ("checkov", {f"{APP}/pod.yaml": POD}),
    "checkov on plays": ("checkov", {f"{PLAY}/site.yml": SITE}),
    "kubernetes-validate": ("kubernetes", {f"{APP}/pod.yaml": POD}),
    "kustomize": (
        "kubernetes",
        {f"{APP}/kustomization.yaml": "namespace: shop\nresources: [pod.yaml]\n", f"{APP}/pod.yaml": POD},
    ),
    "helm": (
        "kubernetes",
        {f"{APP}/Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.0.0\n", f"{APP}/templates/x.yaml": POD},
    ),
    "regopy": ("rego", {f"{APP}/pod.yaml": POD}),
    "terraform": ("terraform", {f"{UNIT}/main.tf": PLAIN}),
}
# How it fails, and what it does instead of its work.
FAILURES = {
    "missing": "",
    "crashes": "kill -ABRT $$",
    "exits with a code": "exit 3",
    "hangs": "exec sleep 9",
    "prints garbage": "echo '<html>502 Bad Gateway</html>'",
    "says nothing": "true",
    "sees no file": "echo '{}'",
    "prints without end": "head -c 400000 /dev/zero",
}


@dataclass(frozen=True)
class Failing(Tools):
    """Starts a shell with `text` in place of every program, or finds none."""

    text: str = ""
    missing: bool = False

    def which(self, program: str) -> str | None:
        return None if self.missing else f"/nowhere/{program}"

    def _start(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None, stdin: int
    ) -> "subprocess.Popen[bytes]":
        instead = [f"/nowhere/{argv[0]}"] if self.missing else ["/bin/sh", "-c", self.text]
        return super()._start(instead, cwd=cwd, env=env, stdin=stdin)


def examine(name: str, failure: str, settings: Settings, guardrails: Guardrails, tools: Tools) -> tuple[str, Findings]:
    """The check that starts the program, and what all of them together say when it fails."""
    check, texts = PROGRAMS[name]
    return check, run_checks(
        [File(path=path, content=text) for path, text in texts.items()],
        units=[UNIT, APP, PLAY],
        settings=settings,
        guardrails=guardrails,
        tools=Failing(
            environment=tools.environment, max_output=100_000, text=FAILURES[failure], missing=failure == "missing"
        ),
        root=HERE,
        checkov_python="checkov-python",
        ansible_python="ansible-python",
        kubernetes_python="kubernetes-python",
        today=date(2026, 5, 1),
        # Terraform has its own limit, so that all of the check is given up.
        timeout=-4.5 if (name, failure) == ("terraform", "hangs") else 0.5,
        checks={check: CHECKS[check]},
    )


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_fails_blocks(
    name: str, failure: str, settings: Settings, guardrails: Guardrails, tools: Tools
) -> None:
    check, findings = examine(name, failure, settings, guardrails, tools)
    assert [(run.check, run.status) for run in findings.checks] == [(check, "error")]
    (found,) = [item for item in findings.findings if item.source == check]
    assert (found.rule, found.severity) == (COULD_NOT_RUN, "critical")
    others = tuple(CheckRun(check=other, status="passed") for other in REQUIRED_CHECKS if other != check)
    whole = findings.model_copy(update={"checks": (*findings.checks, *others)})
    verdict = judge(change=None, findings=whole, proposal=None, plan=None)
    # Without a working terraform no plan can be made either, which the verdict says in its own way.
    assert verdict.status == ("needs work" if check == "terraform" else "blocked")
    assert any(reason.startswith(f"check could not run: {check}: ") for reason in verdict.reasons)


def test_there_is_a_program_for_every_check_that_starts_one() -> None:
    """The two others run in this process, and look for what is planted just so."""
    assert {check for check, _ in PROGRAMS.values()} == CHECKS.keys() - {"secrets", "yamllint"}


def test_a_yamllint_that_does_not_find_the_planted_text_has_failed() -> None:
    yamllint.require_canary(YamlLintConfig(content=yamllint.CONFIGURATION))
    with pytest.raises(ToolError, match=r"did not find the planted known-bad file \(key-duplicates\)"):
        yamllint.require_canary(YamlLintConfig(content=f"{yamllint.CONFIGURATION}  key-duplicates: disable\n"))


@pytest.mark.parametrize("rule", ["aws-key", "github-token"])
def test_secrets_that_are_not_found_where_they_are_planted(rule: str) -> None:
    secrets.require_canary(secrets.DETECTORS)
    blind = {name: detector for name, detector in secrets.DETECTORS.items() if name != rule}
    with pytest.raises(ToolError, match=rf"did not find the planted known-bad file \({rule}\)"):
        secrets.require_canary(blind)
