"""Free text and a blueprint -> what the text says of parameters that nobody set, or a question. Pure.

What is mentioned is never left to a default. A text is read only where its whole sentence leaves no doubt; whatever
else stands there, above all a negation that is not understood, is a question.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agent.author.catalog import Blueprint
from agent.author.request_form import normal
from agent.author.templates import one_line
from agent.domain import Question

NEAR = 300  # characters of a sentence that are looked at on each side; in a longer one nothing is read
MAX_READ = 20  # mentions of one parameter; a text with more is asked about

_NOT = r"no|non|not|without|w/o|never|neither|nor|none|nothing|nobody|hardly|disabl\w+|skip|omit|drop|off|false|remove"
_NEGATION = re.compile(rf"\b(?:{_NOT}|dont|doesnt|avoid|forbid\w*|refus\w+|unwanted|unnecessary|instead|except)\b")
# What stands around a wish that is none, or one with a condition, or tells of something else.
_DOUBT = re.compile(
    r"\b(?:if|unless|when|whether|while|until|or|either|maybe|perhaps|might|may|could|why|how|what|which|who|but|"
    r"was|were|had|did|used to|last|old|other|existing|previous|current|currently|today|yet|later|only|because|"
    r"dangerous|wrong|bad|worse|fails?|lose|loses|lost|risky?|instead|like the|unlike|than|sometimes|always|remember)\b"
    r"|[?\"'>|]|[^\x00-\x7f]"
)
_FILLER = r"(?:(?:any|the|its|all|object|objects|bucket|file|s3|table|of)\s+)*"
_OFF_BEFORE = re.compile(rf"\b(no|not|non|without|w/o|disable|skip|omit)\s+{_FILLER}$")
_ON_BEFORE = re.compile(rf"\b(with|enable|enabled|activate|turn on|switch on|use)\s+{_FILLER}$")
_END = (
    r"(?=\s*(?:$|[,()]|(?:please|and|thanks|thank you|in|for|called|named|bucket|table|service)\b|"
    r"(?:is |are )?(?:needed|required|wanted|necessary)\s*(?:$|,)))"
)
_AFTER = re.compile(_END)
_STATE = re.compile(
    r"\s*[:=-]?\s*(?:(?:is|are|be|must|should|shall|to|set|turned|switched|kept)\s+)*"
    r"(?:(on|enabled|true|yes)|(off|disabled|false|no))(?=\s*(?:$|[,()]|(?:please|and|thanks)\b))"
)


@dataclass(frozen=True)
class Said:
    """What the text says: `values` as they would be written in the form, `words` that they were read from, and the
    `questions` about what is mentioned and not clear."""

    values: Mapping[str, str]
    words: Mapping[str, str]
    questions: tuple[Question, ...]


def read_mentions(blueprint: Blueprint, text: str, *, settled: Collection[str], names: Collection[str]) -> Said:
    """Look in `text` for the parameters that may be defaulted and are not in `settled`. Never raises.

    `names` are names of things (the bucket's own), in which a word is no mention.
    """
    done = {normal(name) for name in settled} | set(blueprint.parameters.get("required", []))
    phrases = dict(_phrases(blueprint))
    found: dict[str, list[tuple[str, Any]]] = {}
    either = "|".join(re.escape(phrase).replace(r"\ ", r"\s?") for phrase in sorted(phrases, key=len, reverse=True))
    mention = re.compile(rf"\b(?:{either})(?:e?s)?\b")
    compact = {phrase.replace(" ", ""): told for phrase, told in phrases.items()}
    for sentence in _sentences(text, names):
        for match in mention.finditer(sentence):
            name, value = _meant(match[0], compact)
            if name and normal(name) not in done and len(found.setdefault(name, [])) <= MAX_READ:
                found[name].append((" ".join(match[0].split()), _reading(sentence, match, value, blueprint, name)))
    values, words, questions = {}, {}, []
    for name, told in found.items():
        readings = {reading for _, reading in told}
        reading = readings.pop() if len(readings) == 1 and len(told) <= MAX_READ else None
        if reading is None:
            questions.append(_question(blueprint, name, told))
        else:
            values[name], words[name] = reading, told[0][0]
    return Said(values=values, words=words, questions=tuple(questions))


def phrases_of(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a parameter is called in a text, in lower case -> the value that its bare mention asks for, None for none:
    its name, its title, and the `x-words` of its schema."""
    own = {normal(text).replace("_", " "): None for text in (name, str(schema["title"]))}
    own |= {phrase.removesuffix("s"): None for phrase in own if not phrase.endswith("ss")}
    return own | {normal(word).replace("_", " "): value for word, value in schema.get("x-words", {}).items()}


def _phrases(blueprint: Blueprint) -> Iterator[tuple[str, tuple[str, Any]]]:
    for name, schema in blueprint.properties.items():
        yield from ((phrase, (name, value)) for phrase, value in phrases_of(name, schema).items() if len(phrase) > 1)


def _meant(word: str, compact: Mapping[str, tuple[str, Any]]) -> tuple[str, Any]:
    spelled = "".join(word.split())
    tried = (spelled, spelled.removesuffix("s"), spelled.removesuffix("es"))
    return next((compact[one] for one in tried if one in compact), ("", None))


def _sentences(text: str, names: Collection[str]) -> Iterator[str]:
    """Sentences in lower case with plain spaces. What belongs to a line before it (a list, a heading) stays with it."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", " it ", text) if name else text
    # Runs of spaces and empty lines go first: the patterns below look back over them.
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in text.splitlines()))
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", " ", text).lower().replace("\u2019", "'")
    text = re.sub(r"\b(\w+)n't\b|\b(?:dont|cannot)\b|~~|\[ \]", " not ", text)
    text = re.sub(r"^[ \t]*#{1,6}[ \t]([^\n]*)\n\s*", r" \1 , ", text, flags=re.MULTILINE)
    text = re.sub(r"\s*\n[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]", " , ", text)
    text = re.sub(r"^[ \t]*[-*+][ \t]", " ", text)
    text = re.sub(r"[`*]|(?<=\w)[_-](?=\w)", lambda mark: " " if mark[0] in "_-" else "", text)
    for part in re.split(r"(?<!:)\n[ \t]*\n|[.!;](?=\s|$)|(?<=\?)(?=\s|$)", text):
        yield " ".join(part.split())


def _reading(sentence: str, match: re.Match[str], value: Any, blueprint: Blueprint, name: str) -> str | None:
    before, after = sentence[: match.start()], sentence[match.end() :]
    if len(before) > NEAR or len(after) > NEAR or _DOUBT.search(before) or _DOUBT.search(after):
        return None
    if blueprint.properties[name]["type"] != "boolean":
        return None if value is None or _NEGATION.search(f"{before} {after}") else str(value)
    off = _OFF_BEFORE.search(before)
    if off:
        # Of other negations only a list of the same ("no logs, no versioning") leaves it clear.
        listed = re.compile(rf"(?:^|, (?:and )?|\band ){re.escape(off[1])}\b")
        rest = f"{listed.sub(' ', before[: off.start()])} {listed.sub(' ', after)}"
        if value is False or _NEGATION.search(rest) or not _AFTER.match(after):
            return None
        return "false"
    state = _STATE.match(after)
    if state:
        rest = before + after[state.end() :]
        return None if _NEGATION.search(rest) or value is False else ("true" if state[1] else "false")
    if _NEGATION.search(f"{before} {after}"):
        return None
    if value is not None:
        return str(value).lower()
    return "true" if _ON_BEFORE.search(before) and _AFTER.match(after) else None


def _question(blueprint: Blueprint, name: str, told: list[tuple[str, Any]]) -> Question:
    schema = blueprint.properties[name]
    phrase = told[0][0]
    clear = {reading for _, reading in told if reading is not None}
    if schema["type"] == "boolean":
        both = "says different things of" if len({reading for _, reading in told}) > 1 else "mentions"
        suggestion = "false" if clear == {"false"} else "true"
        return Question(field=name, rule=f"the text {both} {phrase}; should it be on? true or false",
                        suggestion=suggestion)  # fmt: skip
    suggestion = clear.pop() if len(clear) == 1 else one_line(schema["default"]) if schema["default"] != [] else ""
    rule = f"the text mentions {phrase}; what should it be? {str(schema['description']).rstrip('.')}"
    return Question(
        field=name, rule=rule if suggestion else f"{rule}; an empty answer is none", suggestion=suggestion,
        drop=not suggestion,
    )  # fmt: skip
