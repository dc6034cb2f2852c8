"""Questions to a server that speaks OpenAI's chat completions.

What it answers is not trusted: answers are bounded, redirections are not followed (they would carry the key elsewhere),
and the key, should a server repeat it, is struck out of every text that leaves this module.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pvtt_data import __version__
from pvtt_data.vlm.config import EndpointConfig
from pvtt_data.vlm.errors import AskingError, UnansweredError

MAX_ANSWER_BYTES = 1 << 20
_MAX_ERROR_BYTES = 4096
_CHUNK_BYTES = 1 << 16
_SHOWN_CHARS = 300
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_REFUSED = frozenset({401, 402, 403, 404, 405, 410})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass
class Endpoint:
    """A server.

    Args:
        config: where it is and how it is asked.
        clock, sleep: the time, for pauses.
    """

    config: EndpointConfig
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next_s: float = field(default=float("-inf"), repr=False)

    @property
    def name(self) -> str:
        """What its answers are kept under."""
        return f"endpoint:{self.config.model}"

    @property
    def place(self) -> str:
        """Where questions go."""
        return self.config.place

    @property
    def holds_key(self) -> bool:
        """Whether there is a key to send."""
        return bool(self._key())

    def ask(self, system: str, text: str, pictures: Sequence[bytes]) -> str:
        """The answer's text.

        Args:
            system: what the model is told to be.
            text: the question.
            pictures: JPEG files.

        Raises:
            AskingError: the server refuses whatever is asked, or cannot be reached.
            UnansweredError: it does not answer this question.
        """
        body = json.dumps(self._request(system, text, pictures), ensure_ascii=False).encode()
        trouble, wished_s = "", None
        for attempt in range(self.config.attempts):
            if attempt:
                self.sleep(_pause_s(attempt, wished_s))
            self._wait_for_turn()
            try:
                return self._struck_out(_content_of(self._send(body)))
            except urllib.error.HTTPError as error:
                trouble, wished_s = self._http_trouble(error)
            except (OSError, http.client.HTTPException) as error:
                # OSError takes in refused and broken connections, timeouts, TLS and name errors.
                trouble, wished_s = f"cannot be reached: {_reason_of(error)}", None
                if isinstance(error, urllib.error.URLError) and isinstance(error.reason, socket.gaierror):
                    raise AskingError(self._struck_out(f"{self.place} {trouble}")) from None
        raise UnansweredError(self._struck_out(f"{self.place} {trouble} ({self.config.attempts} attempts)"))

    def _request(self, system: str, text: str, pictures: Sequence[bytes]) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        for picture in pictures:
            address = "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
            parts.append({"type": "image_url", "image_url": {"url": address}})
        return {
            "model": self.config.model,
            "temperature": 0,
            "max_tokens": self.config.max_tokens,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": parts}],
        }

    def _send(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "User-Agent": f"pvtt/{__version__}"}
        key = self._key()
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.place, data=body, headers=headers, method="POST")  # noqa: S310
        # The config lets http and https pass and nothing else. A proxy of the environment is none for this machine.
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if self.config.on_this_machine:
            handlers.append(urllib.request.ProxyHandler({}))
        with urllib.request.build_opener(*handlers).open(request, timeout=self.config.timeout_s) as answer:
            data = _read_within(answer, self.config.timeout_s)
        if len(data) > MAX_ANSWER_BYTES:
            raise UnansweredError(f"{self.place} answered with more than {MAX_ANSWER_BYTES} bytes")
        return data

    def _http_trouble(self, error: urllib.error.HTTPError) -> tuple[str, float | None]:
        """What a busy server said, and how long it wants to be left alone; any other error is raised."""
        with error:
            try:
                said = error.read(_MAX_ERROR_BYTES).decode("utf-8", "replace")
            except (OSError, http.client.HTTPException):
                said = ""
        words = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:_SHOWN_CHARS]
        text = f"answered {error.code}" + (f": {words}" if words else "")
        if error.code in _REFUSED or 300 <= error.code < 400:
            hint = ""
            if error.code in (401, 403):
                known = "is refused" if self.holds_key else "is not set"
                hint = f"; the key in {self.config.key_variable} {known}"
            raise AskingError(self._struck_out(f"{self.place} {text}{hint}")) from None
        if error.code not in _BUSY:
            raise UnansweredError(self._struck_out(f"{self.place} {text}")) from None
        after = error.headers.get("Retry-After", "") if error.headers else ""
        return text, float(after) if after.isascii() and after.isdigit() else None

    def _wait_for_turn(self) -> None:
        now = self.clock()
        if now < self._next_s:
            self.sleep(self._next_s - now)
            now = self._next_s
        self._next_s = now + 60.0 / self.config.requests_per_minute

    def _key(self) -> str:
        return os.environ.get(self.config.key_variable, "").strip()

    def _struck_out(self, text: str) -> str:
        key = self._key()
        return text.replace(key, "***") if key else text


def _read_within(answer: http.client.HTTPResponse, seconds: float) -> bytes:
    """The body, as far as it is of use; a server that sends byte after byte for ever is no longer listened to.

    Raises:
        TimeoutError: it did not end in time.
        IncompleteRead: the connection broke before the end that was announced.
    """
    until_s = time.monotonic() + seconds
    data = bytearray()
    while len(data) <= MAX_ANSWER_BYTES:
        chunk = answer.read1(_CHUNK_BYTES)
        if not chunk:
            if answer.length:
                raise http.client.IncompleteRead(bytes(data), answer.length)
            break
        data += chunk
        if time.monotonic() > until_s:
            raise TimeoutError("timed out")
    return bytes(data)


def _pause_s(attempt: int, wished_s: float | None) -> float:
    """Seconds to wait: what the server asks for, else 1, 2, 4, …; a minute at most."""
    return min(_FIRST_PAUSE_S * 2.0 ** (attempt - 1) if wished_s is None else wished_s, _LONGEST_PAUSE_S)


def _content_of(data: bytes) -> str:
    """Text of the first choice.

    Raises:
        UnansweredError: this is no answer of a chat.
    """
    try:
        content = json.loads(data)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        shown = data[:_SHOWN_CHARS].decode("utf-8", "replace")
        raise UnansweredError(f"the server's answer is no chat completion: {shown!r}") from None
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise UnansweredError("the server's answer has no text")
    return content


def _reason_of(error: BaseException) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason) or type(error).__name__
