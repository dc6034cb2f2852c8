"""A server on this machine that speaks as much of OpenAI's chat completions as is needed, and misbehaves on demand."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from PIL import Image

from pvtt_data.vlm.config import EndpointConfig
from pvtt_data.vlm.endpoint import Endpoint

GOOD = {
    "target_shows_b": "yes", "source_shows_other": "yes", "leftovers": "no", "floating": "no", "wrong_scale": "no",
    "cut": "no", "hands_wrong": "no", "text_overlay": "no",
}  # fmt: skip
"""The answers about a triple with which all is well."""


@dataclass(frozen=True)
class Reply:
    """What the server does with one request: an HTTP answer, or a connection that breaks."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False
    drips: bool = False
    """The body comes byte by byte, and slowly."""


def says(text: Any) -> Reply:
    """A chat completion with this text, or with this object as JSON."""
    content = text if isinstance(text, str) else json.dumps(text)
    return Reply(body=json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode())


@dataclass
class ChatServer:
    """A running server: what it was sent, and what it does next."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    """Taken one by one; then `usual`."""
    usual: Callable[[dict[str, Any]], Reply] = lambda request: says(GOOD)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def endpoint(self, **settings: Any) -> Endpoint:
        """A client of it whose time passes without waiting."""
        config = EndpointConfig(**{"base_url": self.url, "model": "eye-1", "requests_per_minute": 100_000, **settings})
        now = [0.0]

        def sleep(seconds: float) -> None:
            self.slept.append(round(seconds, 6))
            now[0] += seconds

        return Endpoint(config, clock=lambda: now[0], sleep=sleep)

    def pictures(self, number: int = 0) -> list[Image.Image]:
        """The pictures of a request, decoded."""
        parts = self.requests[number]["messages"][1]["content"]
        addresses = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        return [Image.open(io.BytesIO(base64.b64decode(one.partition(",")[2]))) for one in addresses]

    def text(self, number: int = 0) -> str:
        """The question of a request."""
        (text,) = [p["text"] for p in self.requests[number]["messages"][1]["content"] if p["type"] == "text"]
        return str(text)


@contextlib.contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server on a free port of 127.0.0.1."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(request)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            state.paths.append(self.path)
            reply = state.replies.pop(0) if state.replies else state.usual(request)
            if reply.breaks:
                self.connection.close()
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with contextlib.suppress(OSError):
                for start in range(len(reply.body)) if reply.drips else ():
                    self.wfile.write(reply.body[start : start + 1])
                    time.sleep(0.02)
                self.wfile.write(b"" if reply.drips else reply.body)

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *args: object) -> None:
            pass

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
