"""Routes for what a person sends: comment, label, close, review, merge, delete the branch; and who acts."""

import re
from urllib.parse import quote

import flask

from agent.sandbox.forge.errors import ApiError
from agent.sandbox.pages.issues import issue_page
from agent.sandbox.pages.people import COOKIE, people
from agent.sandbox.pages.pulls import pull_page
from agent.sandbox.pages.site import Place, Site, attempt, place

REVIEWS = ("APPROVE", "REQUEST_CHANGES", "COMMENT")
# A path of this site: not //elsewhere, nor what browsers read as it (a backslash, a tab that they drop).
OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")
METHODS = ("merge", "squash", "rebase")


def add(pages: flask.Blueprint, site: Site) -> None:
    @pages.post("/acting-as")
    def act_as() -> flask.typing.ResponseReturnValue:
        login, back = flask.request.form.get("login", ""), flask.request.form.get("back", "/")
        response = flask.redirect(back if OWN_PATH.fullmatch(back) else "/", code=303)
        if login in people(site.forge):
            response.set_cookie(COOKIE, login, httponly=True, samesite="Lax")
        else:
            response.delete_cookie(COOKIE)
        return response

    @pages.post("/<owner>/<repo>/issues/<int:number>/<action>")
    def change_issue(owner: str, repo: str, number: int, action: str) -> flask.typing.ResponseReturnValue:
        here = place(site, owner, repo, "issues")
        issue = here.get(f"/issues/{number}")
        is_pull = "pull_request" in issue
        if is_pull:
            here = place(site, owner, repo, "pulls", maintains=True)
        target = here.link(f"/{'pull' if is_pull else 'issues'}/{number}")
        text = _text()

        def again(error: str, status: int) -> flask.Response:
            if is_pull:
                return pull_page(here, number, error=error, status=status, draft=text)
            return issue_page(here, issue, error=error, status=status, draft=text)

        return attempt(lambda: target + _change_issue(here, number, action, text), again)

    @pages.post("/<owner>/<repo>/pull/<int:number>/<action>")
    def change_pull(owner: str, repo: str, number: int, action: str) -> flask.typing.ResponseReturnValue:
        here = place(site, owner, repo, "pulls", maintains=True)
        text = _text()

        def do() -> str:
            _change_pull(here, number, action, text)
            return here.link(f"/pull/{number}")

        return attempt(do, lambda error, status: pull_page(here, number, error=error, status=status, draft=text))


def _change_issue(here: Place, number: int, action: str, text: str) -> str:
    """Do it; answers with the anchor to show."""
    given = flask.request.form
    anchor = ""
    if action == "comment":
        state = given.get("state", "")
        if text.strip() or not state:
            made = here.send("POST", f"/issues/{number}/comments", {"body": text})
            anchor = f"#issuecomment-{made['id']}"
        if state in ("open", "closed"):
            here.send("PATCH", f"/issues/{number}", {"state": state})
    elif action == "label":
        here.send("POST", f"/issues/{number}/labels", {"labels": [given.get("name", "")]})
    elif action == "unlabel":
        here.send("DELETE", f"/issues/{number}/labels/{quote(given.get('name', ''), safe='')}")
    elif action == "edit":
        here.send("PATCH", f"/issues/{number}", {"body": text, "title": given.get("title", "")})
    else:
        raise ApiError(404, f"There is nothing called {action!r} to do to an issue.")
    return anchor


def _change_pull(here: Place, number: int, action: str, text: str) -> None:
    given = flask.request.form
    if action == "merge":
        method = given.get("method", "merge")
        if method not in METHODS:
            raise ApiError(422, f"merge method must be one of {', '.join(METHODS)}, got {method!r}")
        # The head that the page showed: a push in between makes the merge fail, as on GitHub.
        here.send("PUT", f"/pulls/{number}/merge", {"merge_method": method, "sha": given.get("sha", "")})
    elif action == "review":
        event = given.get("event", "")
        if event not in REVIEWS:
            raise ApiError(422, f"review must be one of {', '.join(REVIEWS)}, got {event!r}")
        body = {"event": event, "commit_id": given.get("sha", ""), **({"body": text} if text.strip() else {})}
        here.send("POST", f"/pulls/{number}/reviews", body)
    elif action == "delete-branch":
        here.send("DELETE", f"/git/refs/heads/{here.get(f'/pulls/{number}')['head']['ref']}")
    else:
        raise ApiError(404, f"There is nothing called {action!r} to do to a pull request.")


def _text() -> str:
    return flask.request.form.get("body", "").replace("\r\n", "\n")
