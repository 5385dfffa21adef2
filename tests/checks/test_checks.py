"""All checks together: none of them passes by failing, and what people accepted stays visible."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.checks.check import COULD_NOT_RUN, Check, CheckResult, Context, finished
from agent.checks.run import CHECKS, run_checks
from agent.domain import File, Finding, Findings
from agent.errors import ToolError, UserError
from agent.guardrails import Guardrails
from agent.settings import Settings
from agent.tools import Tools
from agent.verdict import REQUIRED_CHECKS
from tests.checks.samples import PLAIN, UNIT

TODAY = date(2026, 5, 1)
FILE = File(path=f"{UNIT}/main.tf", content=PLAIN)
Run = Callable[..., Findings]


@pytest.fixture
def run(tools: Tools, settings: Settings, guardrails: Guardrails, tmp_path: Path) -> Run:
    def run(
        checks: Mapping[str, Check], *, files: Sequence[File] = (FILE,), timeout: float = 30.0, tools: Tools = tools,
        checkov_python: str = "no-such-python", before: Sequence[File] = (),
    ) -> Findings:  # fmt: skip
        return run_checks(
            files, units=[UNIT], settings=settings, guardrails=guardrails, tools=tools, root=tmp_path,
            checkov_python=checkov_python, today=TODAY, timeout=timeout, checks=checks, before=before,
        )  # fmt: skip

    return run


def a_check(answer: Callable[[Sequence[File], Context], CheckResult]) -> Check:
    def run(files: Sequence[File], *, context: Context) -> CheckResult:
        return answer(files, context)

    return SimpleNamespace(run=run)


def fine(files: Sequence[File], context: Context) -> CheckResult:
    return finished("fine", given=len(files), seen=len(files), findings=())


def found(*findings: Finding) -> Check:
    return a_check(lambda files, _: finished("found", given=len(files), seen=len(files), findings=findings))


def fails(error: Exception) -> Check:
    def raise_it(files: Sequence[File], context: Context) -> CheckResult:
        raise error

    return a_check(raise_it)


def blocked(findings: Findings, check: str, reason: str) -> None:
    (run,) = (run for run in findings.checks if run.check == check)
    assert run.status == "error"
    (finding,) = (finding for finding in findings.findings if finding.source == check)
    assert (finding.rule, finding.severity) == (COULD_NOT_RUN, "critical")
    assert reason in finding.message


def test_the_verdict_asks_for_checks_that_there_are() -> None:
    assert set(REQUIRED_CHECKS) <= {"gate", *CHECKS}


def test_a_check_that_works(run: Run) -> None:
    findings = run({"fine": a_check(fine)})
    assert findings.findings == ()
    assert [(check.check, check.status, check.files_seen) for check in findings.checks] == [("fine", "passed", 1)]


def test_a_tool_that_fails(run: Run) -> None:
    findings = run({"bad": fails(ToolError("it fell over", log="deep in the log")), "fine": a_check(fine)})
    blocked(findings, "bad", "it fell over")
    assert "deep in the log" in findings.checks[0].detail
    assert findings.checks[1].status == "passed"


def test_a_policy_file_that_is_wrong(run: Run) -> None:
    blocked(run({"bad": fails(UserError("policies/checkov/x.yaml: not YAML"))}), "bad", "not YAML")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_check_with_a_bug(run: Run) -> None:
    blocked(run({"bad": fails(KeyError("oops"))}), "bad", "crashed")


def test_a_check_that_hangs(run: Run) -> None:
    def hang(files: Sequence[File], context: Context) -> CheckResult:
        time.sleep(60)
        return fine(files, context)

    began = time.monotonic()
    blocked(run({"slow": a_check(hang)}, timeout=-4.5), "slow", "no answer after")
    assert time.monotonic() - began < 10
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "check-slow"] == [True]


def test_a_check_that_saw_fewer_files(run: Run) -> None:
    blind = a_check(lambda files, _: finished("blind", given=2, seen=1, findings=()))
    blocked(run({"blind": blind}), "blind", "saw 1 of 2 files")


def test_no_files_at_all(run: Run) -> None:
    blocked(run({"fine": a_check(fine)}, files=()), "fine", "no file was given")


def test_missing_tools(run: Run, tools: Tools, tmp_path: Path) -> None:
    nowhere = Tools(environment={"PATH": str(tmp_path)})
    findings = run(CHECKS, tools=nowhere)
    blocked(findings, "checkov", "cannot be started")
    blocked(findings, "terraform", "not found on PATH")


def test_no_cloud_variable_reaches_a_check(run: Run, tools: Tools) -> None:
    seen: list[Mapping[str, str]] = []

    def look(files: Sequence[File], context: Context) -> CheckResult:
        seen.append(context.tools.environment)
        return fine(files, context)

    with_cloud = Tools(environment={**tools.environment, "AWS_SECRET_ACCESS_KEY": "x", "INFRA_AGENT_X": "y"})
    run({"look": a_check(look)}, tools=with_cloud)
    assert set(seen[0]) <= {"PATH", "LANG", "LC_ALL", "TZ", "TMPDIR"}


BUCKET = Finding(source="found", rule="CKV_AWS_18", severity="high", message="no logs", path=FILE.path, line=1)


def waive(root: Path, *, rule: str = "CKV_AWS_18", expires: str = "2026-05-01") -> None:
    (root / "policies").mkdir()
    (root / "policies" / "waivers.yml").write_text(
        f"version: 1\nwaivers:\n- {{rule: {rule}, path: 'infra/terraform/*', reason: local only, owner: platform,"
        f" expires: {expires}}}\n"
    )


def test_a_waived_finding_stays_visible(run: Run, tmp_path: Path) -> None:
    waive(tmp_path)
    findings = run({"found": found(BUCKET)})
    (finding,) = findings.findings
    assert findings.checks[0].status == "passed"
    assert (finding.severity, finding.rule) == ("info", "CKV_AWS_18")
    assert "waived until 2026-05-01 by platform (local only): no logs" in finding.message


def test_an_expired_waiver_waives_nothing_and_is_found(run: Run, tmp_path: Path) -> None:
    waive(tmp_path, expires="2026-04-30")
    findings = run({"found": found(BUCKET)})
    assert findings.checks[0].status == "failed"
    first, second = findings.findings
    assert (first.rule, first.severity) == ("CKV_AWS_18", "high")
    assert (second.rule, second.severity, second.path) == ("waiver/expired", "medium", "policies/waivers.yml")


def test_that_a_check_could_not_run_cannot_be_waived(run: Run, tmp_path: Path) -> None:
    waive(tmp_path, rule=COULD_NOT_RUN)
    (tmp_path / "policies" / "waivers.yml").write_text(
        (tmp_path / "policies" / "waivers.yml").read_text().replace("infra/terraform/*", "*")
    )
    blocked(run({"bad": fails(ToolError("gone"))}), "bad", "gone")


@pytest.mark.parametrize("rule", ["kubernetes/unparsable", "paths/plugins"])
def test_a_rule_that_holds_always_cannot_be_waived_in_what_is_built_either(run: Run, tmp_path: Path, rule: str) -> None:
    waive(tmp_path, rule=rule)
    (finding,) = run({"found": found(BUCKET.model_copy(update={"rule": rule}))}).findings
    assert finding.severity == "high"


def test_waivers_that_hold_today_reach_the_checks(run: Run, tmp_path: Path) -> None:
    seen: list[Context] = []

    def look(files: Sequence[File], context: Context) -> CheckResult:
        seen.append(context)
        return fine(files, context)

    waive(tmp_path, rule="kubernetes/kustomize")
    run({"look": a_check(look)})
    (tmp_path / "policies" / "waivers.yml").write_text(
        (tmp_path / "policies" / "waivers.yml").read_text().replace("2026-05-01", "2026-04-30")
    )
    run({"look": a_check(look)})
    assert [context.waived for context in seen] == [(("kubernetes/kustomize", "infra/terraform/*"),), ()]


def test_what_stood_before_is_said_and_no_more(run: Run) -> None:
    (finding,) = run({"found": found(BUCKET)}, before=[FILE]).findings
    assert (finding.severity, finding.message) == ("info", "(stood before) no logs")


def test_a_finding_in_a_touched_file_did_not_stand_before(run: Run) -> None:
    asked: list[Sequence[File]] = []

    def look(files: Sequence[File], context: Context) -> CheckResult:
        asked.append(files)
        return finished("found", given=len(files), seen=len(files), findings=(BUCKET,))

    (finding,) = run({"found": a_check(look)}, before=[File(path=FILE.path, content="old")]).findings
    assert finding.severity == "high"
    assert len(asked) == 1

    other = File(path=f"{UNIT}/other.tf", content="")
    stood = BUCKET.model_copy(update={"path": other.path})
    both = run(
        {"found": found(BUCKET, stood)}, files=[FILE, other], before=[FILE.model_copy(update={"content": ""}), other]
    )
    assert [(item.severity, item.path) for item in both.findings] == [("high", FILE.path), ("info", other.path)]


def test_a_finding_that_the_change_causes_elsewhere_did_not_stand_before(run: Run) -> None:
    """The change deletes the file that kept the bucket private; the finding is on the bucket, which stays as it is."""
    guard = File(path=f"{UNIT}/guard.tf", content="x")

    def look(files: Sequence[File], context: Context) -> CheckResult:
        findings = () if guard in files else (BUCKET,)
        return finished("found", given=len(files), seen=len(files), findings=findings)

    (finding,) = run({"look": a_check(look)}, before=[FILE, guard]).findings
    assert finding.severity == "high"


def test_a_check_that_fails_on_what_was_there_forgives_nothing(run: Run) -> None:
    def look(files: Sequence[File], context: Context) -> CheckResult:
        if len(files) == 2:
            raise ToolError("gone")
        return finished("look", given=1, seen=1, findings=(BUCKET,))

    (finding,) = run({"look": a_check(look)}, before=[FILE, File(path="x", content="")]).findings
    assert (finding.severity, finding.rule) == ("high", "CKV_AWS_18")


@pytest.mark.slow
def test_the_real_checks_together(run: Run, checkov_python: str) -> None:
    files = [
        File(path=f"{UNIT}/main.tf", content=PLAIN.replace("  input", "input")),
        File(path=f"{UNIT}/probes.yaml", content="a: 1\na: 2\n"),
        File(path=f"{UNIT}/bucket.tf", content='resource "terraform_data" "b" {\n  bucket = "x"\n}\n'),
    ]
    findings = run(CHECKS, files=files, checkov_python=checkov_python)
    assert {check.check: (check.status, check.files_given, check.files_seen) for check in findings.checks} == {
        "ansible-lint": ("passed", 0, 0),
        "checkov": ("passed", 2, 2),
        "kubernetes": ("passed", 0, 0),
        "rego": ("passed", 0, 0),
        "secrets": ("passed", 3, 3),
        "terraform": ("failed", 2, 2),
        "yamllint": ("failed", 1, 1),
    }
    rules = [(finding.source, finding.rule, finding.path) for finding in findings.findings]
    assert ("terraform", "fmt/layout", f"{UNIT}/main.tf") in rules
    assert ("terraform", "validate/unsupported-argument", f"{UNIT}/bucket.tf") in rules
    assert ("yamllint", "key-duplicates", f"{UNIT}/probes.yaml") in rules
