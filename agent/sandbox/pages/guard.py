"""A request's Host and Origin -> let in, or refused with the reason."""

import re

import flask

HERE = re.compile(r"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def refusal(host: str, *, method: str, origin: str | None, site: str | None) -> str:
    """Why the request may not come in; "" when it may.

    A name that resolves to this machine's loopback but is not ours (DNS rebinding) shows in Host; another site's form
    shows in Origin, and, from browsers that send it, in Sec-Fetch-Site.
    """
    if not HERE.fullmatch(host):
        return f"Host is {host!r}; the sandbox answers on 127.0.0.1 and localhost only"
    if method in ("GET", "HEAD"):
        return ""
    if origin is not None and origin != f"http://{host}":
        return f"Origin is {origin!r}; forms are taken from the sandbox's own pages only"
    if site is not None and site not in ("same-origin", "none"):
        return f"the form comes from another site ({site}); forms are taken from the sandbox's own pages only"
    return ""


def protect(pages: flask.Blueprint) -> None:
    """Put the check before every page and the content policy behind it."""

    @pages.before_request
    def check() -> flask.Response | None:
        request = flask.request
        reason = refusal(
            request.host,
            method=request.method,
            origin=request.headers.get("Origin"),
            site=request.headers.get("Sec-Fetch-Site"),
        )
        return flask.Response(f"Refused: {reason}.\n", status=403, mimetype="text/plain") if reason else None

    @pages.after_request
    def headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers.setdefault("Cache-Control", "no-store")
        return response
