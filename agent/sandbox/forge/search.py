"""REST: the search for issues and pull requests, with the qualifiers that we use."""

import re
import shlex
from collections.abc import Callable

from agent.sandbox.forge.access import may
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.forge.http import Answer, Call, Route, page
from agent.sandbox.forge.shapes.issue import issue
from agent.sandbox.forge.store import Row, Value

MAX_RESULTS = 1000
SELECT = "SELECT i.*, r.owner || '/' || r.name AS repository FROM issues i JOIN repositories r ON r.id = i.repo_id"
OURS = "repo|is|type|label|in|author|state|no|commenter"
# GitHub's others: an error here, since a search that ignores one would find too much
OTHERS = "reason|assignee|mentions|involves|created|updated|closed|merged|head|base|user|org|milestone|review|comments"
QUALIFIER = re.compile(rf"(-?)({OURS}|{OTHERS}):(.+)", re.IGNORECASE)
IS = {
    "issue": "NOT i.is_pull",
    "pr": "i.is_pull",
    "pull-request": "i.is_pull",
    "open": "i.state = 'open'",
    "closed": "i.state = 'closed'",
    "merged": "EXISTS (SELECT 1 FROM pulls p WHERE p.issue_id = i.id AND p.merged_at IS NOT NULL)",
    "unmerged": "NOT EXISTS (SELECT 1 FROM pulls p WHERE p.issue_id = i.id AND p.merged_at IS NOT NULL)",
    "draft": "EXISTS (SELECT 1 FROM pulls p WHERE p.issue_id = i.id AND p.draft)",
    "locked": "i.locked",
    "unlocked": "NOT i.locked",
}
LABEL = (
    "EXISTS (SELECT 1 FROM issue_labels x JOIN labels l ON l.id = x.label_id WHERE x.issue_id = i.id AND l.name = ?)"
)
AUTHOR = "i.user_id = (SELECT id FROM users WHERE login = ?)"
COMMENTER = "EXISTS (SELECT 1 FROM comments c JOIN users u ON u.id = c.user_id WHERE c.issue_id = i.id AND u.login = ?)"
UNLABELLED = "NOT EXISTS (SELECT 1 FROM issue_labels x WHERE x.issue_id = i.id)"
FIELDS = {
    "title": "i.title LIKE ? ESCAPE '\\'",
    "body": "i.body LIKE ? ESCAPE '\\'",
    "comments": "EXISTS (SELECT 1 FROM comments c WHERE c.issue_id = i.id AND c.body LIKE ? ESCAPE '\\')",
}


def issues(call: Call) -> Answer:
    query = call.query.get("q", "").strip()
    if not query:
        raise ApiError(422, "Validation Failed", errors=[{"resource": "Search", "field": "q", "code": "missing"}])
    sql, values = _condition(_words(query))
    column = {"created": "i.created_at", "updated": "i.updated_at"}.get(call.query.get("sort", ""), "i.number")
    direction = "ASC" if call.query.get("order") == "asc" else "DESC"
    rows = call.forge.db.all(
        f"{SELECT} WHERE {sql} ORDER BY {column} {direction}, i.number {direction}",
        *values,
    )
    seen: dict[str, Row | None] = {}
    shown = [row for row in rows if _visible(call, row["repository"], seen)][:MAX_RESULTS]
    answer = page(call, shown, _shaper(call, seen), wrap="items")
    data = {
        "total_count": len(shown),
        "incomplete_results": False,
        "search_type": "lexical",
        "items": answer.data["items"],
    }
    return Answer(data, headers=answer.headers)


def _visible(call: Call, name: str, seen: dict[str, Row | None]) -> bool:
    if name not in seen:
        repo = call.forge.repository_row(name)
        needs = ("issues:read", "pull_requests:read")
        allowed = repo is not None and (
            call.actor is None or may(call.forge.db, repo, call.actor, role="read", needs=needs)
        )
        seen[name] = repo if allowed else None
    return seen[name] is not None


def _shaper(call: Call, seen: dict[str, Row | None]) -> Callable[[Row], dict[str, object]]:
    def shape(row: Row) -> dict[str, object]:
        repo = seen[row["repository"]]
        assert repo is not None
        return {**issue(call.forge, repo, row), "score": 1.0}

    return shape


def _words(query: str) -> list[str]:
    lexer = shlex.shlex(query, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"'
    try:
        return list(lexer)
    except ValueError:
        return query.split()


def _condition(words: list[str]) -> tuple[str, list[Value]]:
    """The query's words -> a WHERE condition and its values. Raises ApiError 422 for a qualifier we do not know."""
    parts, values, texts, places = ["1"], list[Value](), list[str](), list[str]()
    for word in words:
        found = QUALIFIER.fullmatch(word)
        if found is None:
            texts.append(word)
            continue
        name, value = found[2].lower(), found[3]
        if name == "in":
            places += [place for place in value.lower().split(",") if place in FIELDS]
            continue
        sql, bound = _qualifier(name, value)
        parts.append(f"NOT ({sql})" if found[1] else f"({sql})")
        values += bound
    for text in texts:
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"
        chosen = places or list(FIELDS)
        parts.append("(" + " OR ".join(FIELDS[place] for place in chosen) + ")")
        values += [pattern] * len(chosen)
    return " AND ".join(parts), values


def _qualifier(name: str, value: str) -> tuple[str, list[Value]]:
    if name == "repo":
        return "(r.owner || '/' || r.name) = ? COLLATE NOCASE", [value]
    if name == "label":
        labels = value.split(",")
        return " OR ".join([LABEL] * len(labels)), [label.strip('"') for label in labels]
    if name in ("author", "commenter"):
        login = f"{value.removeprefix('app/')}[bot]" if value.startswith("app/") else value
        return (AUTHOR if name == "author" else COMMENTER), [login]
    if name == "no" and value == "label":
        return UNLABELLED, []
    if name in ("is", "type", "state") and value.lower() in IS:
        return IS[value.lower()], []
    raise ApiError(
        422,
        "Validation Failed",
        errors=[{"resource": "Search", "field": "q", "code": "invalid", "message": f"{name}:{value} is not supported"}],
    )


ROUTES = (Route("GET", "/search/issues", issues, "none"),)
