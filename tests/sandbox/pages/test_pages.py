"""The pages over real HTTP: what they show, and that they do nothing which the API refuses."""

import re

import pytest
import requests

from agent.sandbox.pages.guard import refusal
from tests.sandbox.pages.conftest import MAIN_TF, World


def issue(world: World, *, title: str = "A bucket", body: str = "Please", as_: str = "lena") -> int:
    return int(world.api("POST", "/issues", as_=as_, title=title, body=body)["number"])


def test_code_pages(world: World) -> None:
    home = world.get()
    assert home.status_code == 200
    assert '<a href="/acme/infra/blob/main/docs/guide.md"' in home.text
    assert '<pre class="mermaid">' in home.text
    assert "/_pages/diagrams.js" in home.text
    blob = world.get("/blob/main/infra/main.tf")
    assert 'id="L2"' in blob.text
    assert 'class="hl-keyword">resource<' in blob.text
    assert "/_pages/diagrams.js" not in blob.text
    assert world.get("/raw/main/infra/main.tf").content == MAIN_TF
    assert world.get("/raw/main/README.md").headers["Content-Type"].startswith("text/plain")
    assert "Binary or too large" in world.get("/blob/main/logo.bin").text
    assert "main.tf" in world.get("/tree/main/infra").text
    head = world.branch("agent/1-a", "infra/b.tf", MAIN_TF, as_="omar")
    assert "b.tf" in world.get("/tree/agent/1-a/infra").text
    commit = world.get(f"/commit/{head}").text
    assert "Change infra/b.tf" in commit
    assert '<tr class="added">' in commit
    assert "Change infra/b.tf" in world.get("/commits/agent/1-a").text


@pytest.mark.parametrize(
    "path", ["/nope", "/issues/9", "/pull/9", "/blob/main/nope", "/tree/nope", "/commit/" + "0" * 40, "/actions/runs/3"]
)
def test_what_is_not_there_is_said_as_a_page(world: World, path: str) -> None:
    answer = world.get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Traceback" not in answer.text


def test_a_form_makes_the_issue_that_github_would_make(world: World) -> None:
    page = world.get("/issues/new?template=infra-request.yml&what=from+the+link").text
    assert 'value="from the link"' in page
    assert 'value="[infra] "' in page
    answer = world.post(
        "/issues/new?template=infra-request.yml",
        {"title": "[infra] logs", "what": "A bucket", "parameters": "name: logs\r\n"},
    )
    assert answer.status_code == 303, answer.text
    number = int(answer.headers["Location"].rpartition("/")[2])
    made = world.api("GET", f"/issues/{number}", as_="lena")
    assert made["body"] == "### What\n\nA bucket\n\n### Parameters\n\n```yaml\nname: logs\n```"
    assert made["user"]["login"] == "lena"
    assert [label["name"] for label in made["labels"]] == ["infra-request"]
    assert [(event.name, event.action, event.actor) for event in world.events if event.name == "issues"] == [
        ("issues", "opened", "lena"),
        ("issues", "labeled", "lena"),
    ]


def test_an_unanswered_form_comes_back_with_what_was_written(world: World) -> None:
    answer = world.post("/issues/new?template=infra-request.yml", {"title": "t", "what": " ", "parameters": "<keep>"})
    assert answer.status_code == 422
    assert "What must be filled in." in answer.text
    assert "&lt;keep&gt;" in answer.text
    assert world.api("GET", "/issues", as_="lena") == []


def test_a_broken_form_names_its_field(world: World) -> None:
    answer = world.get("/issues/new?template=broken.yaml")
    assert answer.status_code == 422
    assert "broken.yaml: description" in answer.text


def test_an_issue_and_its_timeline(world: World) -> None:
    number = issue(world, title="<script>alert(1)</script>", body="**bold** <img src=x onerror=alert(1)> #1")
    answer = world.post(f"/issues/{number}/comment", {"body": "/agent help\r\nsecond line"})
    assert answer.status_code == 303
    assert re.search(r"#issuecomment-\d+$", answer.headers["Location"])
    comments = world.api("GET", f"/issues/{number}/comments", as_="lena")
    assert [(comment["user"]["login"], comment["body"]) for comment in comments] == [
        ("lena", "/agent help\nsecond line")
    ]
    assert world.post(f"/issues/{number}/comment", {"body": "", "state": "closed"}).status_code == 303
    assert world.post(f"/issues/{number}/label", {"name": "infra-request"}, as_="omar").status_code == 303
    page = world.get(f"/issues/{number}").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<strong>bold</strong>" in page
    assert "closed this" in page
    assert "added the label" in page
    assert f'id="issuecomment-{comments[0]["id"]}"' in page
    assert "Reopen issue" in page
    assert world.post(f"/issues/{number}/comment", {"body": "again", "state": "open"}).status_code == 303
    assert world.api("GET", f"/issues/{number}", as_="lena")["state"] == "open"
    assert world.post(f"/issues/{number}/unlabel", {"name": "infra-request"}, as_="omar").status_code == 303
    listed = world.get("/issues").text
    assert "&lt;script&gt;" in listed
    assert "Nothing here" in world.get("/issues?state=closed").text


def test_what_the_api_refuses_is_said_on_the_page_and_the_text_is_kept(world: World) -> None:
    number = issue(world)
    refused = world.post(f"/issues/{number}/label", {"name": "infra-request"}, as_="lena")
    assert refused.status_code == 403
    assert "Refused." in refused.text
    assert world.api("GET", f"/issues/{number}", as_="lena")["labels"] == []
    long = world.post(f"/issues/{number}/comment", {"body": "x" * 70_000})
    assert long.status_code == 422
    assert "x" * 70_000 in long.text


def test_nobody_approves_their_own_pull_request(world: World) -> None:
    pull = world.pull(as_="omar")
    data = {"event": "APPROVE", "sha": pull["head"]}
    refused = world.post(f"/pull/{pull['number']}/review", data, as_="omar")
    assert refused.status_code == 422
    assert "own pull request" in refused.text
    approved = world.post(f"/pull/{pull['number']}/review", {**data, "body": "Fine"}, as_="nina")
    assert approved.status_code == 303, approved.text
    page = world.get(f"/pull/{pull['number']}").text
    assert "approved these changes" in page
    assert "Fine" in page


def test_merge(world: World) -> None:
    number = issue(world)
    pull = world.pull(as_="bot", body=f"Closes #{number}")
    where = f"/pull/{pull['number']}"
    assert world.get(f"/issues/{pull['number']}").url.endswith(where)
    page = world.get(where).text
    assert "Merge pull request" in page
    assert f'value="{pull["head"]}"' in page
    assert "omar (default)" in page
    refused = world.post(where + "/merge", {"sha": pull["head"], "method": "merge"}, as_="lena")
    assert refused.status_code in (403, 405)
    assert "Refused." in refused.text
    stale = world.post(where + "/merge", {"sha": "1" * 40, "method": "merge"})
    assert stale.status_code == 409
    assert not world.api("GET", f"/pulls/{pull['number']}", as_="omar")["merged"]
    assert world.post(where + "/merge", {"sha": pull["head"], "method": "squash"}).status_code == 303
    merged = world.api("GET", f"/pulls/{pull['number']}", as_="omar")
    assert merged["merged_by"]["login"] == "omar"
    assert world.api("GET", f"/issues/{number}", as_="omar")["state"] == "closed"
    assert "Merged and closed" in world.get(where).text
    assert world.post(where + "/delete-branch", {}).status_code == 303
    assert world.get("/tree/feature/x").status_code == 404
    assert world.get(where).status_code == 200
    assert world.get(where + "/files").status_code == 200


def test_checks_annotations_and_inline_comments_stand_where_they_belong(world: World) -> None:
    pull = world.pull(as_="bot")
    token = world.forge.issue_job_token("acme/infra", {"checks": "write"}, run_id=1, job="examine")
    world.tokens["job"] = token
    note = {
        "path": "infra/new.tf", "start_line": 1, "end_line": 1, "annotation_level": "failure", "title": "CKV_1",
        "message": "Not <b>encrypted</b>",
    }  # fmt: skip
    check = world.api(
        "POST", "/check-runs", as_="job", name="agent/checks", head_sha=pull["head"], status="completed",
        conclusion="failure", output={"title": "1 finding", "summary": "**one**", "annotations": [note]},
    )  # fmt: skip
    world.api(
        "POST", f"/pulls/{pull['number']}/reviews", as_="omar", event="COMMENT", body="", commit_id=pull["head"],
        comments=[{"path": "infra/new.tf", "line": 2, "side": "RIGHT", "body": "Why **a**?"}],
    )  # fmt: skip
    files = world.get(f"/pull/{pull['number']}/files").text
    first, second = files.index("Not &lt;b&gt;encrypted"), files.index("Why <strong>a</strong>?")
    assert files.index('"aws_s3_bucket"'.replace('"', "&#34;")) < first < files.index("bucket = &#34;a") < second
    conversation = world.get(f"/pull/{pull['number']}").text
    assert "Some checks were not successful" in conversation
    assert "Why <strong>a</strong>?" in conversation
    checks = world.get(f"/pull/{pull['number']}/checks").text
    assert "CKV_1" in checks
    assert f"/blob/{pull['head']}/infra/new.tf#L1" in checks
    assert "<strong>one</strong>" in world.get(check["html_url"].removeprefix(f"{world.url}/acme/infra")).text


def test_acting_as_is_a_cookie_over_the_people(world: World) -> None:
    def act(login: str, back: str) -> requests.Response:
        data = {"login": login, "back": back}
        return requests.post(f"{world.url}/acting-as", data=data, timeout=30, allow_redirects=False)

    chosen = act("nina", "/acme/infra/issues?state=open")
    assert chosen.headers["Location"] == "/acme/infra/issues?state=open"
    assert chosen.cookies["acting_as"] == "nina"
    assert not act("infra-agent[bot]", "/").cookies
    for elsewhere in (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
    ):
        assert act("nina", elsewhere).headers["Location"] == "/", elsewhere
    assert "lena (default)" in world.get("/issues").text
    assert "lena (default)" in world.get("/issues", as_="nobody").text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:80"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),
    ],
)
def test_foreign_forms_and_hosts_are_refused(world: World, headers: dict[str, str], status: int) -> None:
    number = issue(world)
    assert world.post(f"/issues/{number}/comment", {"body": "x"}, headers=headers).status_code == status


def test_a_page_is_refused_to_a_rebound_name() -> None:
    assert refusal("rebound.example:80", method="GET", origin=None, site=None)
    assert refusal("[::1", method="GET", origin=None, site=None)
    assert not refusal("localhost:80", method="POST", origin="http://localhost:80", site="same-origin")
    assert refusal("127.0.0.1:80", method="POST", origin="http://127.0.0.1:81", site=None)


def test_pages_load_nothing_from_elsewhere(world: World) -> None:
    number = issue(world, body="![x](https://example.org/x.png) <img src=https://example.org/y.png>")
    pull = world.pull(as_="bot")
    for path in ("", f"/issues/{number}", f"/pull/{pull['number']}", f"/pull/{pull['number']}/files", "/actions"):
        answer = world.get(path)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for source in re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', answer.text):
            assert source.startswith(("/_pages/", "data:,")), source


def test_looking_is_no_api_call(world: World) -> None:
    number = issue(world)
    before = len(world.forge.api_calls())
    world.get(f"/issues/{number}")
    world.post(f"/issues/{number}/comment", {"body": "x"})
    assert len(world.forge.api_calls()) == before


def test_the_shipped_form_can_be_filled_in() -> None:
    from pathlib import Path

    from agent.sandbox.pages.issue_form import parse_form

    path = Path(__file__).parents[3] / ".github/ISSUE_TEMPLATE/infra-request.yml"
    form = parse_form(path.read_text(encoding="utf-8"), path.name)
    assert "infra-request" in form.labels
