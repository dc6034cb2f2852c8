"""Who may speak to the app's server, and whom the page may speak to.

FiftyOne's server has no password, and whoever reaches it can run operators as the user who started it. Loopback alone
is no protection on a server that others use, nor against pages in the reviewer's own browser. So, as in Jupyter, the
address that is printed carries a token, which the browser keeps in a cookie from then on; requests that another page
makes are refused; and the page is told to load nothing from anywhere else, such as fonts or counters of visits.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"  # noqa: S105 (the name of the parameter)

_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # the app compiles templates and WebAssembly
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
)
_SECURITY = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_CLOSED = (
    "This review is private: open the address that `pvtt-data review` printed in its terminal, with the token at its "
    "end.\n"
)
_ENTRY = """<!doctype html><meta charset="utf-8"><title>pvtt review</title>
<script>
for (const [name, value] of Object.entries(%s)) localStorage.setItem(name, value);
location.replace(%s);
</script><noscript>The app needs JavaScript.</noscript>
"""
_KEPT_IN_BROWSER = {"fiftyone-enterprise-tooltip-seen": "true", "fiftyone-do-not-track": "true"}
"""What the app keeps in the browser: no advertisement over the first samples, no counting."""


class Gate:
    """ASGI middleware in front of FiftyOne's app.

    Args:
        app: that is guarded.
        token: that opens it.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token
        # Cookies of a host are sent to all of its ports: each review has a name of its own.
        self._cookie = f"pvtt-review-{hashlib.sha256(token.encode()).hexdigest()[:12]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # the app has no web sockets; leaving without an answer refuses one
        headers = Headers(scope=scope)
        given = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if scope["method"] == "GET" and self._same(given.get(TOKEN, [""])[0]):
            await self._enter(scope, given)(scope, receive, _guarded(send))
        elif not self._same(_cookie(headers, self._cookie)):
            await PlainTextResponse(_CLOSED, 403)(scope, receive, _guarded(send))
        elif _foreign(scope, headers):
            await PlainTextResponse("Refused: another page asked.\n", 403)(scope, receive, _guarded(send))
        else:
            await self._app(scope, receive, _guarded(send))

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _enter(self, scope: Scope, given: dict[str, list[str]]) -> HTMLResponse:
        # A page that goes on, not a redirect: after a link in a mail, a redirect would still count as another
        # site's, and the cookie would not be sent.
        rest = urlencode({name: values for name, values in given.items() if name != TOKEN}, doseq=True)
        place = f"{scope['path'] if not scope['path'].startswith('//') else '/'}{'?' if rest else ''}{rest}"
        response = HTMLResponse(_ENTRY % (_script(_KEPT_IN_BROWSER), _script(place)))
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
        return response


def new_token() -> str:
    """A token that cannot be guessed; in letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(24)


def _script(value: object) -> str:
    """A value in JavaScript that no text can end the script from."""
    return json.dumps(value).replace("<", "\\u003c")


def _cookie(headers: Headers, name: str) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a page of another origin asks for it; a person who follows a link may."""
    if (origin := headers.get("origin")) and urlsplit(origin).netloc != headers.get("host"):
        return True
    followed = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not followed


def _guarded(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY.items():
                headers[name] = value
        await send(message)

    return sent
