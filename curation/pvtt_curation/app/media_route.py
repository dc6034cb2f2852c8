"""The route that media come from: ranges of members, straight out of tars and blobs, and overlays.

It stands in the place of FiftyOne's own ``/media``, which serves every file that the server's user may read.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from pvtt_curation.app.shelf import MediaShelf, Overlay, media_type
from pvtt_curation.media import MediaCache
from pvtt_data.errors import PvttError

ROUTE = "/media"

_CHUNK_BYTES = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
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
        makers: processes that make overlays; half of the processors by default. A crash of a decoder ends one of
            them, not the server.
    """

    def __init__(self, shelf: MediaShelf, makers: int | None = None) -> None:
        self._shelf = shelf
        self._makers = makers or max(1, (os.cpu_count() or 2) // 2)
        self._pool: ProcessPoolExecutor | None = None
        self._making: dict[str, asyncio.Task[Path]] = {}

    async def get(self, request: Request) -> Response:
        """The medium that a request names."""
        name = request.query_params.get("filepath", "")
        found = self._shelf.find(name)
        if found is None:
            return PlainTextResponse("Not a medium of what is reviewed here.\n", 404)
        if not isinstance(found, Overlay):
            return answer(found.path, found.offset, found.length, name, request.headers.get("range"))
        try:
            path = await self._overlay(name, found)
            length = (await to_thread.run_sync(path.stat)).st_size
        except (PvttError, OSError) as error:
            _log.warning("no overlay %s: %s", name, error)
            return PlainTextResponse(f"The overlay cannot be made: {error}\n", 500)
        return answer(path, 0, length, name, request.headers.get("range"))

    async def _overlay(self, name: str, overlay: Overlay) -> Path:
        """The file of an overlay; whoever asks while it is made waits for the same one."""
        path = self._shelf.cache.overlay_path(overlay.video, overlay.mask, overlay.whose)
        if await to_thread.run_sync(path.is_file):
            return path
        task = self._making.get(name)
        if task is None:
            task = self._making[name] = asyncio.create_task(self._make(overlay))
            task.add_done_callback(lambda _: self._making.pop(name, None))
        # A reader who goes away must not stop it for the others.
        return await asyncio.shield(task)

    async def _make(self, overlay: Overlay) -> Path:
        if self._pool is None:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._makers, mp_context=spawn, initializer=_be_nice)
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(
                pool, make_overlay, self._shelf.cache.folder, overlay
            )
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = None
            raise PvttError("the process that made it crashed") from error

    def close(self) -> None:
        """End the processes that make overlays."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def make_overlay(cache: Path, overlay: Overlay) -> Path:
    """Make an overlay in a cache folder; see `MediaCache.overlay`."""
    return MediaCache(cache).overlay(overlay.video, overlay.mask, overlay.whose)


def _be_nice() -> None:
    os.nice(5)  # the server answers first


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
    partial = asked is not None and (begin, end) != (0, length)
    if partial or (asked and _RANGE.fullmatch(asked)):
        headers["Content-Range"] = f"bytes {begin}-{end - 1}/{length}"
        partial = True
    if not path.is_file():
        return PlainTextResponse(f"{path.name} is gone.\n", 404)
    chunks = _chunks(path, offset + begin, end - begin)
    return StreamingResponse(chunks, 206 if partial else 200, headers, media_type(name))


def _span(asked: str | None, length: int) -> tuple[int, int] | None:
    """First byte and one past the last that are asked for; None where there are none such."""
    match = _RANGE.fullmatch(asked.strip()) if asked else None
    if match is None or match.groups() == ("", ""):
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
