"""GitHub-flavoured Markdown -> HTML that is safe to show. Pure.

Order: markdown-it renders, nh3 cleans what came out, so that neither the text nor a rendering rule can smuggle
markup in. Pictures from elsewhere become links: no page of the sandbox makes a request to another machine.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from agent.sandbox.pages.highlight import CLASSES, highlight

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "h1", "h2", "h3"),
    *("h4", "h5", "h6", "hr", "i", "input", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small"),
    *("span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
ALERTS = {f"markdown-alert-{kind}" for kind in ("note", "tip", "important", "warning", "caution")}
ALLOWED_CLASSES = {
    "a": {"sha"},
    "div": {"markdown-alert", *ALERTS},
    "input": {"task-list-item-checkbox"},
    "li": {"task-list-item"},
    "p": {"markdown-alert-title"},
    "pre": {"mermaid"},
    "span": {"mention", *CLASSES},
    "ul": {"contains-task-list"},
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "details": {"open"},
    "input": {"checked"},
    "ol": {"start"},
    "td": {"style", "colspan", "rowspan", "align"},
    "th": {"style", "colspan", "rowspan", "align"},
}
# What GitHub links in running text: @login, #12, owner/name#12 and a full commit SHA.
REFERENCE = re.compile(
    r"(?<![\w/@#&.-])(?:@(?P<login>[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))(?![\w/])"
    r"|(?P<repo>[\w.-]+/[\w.-]+)?\#(?P<number>[1-9]\d{0,8})\b"
    r"|(?P<sha>[0-9a-f]{40})\b)"
)
RELATIVE = re.compile(r"^(?![a-zA-Z][a-zA-Z0-9+.-]*:|/|#|\?)")


def render(text: str, *, repo: str = "", base: str = "", breaks: bool = True) -> Markup:
    """HTML of `text`, safe to put into a page.

    `repo` is "owner/name", for `#12` and commit links; `base` is the path that relative links are under (a README's
    folder); `breaks` shows a line end as one, as in comments and unlike in files.
    """
    html = _markdown(breaks).render(text, {"repo": repo, "base": base})
    return Markup(_clean(html))  # noqa: S704 - cleaned by nh3 on the line before


def has_mermaid(html: str) -> bool:
    """Whether rendered HTML holds a diagram, so that a page only loads Mermaid when it needs it."""
    return '<pre class="mermaid"' in html


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
        allowed_classes=ALLOWED_CLASSES,
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


@cache
def _markdown(breaks: bool) -> MarkdownIt:
    markdown = MarkdownIt("gfm-like2", {"html": True, "breaks": breaks})
    if markdown.linkify is not None:
        markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # main.tf is a file, not a site in .tf
    markdown.core.ruler.push("references", _references)
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("image", _image)
    markdown.add_render_rule("link_open", _link_open)
    return markdown


def _fence(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    language = token.info.strip().split(maxsplit=1)[0] if token.info.strip() else ""
    if language == "mermaid":
        return f'<pre class="mermaid">{escape(token.content)}</pre>\n'
    return f"<pre><code>{highlight(token.content, language=language)}</code></pre>\n"


def _image(renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    source = _target(str(token.attrs.get("src", "")), env)
    return f'<a href="{escape(source)}">{escape(token.content or "picture")}</a>'


def _link_open(renderer: Any, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    token = tokens[index]
    token.attrs["href"] = _target(str(token.attrs.get("href", "")), env)
    return str(renderer.renderToken(tokens, index, options, env))


def _target(link: str, env: EnvType) -> str:
    base = str(env.get("base", ""))
    return f"{base.rstrip('/')}/{link.removeprefix('./')}" if base and link and RELATIVE.match(link) else link


def _references(state: StateCore) -> None:
    repo = str(state.env.get("repo", ""))
    if not repo:
        return
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = list(_linked(block.children, repo))


def _linked(tokens: Sequence[Token], repo: str) -> list[Token]:
    out: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or depth:
            out.append(token)
            continue
        position = 0
        for match in REFERENCE.finditer(token.content):
            out.append(_text(token.content[position : match.start()], token.level))
            out.extend(_reference(match, repo, token.level))
            position = match.end()
        out.append(_text(token.content[position:], token.level))
    return out


def _reference(match: re.Match[str], repo: str, level: int) -> list[Token]:
    shown = match.group()
    if match["login"]:
        return _wrapped("span", shown, {"class": "mention"}, level)
    if number := match["number"]:
        return _wrapped("a", shown, {"href": f"/{match['repo'] or repo}/issues/{number}"}, level)
    return _wrapped("a", shown[:7], {"href": f"/{repo}/commit/{shown}", "class": "sha"}, level)


def _wrapped(tag: str, shown: str, attributes: dict[str, str | int | float], level: int) -> list[Token]:
    opened = Token("reference_open", tag, 1, attrs=attributes, level=level)
    return [opened, _text(shown, level + 1), Token("reference_close", tag, -1, level=level)]


def _text(content: str, level: int) -> Token:
    return Token("text", "", 0, content=content, level=level)
