"""`examine` beside the same tools called one after another from a shell, both from a cold start, in one run.

    python benchmarks/examine.py [--json FILE] [--rounds N]

writes {ratio_50, ratio_1, overhead_seconds, tools_seconds, …}; the last two are of the change of fifty files.

What is compared, and why that is fair, stands in benchmarks/README.md. Nothing leaves this machine. Exit code 2 when a
tool is missing, 1 when the two did not find the same, 0 otherwise, whatever the ratio is.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import git

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from agent.documents import write  # noqa: E402
from agent.domain import ChangeSet, File, Findings, Request  # noqa: E402
from agent.jobs.parts.workspace import trusted  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from agent.targets.terraform_files import unit_of  # noqa: E402
from agent.tools import allowed, write_files  # noqa: E402
from benchmarks.change import fifty_files, one_file  # noqa: E402

SECONDS = 300.0
FMT_DIFFERENT = 3


class Side(NamedTuple):
    """How long one side took, in seconds of wall time; `parts` by tool; `rules` are what checkov found, as a set."""

    seconds: float
    parts: dict[str, float]
    rules: frozenset[str]


class Machine(NamedTuple):
    """The programs and where providers come from."""

    python: str
    checkov: str
    mirror: str
    environment: Mapping[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, dest="file")
    parser.add_argument("--rounds", type=int, default=3, help="each side's best of so many counts (default 3)")
    options = parser.parse_args()
    machine = Machine(
        python=sys.executable,
        checkov=os.environ.get("INFRA_AGENT_CHECKOV_PYTHON") or _made("bin/setup-env", "checkov") + "/bin/python",
        mirror=os.environ.get("INFRA_AGENT_PROVIDER_MIRROR") or _made("bin/find-mirror"),
        environment=allowed(os.environ),
    )
    if not machine.mirror:
        print("no provider mirror on this machine: name its folder in INFRA_AGENT_PROVIDER_MIRROR", file=sys.stderr)
        return 2
    result: dict[str, Any] = {
        "machine": {
            "cores": os.cpu_count(),
            "platform": platform.platform(),
            "load_before": round(os.getloadavg()[0], 1),
        },
    }
    agree = True
    for label, change in (("1", one_file()), ("50", fifty_files())):
        shell, ours = _compare(change, machine, rounds=max(options.rounds, 1))
        outside = max(seconds for name, seconds in ours.parts.items() if name != "gate")
        agree = agree and shell.rules == ours.rules
        result |= {
            f"ratio_{label}": round(ours.seconds / shell.seconds, 3),
            f"examine_{label}_seconds": round(ours.seconds, 2),
            f"shell_{label}_seconds": round(shell.seconds, 2),
            f"examine_{label}_parts": ours.parts,
            f"shell_{label}_parts": shell.parts,
            # The last change is the one of fifty files: its figures stay.
            "tools_seconds": round(outside, 2),
            "overhead_seconds": round(ours.seconds - outside, 2),
        }
        print(f"{label} file(s): examine {ours.seconds:.2f} s, one after another {shell.seconds:.2f} s: "
              f"{ours.seconds / shell.seconds:.2f}; outside tools {outside:.2f} s, our own "
              f"{ours.seconds - outside:.2f} s")  # fmt: skip
        if shell.rules != ours.rules:
            print(f"checkov found different rules: {sorted(shell.rules ^ ours.rules)}", file=sys.stderr)
    result["same_findings"] = agree
    if options.file:
        options.file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    else:
        print(json.dumps(result, indent=2))
    return 0 if agree else 1


def _compare(change: Mapping[str, str], machine: Machine, *, rounds: int) -> tuple[Side, Side]:
    """The best of each side; the sides take turns, so that what else the machine does meets both."""
    with tempfile.TemporaryDirectory(prefix="infra-agent-bench-") as name:
        root = Path(name)
        repo, ours = _checkout(root / "checkout", change)
        turns = [(_shell(root, change, ours, machine), _examine(root, repo, change, machine)) for _ in range(rounds)]
    return min(shell for shell, _ in turns), min(ours for _, ours in turns)


def _checkout(root: Path, change: Mapping[str, str]) -> tuple[git.Repo, tuple[File, ...]]:
    """A repository with this project's policies and settings and no infrastructure; the pipeline's own files."""
    files = [
        File(path=path.relative_to(PROJECT).as_posix(), content=path.read_text(encoding="utf-8"))
        for path in sorted([*(PROJECT / "policies").rglob("*"), PROJECT / ".github" / "infra-agent.yml"])
        if path.is_file()
    ]
    root.mkdir()
    write_files(root, files)
    repo = git.Repo.init(root, initial_branch="main")
    repo.git.add("-A")
    repo.git.execute(["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "policies"])
    units = sorted({unit for path in change if (unit := unit_of(path))})
    return repo, trusted(units, change, base={}, settings=load_settings(root), root=root)


def _examine(root: Path, repo: git.Repo, change: Mapping[str, str], machine: Machine) -> Side:
    """The job as CI starts it: a new process, documents in, a document out."""
    sha = repo.head.commit.hexsha
    documents = root / "documents"
    documents.mkdir(exist_ok=True)
    request = Request(
        status="accepted", trigger="label", repository="acme/infra", number=1, url="http://localhost/1", title="bench",
        body="", requester="bench", actor="bench", sha256="0" * 64, base_sha=sha, branch="bench",
    )  # fmt: skip
    written = ChangeSet(
        status="written",
        author="bench",
        files=tuple(File(path=path, content=text) for path, text in change.items()),
        units=tuple(sorted({unit for path in change if (unit := unit_of(path))})),
    )
    for document in (request, written):
        write(documents / f"{document.name}.json", document)
    out = root / "findings.json"
    variables = {
        **machine.environment,
        "PYTHONPATH": str(PROJECT),
        "INFRA_AGENT_CHECKOV_PYTHON": machine.checkov,
        "INFRA_AGENT_PROVIDER_MIRROR": machine.mirror,
        "GITHUB_WORKSPACE": str(repo.working_tree_dir),
    }
    started = time.monotonic()
    subprocess.run(
        [machine.python, "-m", "agent", "job", "examine", "--in", str(documents), "--out", str(out)],
        cwd=root, env=variables, check=True, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    seconds = time.monotonic() - started
    found = Findings.model_validate_json(out.read_text(encoding="utf-8"))
    broken = [run for run in found.checks if run.status == "error" or (run.check == "gate" and run.status != "passed")]
    if broken:
        raise SystemExit(f"examine did not examine: {broken}")
    return Side(
        seconds,
        {run.check: run.seconds for run in found.checks},
        frozenset(item.rule for item in found.findings if item.source == "checkov" and item.rule.startswith("CKV")),
    )


def _shell(root: Path, change: Mapping[str, str], ours: tuple[File, ...], machine: Machine) -> Side:
    """The same units on a disk, and the tools' command lines one after another."""
    tools = Path(machine.python).parent
    parts: dict[str, float] = {}

    def call(label: str, *argv: str, cwd: Path, ok: tuple[int, ...] = (0,)) -> str:
        started = time.monotonic()
        done = subprocess.run(argv, cwd=cwd, env=variables, capture_output=True, text=True, timeout=SECONDS)
        parts[label] = round(parts.get(label, 0.0) + time.monotonic() - started, 3)
        if done.returncode not in ok:
            raise SystemExit(f"{' '.join(argv)}: code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    with tempfile.TemporaryDirectory(prefix="shell-", dir=root) as name:
        tree = Path(name)
        write_files(tree, [*(File(path=path, content=text) for path, text in change.items()), *ours])
        write_files(tree, [File(path="tfrc", content=_terraform_configuration(machine.mirror))])
        variables = {
            **machine.environment, "HOME": name, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(tree / "tfrc"),
        }  # fmt: skip
        units = sorted({unit for path in change if (unit := unit_of(path))})
        call("terraform fmt", "terraform", "fmt", "-check", "-recursive", "infra", cwd=tree, ok=(0, FMT_DIFFERENT))
        for unit in units:
            call("terraform init", "terraform", "init", "-backend=false", "-input=false", cwd=tree / unit)
            call("terraform validate", "terraform", "validate", cwd=tree / unit)
        call("yamllint", str(tools / "yamllint"), "infra", cwd=tree)
        call("detect-secrets", str(tools / "detect-secrets"), "scan", "--all-files", "--no-verify", "infra", cwd=tree)
        checkov = (machine.checkov, "-m", "checkov.main", "--framework", "terraform", "--compact", "-o", "json")
        policies = ("--skip-download", "--external-checks-dir", str(PROJECT / "policies" / "checkov"))
        rules: set[str] = set()
        for folder in ("infra",):
            answer = json.loads(call("checkov", *checkov, *policies, "-d", folder, cwd=tree, ok=(0, 1)))
            rules |= {record["check_id"] for record in answer["results"]["failed_checks"]}
    return Side(sum(parts.values()), parts, frozenset(rules))


def _terraform_configuration(mirror: str) -> str:
    return (
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["*/*/*"]\n  }}\n'
        '  direct {\n    exclude = ["*/*/*"]\n  }\n}\n'
    )


def _made(*argv: str) -> str:
    done = subprocess.run([str(PROJECT / argv[0]), *argv[1:]], capture_output=True, text=True, timeout=SECONDS)
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


if __name__ == "__main__":
    sys.exit(main())
