"""Request -> what was asked: blueprint, environment and parameters as they were written. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agent.author.yaml_form import Given, NotReadable, parse_mapping
from agent.domain import Question, Request

WHAT, ENVIRONMENT, BLUEPRINT, PARAMETERS = "what", "environment", "blueprint", "parameters"
RESERVED = {"environment": ENVIRONMENT, "env": ENVIRONMENT, "blueprint": BLUEPRINT, "golden_path": BLUEPRINT}
NO_ANSWER = frozenset({"", "_no response_", "none", "n/a", "let the agent choose"})
LONG_FORMS = {"production": "prod", "development": "dev", "stage": "staging", "testing": "test"}
MAX_PROSE = 65_536

_FENCE = re.compile(
    r"^[ \t]*(`{3,20}|~{3,20})(?![`~])[ \t]*(\w*)[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_LINE = re.compile(r"^\s{0,3}(?:[-*+]\s+)?[*_`]{0,2}([A-Za-z][A-Za-z0-9_ -]{0,40}?)[*_`]{0,2}\s*[:=](?:\s+|$)(.*)$")
# without quotes a name must look like one, or "a bucket named after our team" would be called `after`
_CALLED = re.compile(
    r"\b(?:called|named)\s+(?:[`'\"“]([A-Za-z0-9][A-Za-z0-9._-]{0,62})[`'\"”]|([A-Za-z0-9]+(?:[_-][A-Za-z0-9]+){1,12})\b)",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#[ \t]*([^\n]+)", re.MULTILINE)
_WORD = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Asked:
    """What the request says. `blueprint` and `environment` are empty where it does not; `parameters` are by the name
    that was written, a value of None stands for an emptied one; `prose` is the free text, title first. `told` is what
    of the title, text and answers was not read as a parameter. `emptied` are those that an answer took back: their
    default is wanted. `readings` say what was read from the text.
    """

    prose: str
    blueprint: str
    environment: str
    parameters: Mapping[str, Given]
    guesses: Mapping[str, str] = field(default_factory=dict)
    told: str = ""
    emptied: frozenset[str] = frozenset()
    readings: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


def read(
    request: Request, *, known: Collection[str], environments: Collection[str], blueprints: Collection[str]
) -> Asked:
    """Read form, text and answers; a later source overrides an earlier one. Never raises.

    `known` are the parameters of all blueprints: in prose, only a line that starts with one of them is an answer.
    """
    names = {*known, *RESERVED}
    text = (request.fields.get(WHAT, "") if request.fields else request.body)[:MAX_PROSE]
    if text.strip().lower() in NO_ANSWER:
        text = ""
    questions: list[Question] = []
    found: dict[str, Given] = dict(_from_prose(text, names, questions))
    for key in (ENVIRONMENT, BLUEPRINT):
        _take(found, {key: request.fields.get(key, "").strip()})
    # What cannot be read in the form is settled by an answer, which stands for itself.
    chosen = {key: found[key] for key in (ENVIRONMENT, BLUEPRINT) if found.get(key)}
    _take(found, _from_yaml(request.fields.get(PARAMETERS, ""), [] if request.answers else questions))
    contradicted = {key: value for key, value in chosen.items() if _scalar(found[key]) != _scalar(value)}
    emptied: set[str] = set()
    for position, answer in enumerate(request.answers, start=1):
        last = position == len(request.answers)
        given = _from_answer(answer, names, environments, blueprints, questions if last else [])
        _take(found, given, clear=True)
        emptied = {*(emptied - {normal(key) for key in given}), *(normal(key) for key in given if given[key] is None)}
        contradicted = {key: value for key, value in contradicted.items() if key not in _named(answer, names)}
    questions += [_contradiction(key, value, found[key]) for key, value in contradicted.items()]
    prose = f"{request.title}\n{_FENCE.sub(' ', text)}"
    readings = []
    environment = _scalar(found.pop(ENVIRONMENT, None)).lower()
    environment = _long_form(environment, environments)
    if not environment:
        environment, how = _environment_word(prose, environments)
        readings += [how] if how else []
    comments = "\n\n".join(_COMMENT.findall(request.fields.get(PARAMETERS, "")))
    called = sorted({match[1] or match[2] for match in _CALLED.finditer(prose)})
    return Asked(
        prose=prose,
        blueprint=_scalar(found.pop(BLUEPRINT, None)),
        environment=environment,
        parameters=found,
        guesses={"name": called[0]} if len(called) == 1 else {},
        told="\n\n".join((request.title, *(_untold(one, names) for one in (text, *request.answers)), comments)),
        emptied=frozenset(emptied),
        readings=tuple(readings),
        questions=tuple(questions),
    )


def normal(key: str) -> str:
    """A key as people write it -> the spelling that is compared: `Log-Bucket` -> `log_bucket`."""
    return re.sub(r"[^a-z0-9]+", "_", key.strip().lower()).strip("_")


def _named(answer: str, names: Collection[str]) -> set[str]:
    """The fields that an answer settles."""
    return {key for key, _ in _lines(answer.splitlines(), names)}


def _contradiction(key: str, chosen: Given, other: Given) -> Question:
    """The form has a field for it; a parameter that says otherwise is not taken for what was meant."""
    rule = f"the form says {_scalar(chosen)[:40]!r}, its parameters say {_scalar(other)[:40]!r}; say which"
    return Question(field=key, rule=rule, suggestion=_scalar(chosen)[:40])


def _take(found: dict[str, Given], more: Mapping[str, Given], *, clear: bool = False) -> None:
    for key, value in more.items():
        spelled = normal(key)
        spelled = RESERVED.get(spelled, spelled) or key.strip()
        if spelled in (ENVIRONMENT, BLUEPRINT) and _scalar(value).lower() in NO_ANSWER and not clear:
            continue
        found[spelled] = value


def _from_prose(text: str, names: Collection[str], questions: list[Question]) -> Iterator[tuple[str, Given]]:
    outside = _FENCE.sub("\n", text)
    yield from _lines(outside.splitlines(), names)
    for fence in _FENCE.finditer(text):
        language = fence[2].lower()
        if language not in ("", "yaml", "yml"):
            continue
        found = _from_yaml(fence[3], questions if language else [])
        yield from ((RESERVED.get(normal(key), normal(key)), value) for key, value in found.items())


def _lines(lines: Iterable[str], names: Collection[str]) -> Iterator[tuple[str, Given]]:
    for line in lines:
        match = _LINE.match(line[:2000])
        if match and normal(match[1]) in names:
            value = match[2].strip().strip("`'\"*").strip()
            yield RESERVED.get(normal(match[1]), normal(match[1])), value or None


def _untold(text: str, names: Collection[str]) -> str:
    """What of a text is not read as a parameter: no such line, and of a block that is YAML the comments alone."""

    def block(fence: re.Match[str]) -> str:
        return "\n\n" + ("\n\n".join(_COMMENT.findall(fence[3])) if fence[2] else fence[3]) + "\n\n"

    lines = _FENCE.sub(lambda fence: block(fence) if fence[2].lower() in ("", "yaml", "yml") else fence[0], text)
    return "\n".join("" if any(_lines([line], names)) else line for line in lines.splitlines())


def _from_yaml(text: str, questions: list[Question]) -> dict[str, Given]:
    fence = _FENCE.search(text)
    if fence and not _FENCE.sub("", text).strip():
        text = fence[3]
    if text.strip().lower() in NO_ANSWER:
        return {}
    try:
        return parse_mapping(text)
    except NotReadable as error:
        questions.append(Question(field=PARAMETERS, rule=str(error), suggestion="name: my-name"))
        return {}


def _from_answer(
    text: str,
    names: Collection[str],
    environments: Collection[str],
    blueprints: Collection[str],
    questions: list[Question],
) -> dict[str, Given]:
    word = text.strip().strip("`").lower()
    if word in environments:
        return {ENVIRONMENT: word}
    if word in blueprints:
        return {BLUEPRINT: word}
    unread: list[Question] = []
    found = _from_yaml(text, unread)
    if not unread:
        return found
    found = dict(_from_prose(text, names, []))
    if not found:
        rule = "one `key: value` a line; your last `/agent revise` holds none that the agent can read"
        questions.append(Question(field=PARAMETERS, rule=rule, suggestion="/agent revise name: my-name"))
    return found


def _environment_word(prose: str, environments: Collection[str]) -> tuple[str, str]:
    words = {_long_form(word, environments): word for word in _WORD.findall(prose.lower())}
    hits = sorted(set(words) & set(environments))
    if len(hits) != 1:
        return "", ""
    return hits[0], f"environment {hits[0]}"


def _long_form(word: str, environments: Collection[str]) -> str:
    short = LONG_FORMS.get(word, word)
    return short if word not in environments and short in environments else word


def _scalar(value: Given) -> str:
    return value.strip() if isinstance(value, str) else ""
