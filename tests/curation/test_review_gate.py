"""The gate before the app: who gets in, what other pages may do, and what the browser is told to load."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import pytest

if find_spec("starlette") is None:
    pytest.skip("FiftyOne is not installed: pip install 'pvtt[app]'", allow_module_level=True)

from pvtt_curation.app.gate import Gate, new_token
from starlette.types import Message, Receive, Scope, Send

TOKEN = "a-token-that-nobody-guesses"
HOST = "localhost:5151"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str


async def _inside(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(path: str = "/", query: str = "", method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    given = {"host": HOST, **(headers or {})}
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    asyncio.run(Gate(_inside, TOKEN)(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], found, body.decode())


@pytest.fixture(scope="module")
def cookie() -> str:
    return ask("/datasets/toys", f"view=flagged&token={TOKEN}").headers["set-cookie"].partition(";")[0]


def test_without_the_token_nothing_is_shown() -> None:
    for query in ("", "token=", "token=other", f"token={TOKEN}x"):
        answer = ask("/graphql", query)
        assert answer.status == 403
        assert "inside" not in answer.body
        assert TOKEN not in answer.body


def test_the_printed_address_lets_the_browser_in_and_goes_on_to_the_page(cookie: str) -> None:
    entry = ask("/datasets/toys", f"view=flagged&token={TOKEN}")
    assert entry.status == 200
    assert '"/datasets/toys?view=flagged"' in entry.body
    assert TOKEN not in entry.body
    assert all(word in entry.headers["set-cookie"].lower() for word in ("httponly", "samesite=strict", "path=/"))
    assert ask("/datasets/toys", "view=flagged", headers={"cookie": f"other=1; {cookie}"}).body == "inside"


def test_two_reviews_on_one_host_have_cookies_of_their_own(cookie: str) -> None:
    name, _, value = cookie.partition("=")
    assert ask(headers={"cookie": f"{name[:-1]}x={value}"}).status == 403
    assert new_token() != new_token()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}, 200),
        ("POST", {}, 200),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("POST", {"origin": "http://localhost:8888", "sec-fetch-site": "same-site"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_pages_of_others_cannot_use_a_reviewers_cookie(
    cookie: str, method: str, headers: dict[str, str], status: int
) -> None:
    assert ask("/operators/execute", method=method, headers={"cookie": cookie, **headers}).status == status


def test_the_page_may_load_nothing_from_elsewhere(cookie: str) -> None:
    for answer in (ask(), ask(headers={"cookie": cookie}), ask(query=f"token={TOKEN}")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert "*" not in policy
        assert "frame-ancestors 'none'" in policy


def test_an_address_cannot_smuggle_a_script_or_another_host_into_the_entry() -> None:
    body = ask("//evil.example/</script><script>alert(1)", f"token={TOKEN}").body
    assert body.count("</script>") == 1
    assert "evil.example" not in body
    assert "<script>alert" not in ask("/x</script><script>alert(1)", f"token={TOKEN}").body
