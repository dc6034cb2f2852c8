"""The route that media come from: ranges of members, straight out of tars and blobs, and overlays.

It stands in the place of FiftyOne's own ``/media``, which serves every file that the server's user may read.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pvtt_curation.app.makers import OverlayMakers
from pvtt_curation.app.shelf import MediaShelf, Overlay, media_type
from pvtt_data.errors import PvttError

ROUTE = "/media"

_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(?=.*\d)(\d*)-(\d*)")
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=31536000, immutable",  # a name stands for its content
    "Cross-Origin-Resource-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


class MediaRoute:
    """Answers ``GET /media?filepath=<name>``.

    Args:
        shelf: what is served.
        makers: make its overlays.
    """

    def __init__(self, shelf: MediaShelf, makers: OverlayMakers) -> None:
        self._shelf, self._makers = shelf, makers

    async def get(self, request: Request) -> Response:
        """The medium that a request names, or the range of it that a player asks for."""
        name = request.query_params.get("filepath", "")
        found = self._shelf.find(name)
        if found is None:
            return PlainTextResponse("Not a medium of what is reviewed here.\n", 404)
        asked = request.headers.get("range")
        if not isinstance(found, Overlay):
            return answer(found.path, found.offset, found.length, name, asked)
        making = await to_thread.run_sync(self._makers.make, found)
        try:
            # A reader who goes away must not stop it for the others.
            path = await asyncio.shield(asyncio.wrap_future(making))
            length = (await to_thread.run_sync(path.stat)).st_size
        except (PvttError, OSError) as error:
            _log.warning("no overlay %s: %s", name, error)
            return PlainTextResponse(f"The overlay cannot be made: {error}\n", 500)
        return answer(path, 0, length, name, asked)


def answer(path: Path, offset: int, length: int, name: str, asked: str | None) -> Response:
    """The bytes ``[offset, offset + length)`` of a file, or the range of them that a player asks for.

    Args:
        asked: the header ``Range``; several ranges at once are answered with everything, as HTTP allows.
    """
    headers = dict(_HEADERS)
    span = _span(asked, length)
    if span is None:
        headers["Content-Range"] = f"bytes */{length}"
        return PlainTextResponse("No such range.\n", 416, headers)
    begin, end = span
    headers["Content-Length"] = str(end - begin)
    partial = asked is not None and _RANGE.fullmatch(asked.strip()) is not None
    if partial:
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{length}"
    if not path.is_file():
        return PlainTextResponse(f"{path.name} is gone.\n", 404)
    chunks = _chunks(path, offset + begin, end - begin)
    return StreamingResponse(chunks, 206 if partial else 200, headers, media_type(name))


def _span(asked: str | None, length: int) -> tuple[int, int] | None:
    """First byte and one past the last that are asked for; None where there are none such."""
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None:
        return 0, length
    first, last = match.groups()
    if not first:  # the last so many
        return (max(0, length - int(last)), length) if int(last) else None
    begin = int(first)
    end = min(int(last) + 1, length) if last else length
    return (begin, end) if begin < end else None


async def _chunks(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    file = await to_thread.run_sync(path.open, "rb")
    try:
        await to_thread.run_sync(file.seek, offset)
        while length > 0:
            chunk = await to_thread.run_sync(file.read, min(_CHUNK_BYTES, length))
            if not chunk:
                raise OSError(f"{path} ends too early")
            length -= len(chunk)
            yield chunk
    finally:
        file.close()
