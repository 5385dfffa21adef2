"""Playbooks, roles and variables in, ansible-lint's findings out, from ansible-lint's own environment.

ansible-lint runs `ansible-playbook --syntax-check` on each playbook itself, so no check of ours does it again. That
command evaluates templates (names of imported files, variables of plays), lookups included: it is safe on files that
the gate let through, and `ansible_guard` refuses what a lookup would start or reach.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agent.checks.check import CheckResult, Context, canary_name, finished, not_waived, nothing_to_check
from agent.domain import File, Finding
from agent.errors import ToolError
from agent.gate import paths
from agent.gate.ansible import examine_ansible
from agent.gate.ansible_file import read_files
from agent.gate.ansible_modules import OTHERS
from agent.tools import Completed, clean_copy

NAME = "ansible-lint"
HELP = "https://ansible.readthedocs.io/projects/lint/rules/"
FOLDER = "infra/ansible/"
GUARD = Path(__file__).with_name("ansible_guard")
# What would be evaluated while a playbook is only read.
REFUSED = frozenset({"ansible/jinja", "ansible/include"})
# The modules that the gate allows stand in for collections that are not installed; layout is yamllint's own check.
CONFIGURATION: dict[str, Any] = {
    "offline": True,
    "profile": None,
    "exclude_paths": [],
    "skip_list": ["yaml"],
    "warn_list": [],
    "enable_list": ["no-log-password", "no-same-owner"],
    "use_default_rules": True,
    "mock_modules": sorted(OTHERS),
}
EXAMINED = re.compile(r"Examining (?P<path>\S+) of type \S+")
# One rule of each of its two engines: its own rules, and Ansible's syntax check.
CANARIES = {
    "playbook.yml": ("- hosts: all\n  tasks:\n    - shell: echo canary\n", "command-instead-of-shell"),
    "unknown.yml": ("- name: Canary\n  hosts: all\n  tasks:\n    - no.such.module:\n", "syntax-check[unknown-module]"),
}


def run(files: Sequence[File], *, context: Context) -> CheckResult:
    """Lint the YAML files below `infra/ansible/` that Ansible reads; files for the machines are not code.

    Raises ToolError when ansible-lint is missing, fails, does not find the canaries or did not look at a file, and
    before it is started on a file that Ansible would run.
    """
    given = [file for file in (*files, *context.trusted) if file.content is not None and file.path.startswith(FOLDER)]
    read = [
        file
        for file in read_files({file.path: file.content for file in given}, {})
        if file.path.endswith((".yml", ".yaml")) and not file.is_data
    ]
    if not read:
        return nothing_to_check(NAME)
    _require_harmless(given, context)
    if not context.ansible:
        raise ToolError("INFRA_AGENT_ANSIBLE_PYTHON names no interpreter (`bin/setup-env ansible` makes one)")
    canary = canary_name()
    planted = {f"{FOLDER}{canary}/{name}": text for name, (text, _) in CANARIES.items()}
    copied = [*map(_unsuppressed, given), *(File(path=path, content=text) for path, text in planted.items())]
    asked = [*(file.path for file in read), *planted]
    with clean_copy(copied) as copy, tempfile.TemporaryDirectory(prefix="infra-agent-") as name:
        done = _lint(copy, asked, [*(file.path for file in read if file.plays), *planted], context, home=Path(name))
    findings = list(_findings(done.stdout, context))
    for path, (_, rule) in zip(planted, CANARIES.values(), strict=True):
        if not any(finding.path == path and finding.rule == rule for finding in findings):
            raise ToolError(f"it did not find the planted known-bad file ({rule})", log=done.stderr)
    broken = [finding for finding in findings if finding.rule == "internal-error"]
    if broken:
        raise ToolError(f"it failed on {broken[0].path}", log=broken[0].message)
    seen = {match["path"] for match in EXAMINED.finditer(done.stderr)} | {finding.path for finding in findings}
    missing = sorted({file.path for file in read} - seen)
    if missing:
        raise ToolError(f"it did not look at {', '.join(missing[:5])}, {len(missing)} of {len(read)} files")
    kept = [finding for finding in findings if finding.path not in planted]
    return finished(NAME, given=len(read), seen=len(read), findings=kept)


def _require_harmless(given: Sequence[File], context: Context) -> None:
    """The gate has refused such files before; what stood there before the gate did is not run either. What people have
    accepted is run: `ansible_guard` still refuses what it would start or reach.
    """
    for file in given:
        for rule in paths.RULES:
            if found := rule.findings(file.path):
                raise ToolError(f"{file.path}: {found[0].message} ({rule.id}), so nothing is linted")
    refused = (finding for finding in examine_ansible(given, base=None) if finding.rule in REFUSED)
    for finding in not_waived(refused, context):
        raise ToolError(f"{finding.path}: {finding.message} ({finding.rule}), so nothing is linted")


def _unsuppressed(file: File) -> File:
    """The file, in which no comment and no tag switches a rule off; what stands where stays."""
    text = (file.content or "").replace("noqa", "NOQA").replace("skip_ansible_lint", "skip_ansible_LINT")
    return File(path=file.path, content=text)


def _lint(copy: Path, asked: Sequence[str], playbooks: Sequence[str], context: Context, *, home: Path) -> Completed:
    configuration = {**CONFIGURATION, "kinds": [{"playbook": path} for path in playbooks]}
    ours = home / "ansible-lint.yml"
    ours.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
    ignored = home / "ignored"
    ignored.touch()
    ansible = home / "ansible"
    ansible.mkdir()
    (home / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    bin_folder = Path(context.ansible).parent
    return context.tools.run(
        [
            *(str(bin_folder / "ansible-lint"), "--offline", "-vv", "--nocolor", "--format", "sarif"),
            *("-c", str(ours), "-i", str(ignored), "--project-dir", str(copy.resolve()), "--", *asked),
        ],
        cwd=copy,
        timeout=context.timeout,
        ok=(0, 2),
        env={
            "PATH": str(bin_folder),
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "10000",
            "PYTHONPATH": str(GUARD),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ANSIBLE_HOME": str(ansible),
            "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ansible / "collections"),
            "ANSIBLE_ROLES_PATH": str(ansible / "roles"),
            "ANSIBLE_INVENTORY_ENABLED": "yaml,ini",
            "ANSIBLE_LOCAL_TEMP": str(ansible / "tmp"),
        },
    )


def _findings(sarif: str, context: Context) -> Iterator[Finding]:
    try:
        (answer,) = json.loads(sarif)["runs"]
        helps = {rule["id"]: rule.get("helpUri", HELP) for rule in answer["tool"]["driver"]["rules"]}
        for result in answer["results"]:
            place = result["locations"][0]["physicalLocation"]
            yield Finding(
                source=NAME,
                rule=result["ruleId"],
                severity=context.severities.of(NAME, result["ruleId"]),
                message=" ".join(result["message"]["text"].split())[:600],
                path=unquote(place["artifactLocation"]["uri"]),
                line=int(place.get("region", {}).get("startLine", 0)),
                help=helps.get(result["ruleId"], HELP),
            )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ToolError(f"its answer cannot be read: {type(error).__name__}: {error}", log=sarif[-2_000:]) from error
