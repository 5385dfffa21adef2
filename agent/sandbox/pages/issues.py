"""Routes for issues: list, forms, one issue."""

from typing import Any

import flask

from agent.errors import UserError
from agent.sandbox.forge.errors import ApiError
from agent.sandbox.pages import issue_form
from agent.sandbox.pages.conversation import conversation
from agent.sandbox.pages.inside import label_by_form
from agent.sandbox.pages.site import Place, Site, attempt, place, show

FORMS = ".github/ISSUE_TEMPLATE"


def add(pages: flask.Blueprint, site: Site) -> None:
    @pages.get("/<owner>/<repo>/issues")
    def issues(owner: str, repo: str) -> flask.Response:
        return listing(place(site, owner, repo, "issues"), pulls=False)

    @pages.get("/<owner>/<repo>/issues/new/choose")
    def choose(owner: str, repo: str) -> flask.Response:
        here = place(site, owner, repo, "issues")
        return show(here, "choose.html", forms=_forms(here))

    @pages.get("/<owner>/<repo>/issues/new")
    def new(owner: str, repo: str) -> flask.Response:
        here = place(site, owner, repo, "issues")
        template = flask.request.args.get("template", "")
        form = _form(here, template) if template else None
        prefilled = flask.request.args.to_dict()
        answers = issue_form.defaults(form, prefilled) if form else {"body": [prefilled.get("body", "")]}
        title = prefilled.get("title") or (form.title if form else "")
        return _new_page(here, template, form, title=title, answers=answers)

    @pages.post("/<owner>/<repo>/issues/new")
    def create(owner: str, repo: str) -> flask.typing.ResponseReturnValue:
        here = place(site, owner, repo, "issues")
        template = flask.request.args.get("template", "")
        form = _form(here, template) if template else None
        given = flask.request.form
        title = given.get("title", "").strip()
        names = [name for name, _ in form.questions()] if form else ["body"]
        answers = {name: given.getlist(name) for name in names}
        wrong = issue_form.problems(form, answers) if form else {}
        if not title:
            wrong["title"] = "Title must be filled in."
        if wrong:
            return _new_page(here, template, form, title=title, answers=answers, wrong=wrong, status=422)
        body = issue_form.write_body(form, answers) if form else "".join(answers["body"])

        def do() -> str:
            made = here.send("POST", "/issues", {"title": title, "body": body})
            if form and form.labels:
                label_by_form(site.forge, here.repo, made["number"], login=here.who.login, labels=form.labels)
            return here.link(f"/issues/{made['number']}")

        return attempt(
            do,
            lambda text, status: _new_page(
                here, template, form, title=title, answers=answers, error=text, status=status
            ),
        )

    @pages.get("/<owner>/<repo>/issues/<int:number>")
    def issue(owner: str, repo: str, number: int) -> flask.typing.ResponseReturnValue:
        here = place(site, owner, repo, "issues")
        found = here.get(f"/issues/{number}")
        if "pull_request" in found:
            return flask.redirect(here.link(f"/pull/{number}"))
        return issue_page(here, found)


def listing(here: Place, *, pulls: bool) -> flask.Response:
    """The list of issues or of pull requests, by state and label."""
    state = "closed" if flask.request.args.get("state") == "closed" else "open"
    label = flask.request.args.get("label", "")
    found = here.every("/issues", state="all", **({"labels": label} if label else {}))
    items = [item for item in found if ("pull_request" in item) == pulls]
    counts = {name: sum(item["state"] == name for item in items) for name in ("open", "closed")}
    shown = [item for item in items if item["state"] == state]
    return show(here, "list.html", items=shown, state=state, label=label, by_state=counts, pulls=pulls)


def issue_page(
    here: Place, issue: dict[str, Any], *, error: str = "", status: int = 200, draft: str = ""
) -> flask.Response:
    number = issue["number"]
    return show(
        here, "issue.html", status=status, issue=issue, error=error, draft=draft,
        timeline=conversation(here, number), labels=free_labels(here, issue), action=here.link(f"/issues/{number}"),
    )  # fmt: skip


def free_labels(here: Place, issue: dict[str, Any]) -> list[dict[str, Any]]:
    """The repository's labels that the issue does not carry."""
    carried = {label["name"] for label in issue["labels"]}
    return [label for label in here.every("/labels") if label["name"] not in carried]


def _new_page(
    here: Place,
    template: str,
    form: issue_form.Form | None,
    *,
    title: str,
    answers: dict[str, list[str]],
    wrong: dict[str, str] | None = None,
    error: str = "",
    status: int = 200,
) -> flask.Response:
    return show(
        here, "new_issue.html", status=status, form=form, questions=form.questions() if form else [], title=title,
        template=template, answers=answers, wrong=wrong or {}, error=error,
    )  # fmt: skip


def _form(here: Place, template: str) -> issue_form.Form:
    try:
        path = issue_form.form_path(template)
        text = here.site.forge.read_file(here.repo, str(here.get("")["default_branch"]), path).decode()
        return issue_form.parse_form(text, path)
    except KeyError as error:
        raise ApiError(404, f"{template} is not in {FORMS} on the default branch.") from error
    except UserError as error:
        raise ApiError(422, str(error)) from error


def _forms(here: Place) -> list[tuple[str, issue_form.Form]]:
    """The repository's issue forms, by file name; one that cannot be read stops the page with its error."""
    branch = str(here.get("")["default_branch"])
    names = [path.rpartition("/")[2] for path in here.site.forge.list_files(here.repo, branch, FORMS)]
    return [
        (name, _form(here, name)) for name in sorted(names) if name.endswith((".yml", ".yaml")) and name != "config.yml"
    ]
