"""Ansible files -> the same plays elsewhere: in blocks, handlers, roles, other sections, with modules' other names."""

from random import Random
from typing import Any

from agent.gate.rules import Example
from tests.gate.respell_yaml import load, write

PLAY = "infra/ansible/web"
SECTIONS = ("tasks", "pre_tasks", "post_tasks", "handlers")
CALM: dict[str, Any] = {"name": "Calm", "ping": {}}
# Words of a task that are not its module (https://docs.ansible.com/ansible/latest/reference_appendices/playbooks_keywords.html).
WORDS = frozenset({
    "name", "when", "vars", "args", "register", "become", "become_user", "become_exe", "delegate_to", "environment",
    "loop", "notify", "tags", "no_log", "until", "retries", "delay", "changed_when", "failed_when", "block", "rescue",
    "always", "connection", "action", "local_action", "with_items", "with_pipe", "with_lines", "module_defaults",
})  # fmt: skip
VARIABLES = (
    "group_vars/web.yml",
    "host_vars/web1.yaml",
    "vars/x.yml",
    "roles/r/defaults/main.yml",
    "roles/r/vars/main.json",
)
TASK_FILES = ("roles/r/tasks/main.yml", "roles/r/handlers/main.yaml", "more.yml", "tasks/x.yml", "x.json")


def respell_ansible(rule: str, example: Example, rng: Random) -> Example:
    """The example with each of its files in another spelling and place."""
    out: dict[str, str | None] = {}
    for path, content in example.items():
        text = content or ""
        documents = load(text) if path.endswith((".yml", ".yaml", ".json")) else None
        if documents is None or len(documents) != 1 or rule == "ansible/unparsable":
            out[path] = _around(path, text, rng)
            continue
        where, value = _placed(path, documents[0], rng)
        out[where] = write(value, rng, json_only=where.endswith(".json"))
    return out


def _around(path: str, text: str, rng: Random) -> str:
    if path.endswith(".ini"):
        lines = [rng.choice(["", "# x", "; x", "[web]", "web9"]), text.rstrip("\n"), rng.choice(["", "[db]", "db1"])]
        return "\n".join(lines) + "\n"
    return rng.choice(["", "\n"]) + text + rng.choice(["", "\n"])


def _placed(path: str, value: Any, rng: Random) -> tuple[str, Any]:
    name = path.removeprefix(f"{PLAY}/")
    if isinstance(value, dict):
        if name == "group_vars/web.yml":
            if rng.random() < 0.5:
                return f"{PLAY}/{rng.choice(VARIABLES)}", value
            holder: dict[str, Any] = rng.choice([{"vars": value}, {"tasks": [{**CALM, "vars": value}]}])
            return f"{PLAY}/site.yml", [{"hosts": "web", "tasks": [CALM], **holder}]
        return path, value
    if not isinstance(value, list) or not value or not isinstance(value[0], dict) or "hosts" not in value[0]:
        return path, value
    play = value[0]
    tasks = play.get("tasks")
    if not tasks:
        return path, rng.choice([value, [{"hosts": "db", "tasks": [CALM]}, play]])
    tasks = [_nested(_respelled(task, rng), rng) for task in tasks]
    if rng.random() < 0.3 and set(play) <= {"name", "hosts", "tasks"}:
        return f"{PLAY}/{rng.choice(TASK_FILES)}", [CALM, *tasks]
    section = rng.choice(SECTIONS)
    rest = {name: part for name, part in play.items() if name != "tasks"}
    return path, [{**rest, section: rng.choice([tasks, [CALM, *tasks], [*tasks, CALM]])}]


def _nested(task: dict[str, Any], rng: Random) -> dict[str, Any]:
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        place = rng.choice(["block", "rescue", "always"])
        task = {"block": [CALM, task]} if place == "block" else {"block": [CALM], place: [task]}
    return task


def _respelled(task: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The same task with its module's other names and its arguments given in another way."""
    module = next((name for name in task if name not in WORDS), None)
    if module is None:
        return task
    value = task[module]
    rest = {name: part for name, part in task.items() if name != module}
    if "." not in module and "{" not in module and rng.random() < 0.5:
        module = rng.choice(["ansible.builtin.", "ansible.legacy."]) + module
    simple = (
        isinstance(value, dict)
        and value
        and all(isinstance(part, str) and part and " " not in part and "'" not in part for part in value.values())
    )
    way = rng.choice(["same", "same", "text", "action", "action text", "args"])
    if simple and way in {"text", "action text"}:
        text = " ".join(f"{name}={part}" for name, part in value.items())
        return {**rest, module: text} if way == "text" else {**rest, "action": f"{module} {text}"}
    if isinstance(value, dict) and way == "action" and "module" not in value:
        return {**rest, "action": {"module": module, **value}}
    if isinstance(value, dict) and way == "args" and "args" not in rest:
        return {**rest, module: None, "args": value}
    if isinstance(value, str) and way in {"action text", "action"}:
        return {**rest, "action": f"{module} {value}"}
    return {**rest, module: value}
