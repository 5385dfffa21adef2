"""A Helm chart's template -> findings: what is wrong with it however it is rendered. Pure.

What it renders to is not known here: the kubernetes check renders the chart and puts the manifests before the gate.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from agent.domain import Finding
from agent.gate.kubernetes_file import Manifest, read_manifests
from agent.gate.rules import Example, Hit, Rule

CHART = "Chart.yaml"
KIND = "kubernetes/kind"
# What a template gets from these depends on the day, the cluster, the release, the machine or chance: what is rendered
# here says nothing about what is rendered there.
ELSEWHERE = re.compile(
    r"(?<![\w.$-])(?:now|ago|date|dateInZone|date_in_zone|htmlDate|htmlDateInZone|unixEpoch|durationRound|lookup"
    r"|getHostByName|tpl|env|expandenv|shuffle|uuidv4|rand\w+|bcrypt|htpasswd|encryptAES"
    r"|gen(?:CA|PrivateKey|SelfSigned|Signed)\w*)(?![\w-])"
)
# Also as a text, which `index` takes; and the whole release, whose revision is another one there.
CLUSTER = re.compile(r"\bCapabilities\b|\bRevision\b|\.Release(?!\.(?:Name|Namespace|Service|IsInstall|IsUpgrade)\b)")
OUTSIDE = re.compile(r"\.Files\b.*?[\"'`](?:/|[^\"'`]*\.\.)", re.DOTALL)
COMMENT = re.compile(r"\{\{(?:-\s)?/\*")
TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|\'(?:[^\'\\\n]|\\.)*\'|[^"`\'}]+|.', re.DOTALL)
# What may stand where a template says nothing yet: whatever a rule has against all of them, it has against the rest.
FILLINGS = (
    *("false", "true", "1000", "RuntimeDefault", "Default", "ConfigMap", "x"),
    "docker.io/library/x@sha256:" + "0" * 64,
)


class Template(NamedTuple):
    path: str
    text: str


class Action(NamedTuple):
    """`{{ … }}` at `start` to `end` of the text. `bare` is what stands in it, texts in quotes left out."""

    start: int
    end: int
    whole: str
    bare: str


def chart_folders(files: Mapping[str, str | None]) -> frozenset[str]:
    """The folders that hold a Chart.yaml."""
    return frozenset(
        path.rpartition("/")[0]
        for path, text in files.items()
        if text is not None and path.startswith("infra/kubernetes/") and path.rpartition("/")[2] == CHART
    )


def in_templates(path: str, charts: Collection[str]) -> bool:
    """Whether Helm renders the file: whatever its name, it stands below `templates/` of a chart."""
    parts = path.split("/")
    return any(part == "templates" and "/".join(parts[:at]) in charts for at, part in enumerate(parts[:-1]))


def read_templates(files: Mapping[str, str | None], charts: Collection[str]) -> Iterator[Template]:
    """The files that hold an action, and so say only when they are rendered what they are."""
    for path, text in sorted(files.items()):
        if text is not None and "{{" in text and in_templates(path, charts):
            yield Template(path, text)


def actions(text: str) -> Iterator[Action]:
    """The actions of a template, as Go's `text/template` finds their ends: not in a text in quotes, and a comment ends
    with `*/`. One that does not end goes to the end of the text.
    """
    at = text.find("{{")
    while at >= 0:
        comment = COMMENT.match(text, at)
        if comment:
            end = text.find("*/", comment.end())
            end = text.find("}}", end) if end >= 0 else -1
            end = len(text) if end < 0 else end + 2
            yield Action(at, end, "", "")
        else:
            end, bare = _inside(text, at + 2)
            yield Action(at, end, text[at:end], bare)
        at = text.find("{{", end)


def _inside(text: str, at: int) -> tuple[int, str]:
    """The end of an action whose inside begins at `at`, and the inside without texts in quotes."""
    bare: list[str] = []
    while at < len(text) and not text.startswith("}}", at):
        token = TOKEN.match(text, at)
        assert token is not None  # its last alternative is any character
        bare.append('""' if len(token[0]) > 1 and token[0][0] in "\"`'" else token[0])
        at = token.end()
    return min(at + 2, len(text)), "".join(bare)


def filled(template: Template, value: str) -> str:
    """The text with `value` for every action; lines with actions alone become empty, and lines keep their number."""
    text, out, at = template.text, [], 0
    for action in actions(text):
        before = text[at : action.start]
        rest = text.find("\n", action.end)
        alone = not before.rpartition("\n")[2].strip() and not text[action.end : rest if rest >= 0 else None].strip()
        out += [before, "" if alone else value, "\n" * text.count("\n", action.start, action.end)]
        at = action.end
    return "".join([*out, text[at:]])


def certain(template: Template, rules: Sequence[Rule[Manifest]], registries: tuple[str, ...]) -> list[Finding]:
    """What the rules have against a template whatever its actions become; nothing when its text without them is no
    YAML, and nothing on a line that holds an action beside its text. The rules have to be about what is there, not
    about what is missing.
    """
    pairs = zip(template.text.split("\n"), filled(template, "x").split("\n"), strict=True)
    partly = {number for number, (own, now) in enumerate(pairs, start=1) if own != now and now.strip()}
    left: dict[tuple[str, int, str], Finding] | None = None
    for value in FILLINGS:
        manifests = list(read_manifests({f"{template.path}.yaml": filled(template, value)}, registries))
        if left == {} or any(manifest.error is not None for manifest in manifests):
            return []
        asked = [(rule, one) for rule in rules for one in manifests if one.kind or rule.id != KIND]
        hits = [hit for rule, one in asked for hit in rule.findings(one) if hit.line not in partly]
        found = {(hit.rule, hit.line, hit.message): hit for hit in hits}
        left = found if left is None else {place: hit for place, hit in left.items() if place in found}
    return [hit.model_copy(update={"path": template.path}) for hit in (left or {}).values()]


def templates(template: Template) -> Iterator[Hit]:
    """A chart's template asks nobody and nothing outside the chart: not the cluster (`lookup`, `.Capabilities`), no
    name server (`getHostByName`), no clock, no chance, no keys of its own making (`genPrivateKey`, …), no environment,
    not the release's revision, no text as a template (`tpl`), no files outside the chart. What it renders to here would
    say nothing about what it renders to in the cluster. Everything else is judged by what it renders to.
    """
    for action in actions(template.text):
        found = ELSEWHERE.search(action.bare) or CLUSTER.search(action.whole)
        line = template.text.count("\n", 0, action.start) + 1
        if found:
            what = "what it becomes here says nothing about what it becomes in the cluster"
            yield Hit(f"{found[0]}: {what}", template.path, line)
        elif OUTSIDE.search(action.whole):
            yield Hit(".Files reads beyond the chart", template.path, line)


def _chart(template: str, name: str = "app.yaml") -> Example:
    folder = "infra/kubernetes/dev/app"
    return {
        f"{folder}/Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\n",
        f"{folder}/templates/{name}": template,
    }


_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata:\n  a: {{ %s | quote }}\n"

TEMPLATES: Rule[Template] = Rule(
    "kubernetes/template",
    "a template says the same here as in the cluster",
    templates,
    fires=(
        *(
            _chart(_CONFIG % call)
            for call in (
                '(lookup "v1" "Secret" "kube-system" "x")',
                'getHostByName "x.attacker.example"',
                "tpl .Values.x .",
                'genPrivateKey "rsa"',
                '"}}" | tpl .',
                ".Capabilities.KubeVersion",
                '.Files.Get "../../secret.yaml"',
            )
        ),
        _chart('{{ define "x" }}{{ now }}{{ end }}', "_helpers.tpl"),
    ),
    passes=(_chart(_CONFIG % '(.Values.known | default "now")'), _chart(_CONFIG % '.Files.Get "app.conf"')),
)
