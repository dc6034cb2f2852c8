"""Asking again when the Hub is busy or the line breaks: the client does so for most of its requests, not for all."""

from __future__ import annotations

import time
from collections.abc import Callable
from json import JSONDecodeError
from typing import TypeVar

from pvtt_data.errors import PublishError, causes
from pvtt_data.experiment_log.privacy import Privacy

T = TypeVar("T")

ATTEMPTS = 6
LONGEST_WAIT_S = 300.0
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT_S = 1.0

Say = Callable[[str], None]
Sleep = Callable[[float], None]


def patiently(
    call: Callable[[], T], what: str, say: Say = lambda text: None, sleep: Sleep = time.sleep, attempts: int = ATTEMPTS
) -> T:
    """What ``call`` returns; where the Hub answers with 429 or 5xx, or the line breaks, it is asked again.

    Waits as long as ``Retry-After`` or the rate limit says, else twice as long each time.

    Args:
        call: makes the request; may be made several times.
        what: names it in messages.
        say: told before each wait.

    Raises:
        PublishError: it did not work in the end; the text has no secret in it.
    """
    wait_s = _FIRST_WAIT_S
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except Exception as error:
            if not is_passing(error):
                raise
            asked = asked_wait_s(error)
            if attempt == attempts or (asked or 0.0) > LONGEST_WAIT_S:
                later = f"; the Hub asks to wait {asked:.0f} s" if asked else ""
                raise PublishError(
                    f"{what}: {reason(error)}{later}; what was uploaded is kept, run it again"
                ) from error
            pause = wait_s if asked is None else asked + 0.5
            say(f"{what}: {reason(error)}; again in {pause:.0f} s ({attempt} of {attempts - 1})")
            sleep(pause)
            wait_s *= 2
    raise AssertionError("the last attempt returns or raises")


def is_passing(error: BaseException) -> bool:
    """Whether the same request may well work a little later."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError):
            return cause.response.status_code in _PASSING
        if isinstance(cause, httpx2.TransportError):
            return not isinstance(cause, httpx2.UnsupportedProtocol)
    return False


def is_hub_error(error: BaseException) -> bool:
    """Whether an error is the Hub's refusal, an answer that is none of the Hub's, or a line that cannot be had."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    return isinstance(
        error, (HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled, JSONDecodeError)
    )


def status_of(error: BaseException) -> int | None:
    """The status of the answer behind an error, if there is one."""
    from huggingface_hub.errors import HfHubHTTPError

    return next((cause.response.status_code for cause in causes(error) if isinstance(cause, HfHubHTTPError)), None)


def reason(error: BaseException) -> str:
    """The first line that says something, without secrets."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return Privacy([]).without_secrets(lines[0] if lines else type(error).__name__).rstrip(".:")


def asked_wait_s(error: BaseException) -> float | None:
    """How long the answer asks to wait, in seconds."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    for cause in causes(error):
        if isinstance(cause, HfHubHTTPError):
            stated = cause.response.headers.get("Retry-After", "")
            if stated.strip().isdigit():
                return float(stated)
            limit = parse_ratelimit_headers(cause.response.headers)
            if cause.response.status_code == 429 and limit is not None and limit.remaining == 0:
                return float(limit.reset_in_seconds)
            return None
    return None
