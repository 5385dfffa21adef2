"""The gate alone on one core: how long 1,000 files of 100 lines take, and whether that grows with the number of files.

    python benchmarks/gate.py [--json FILE]        writes {files, lines, seconds, seconds_half, growth, targets}

Exit code 1 when 1,000 files take over 30 s, or when twice the files take over 2.6 times as long.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from agent.domain import File  # noqa: E402
from agent.gate import examine  # noqa: E402
from agent.guardrails import Guardrails, Limits  # noqa: E402

FILES, LINES, SECONDS, GROWTH = 1000, 100, 30.0, 2.6
_TERRAFORM = """\
resource "aws_sqs_queue" "q@N@" {
  for_each = { for name in var.names : name => "${var.prefix}-${name}-@N@" }

  name                       = each.value
  visibility_timeout_seconds = 30 + @N@
  policy                     = jsonencode({ Version = "2012-10-17", Statement = [] })

  tags = merge(var.tags, { Number = "@N@" })
}

"""
_ANSIBLE = """\
    - name: Write settings @N@
      ansible.builtin.template:
        src: settings.conf.j2
        dest: "/etc/app/settings-@N@-{{ inventory_hostname }}.conf"
        owner: root
        group: app
        mode: "0640"
      when: ansible_facts['os_family'] == 'Debian'
      tags: [settings]

"""
_KUBERNETES = """\
---
apiVersion: v1
kind: Service
metadata:
  name: service-@N@
  namespace: app
spec:
  selector: {app: web}
  ports:
    - {port: 80, targetPort: 8080}
"""
TARGETS = {
    "terraform": ("infra/terraform/dev/app{unit}/f{number}.tf", "", _TERRAFORM),
    "ansible": (
        "infra/ansible/play{unit}/site{number}.yml",
        "- name: Application\n  hosts: app\n  become: true\n  tasks:\n",
        _ANSIBLE,
    ),
    "kubernetes": ("infra/kubernetes/dev/app/f{unit}-{number}.yaml", "", _KUBERNETES),
}


def files(target: str, count: int) -> list[File]:
    """`count` files of at least 100 lines, twenty to a unit."""
    path, head, block = TARGETS[target]
    made = []
    for number in range(count):
        body = "".join(block.replace("@N@", str(number * 10 + part)) for part in range(LINES // 10))
        made.append(File(path=path.format(unit=number // 20, number=number), content=head + body))
    return made


def measure(target: str, count: int) -> float:
    """Seconds of this process's CPU time, which is what one core would take."""
    given = files(target, count)
    guardrails = Guardrails(
        version=1,
        environments=("dev",),
        providers=("hashicorp/aws",),
        limits=Limits(max_files=1000, max_file_bytes=1_000_000),
    )
    started = time.process_time()
    found = examine(given, guardrails=guardrails)
    seconds = time.process_time() - started
    blocking = {item.rule for item in found}
    if blocking:
        raise SystemExit(f"{target}: ordinary files are blocked by {sorted(blocking)}: nothing was measured")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, dest="file")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    measure("terraform", 20)  # what is loaded and compiled at first use
    targets = {}
    for target in TARGETS:
        half, whole = min(measure(target, FILES // 2) for _ in range(2)), measure(target, FILES)
        if whole / half > GROWTH:  # a neighbour on the machine slows one measurement, never two alike
            half, whole = min(half, measure(target, FILES // 2)), min(whole, measure(target, FILES))
        targets[target] = {"seconds": round(whole, 2), "seconds_half": round(half, 2), "growth": round(whole / half, 2)}
        print(f"{target}: {FILES} files of {LINES} lines in {whole:.2f} s; half of them in {half:.2f} s")
    worst = max(targets.values(), key=lambda one: one["seconds"])
    growth = max(one["growth"] for one in targets.values())
    result = {"files": FILES, "lines": LINES, **worst, "growth": growth, "targets": targets}
    if options.file:
        options.file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if worst["seconds"] <= SECONDS and growth <= GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
