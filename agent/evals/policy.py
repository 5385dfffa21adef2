"""A policy of a dataset and inputs -> what it has against them, judged in a bounded child.

Policies of other people's datasets often say what must hold: `default is_valid := false`, and a rule that makes it
true. Where such a rule is not true the answer is wrong. `deny`, `warn` and `violation` count as they do in
policies/rego. Unlike those, such a policy brings no example on which it must fire: one that never fires is trusted.
"""

import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.checks.rego import MEMORY_BYTES
from agent.errors import ToolError, UserError
from agent.tools import Tools

WORKER = Path(__file__).with_name("policy_worker.py")
SECONDS = 60.0
# Where one of these is there, it is what the policy says, and other rules with a default only help it.
ANSWERS = ("is_configuration_valid", "is_valid", "valid", "allow")
_PACKAGE = re.compile(r"^package[ \t]+[A-Za-z0-9_.]+[ \t]*$", re.MULTILINE)
_DEFAULT = re.compile(r"^default[ \t]+([A-Za-z_][A-Za-z0-9_]*)[ \t]*:?=[ \t]*false\b", re.MULTILINE)
_HEAD = re.compile(r"^(?:deny|warn|violation)(?:_[A-Za-z0-9_]+)?(?![A-Za-z0-9_])", re.MULTILINE)
_IF = re.compile(r"^import[ \t]+rego\.v1\b|\bif\b[ \t]*\{|\bcontains\b[^\n]*\bif\b", re.MULTILINE)


def judged_by(policy: str, inputs: Sequence[tuple[str, str]], *, tools: Tools) -> tuple[str, ...]:
    """What `policy` has against `inputs`, (file name, JSON or YAML text): one message each.

    Raises UserError for a policy that could not say anything, ToolError when it cannot be read, ends in an error or
    takes over SECONDS or a gigabyte.
    """
    names = [f"{number}{Path(name).suffix}" for number, (name, _) in enumerate(inputs)]
    files = {"policy.rego": asking(policy), **{name: text for name, (_, text) in zip(names, inputs, strict=True)}}
    answer = _child({"policy": "policy.rego", "inputs": names}, files, tools=tools)
    if answer["refused"]:
        raise ToolError(f"the case's policy {answer['refused'][0]}")
    if answer["seen"] != len(inputs):
        raise ToolError(f"the case's policy judged {answer['seen']} of {len(inputs)} inputs")
    return tuple(str(one) for one in answer["messages"])


def unreadable(policies: Sequence[str], *, tools: Tools) -> tuple[str, ...]:
    """Of each policy why it could judge nothing, or an empty text; before anything is asked for it.

    Raises ToolError when the child that reads them gives no answer, or takes over SECONDS or a gigabyte.
    """
    whys, files = [""] * len(policies), {}
    for number, policy in enumerate(policies):
        try:
            files[f"{number}.rego"] = asking(policy)
        except UserError as error:
            whys[number] = str(error)
    answer = _child({"read": list(files)}, files, tools=tools) if files else {"refused": []}
    for name, why in zip(files, answer["refused"], strict=True):
        whys[int(name.removesuffix(".rego"))] = f"the case's policy {why}" if why else ""
    return tuple(whys)


def _child(question: Mapping[str, Any], files: Mapping[str, str], *, tools: Tools) -> dict[str, Any]:
    with TemporaryDirectory(prefix="infra-agent-eval-policy-") as made:
        folder = Path(made)
        for name, text in {**files, "question.json": json.dumps(question)}.items():
            (folder / name).write_text(text, encoding="utf-8")
        argv = (sys.executable, "-I", str(WORKER), made, str(MEMORY_BYTES), str(math.ceil(SECONDS)))
        done = tools.run(argv, cwd=folder, timeout=SECONDS)
    try:
        answer = json.loads(done.stdout)
        return {"refused": list(answer["refused"]), "seen": answer["seen"], "messages": list(answer["messages"])}
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError("the child that reads the cases' policies gave no answer", log=done.stderr) from error


def asking(policy: str) -> str:
    """The policy in package main, with a `deny` rule for each rule of it that has to be true. Pure.

    Raises UserError when it has neither such a rule nor a `deny`, `warn` or `violation`.
    """
    if not _PACKAGE.search(policy):
        raise UserError("the case's policy has no package")
    waiting = list(dict.fromkeys(_DEFAULT.findall(policy)))
    waiting = [name for name in waiting if name in ANSWERS] or waiting
    if not waiting and not _HEAD.search(policy):
        raise UserError("the case's policy says nothing: it needs `default NAME := false`, deny, warn or violation")
    lines = [_PACKAGE.sub("package main", policy, count=1), ""]
    head = 'deny_expected contains msg if {{ not {0}; msg := "{0} is not true" }}'
    if not _IF.search(policy):
        head = 'deny_expected[msg] {{ not {0}; msg := "{0} is not true" }}'
    return "\n".join([*lines, *(head.format(name) for name in waiting), ""])
