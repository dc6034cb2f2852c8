"""The process that the app lives in: it fills the dataset, then serves FiftyOne's own app behind our gate.

It has a process of its own, because FiftyOne reads its settings when it is imported and keeps one connection to a
database for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from anyio import to_thread

from pvtt_curation.app.context import ReviewContext, set_current
from pvtt_curation.app.database import end_database
from pvtt_curation.app.gate import Gate
from pvtt_curation.app.makers import OverlayMakers
from pvtt_curation.app.media_route import ROUTE, MediaRoute
from pvtt_curation.app.shelf import MediaShelf
from pvtt_curation.media import MediaCache
from pvtt_curation.subjects import Reviewed
from pvtt_data.errors import PvttError

_WARM = 72
"""Overlays that are made before anybody asks: some screens of the grid, which stays empty until it has them."""
GRACE_S = 1.0
"""What open connections are given when the app ends; the page keeps one open all the time."""

_log = logging.getLogger("pvtt_curation.app")


@dataclass(frozen=True)
class ServerOrder:
    """What the process is to do.

    Attributes:
        settings: environment variables for FiftyOne.
        log: file that everything is written to which would go to the terminal.
        database: process and folder of the database that is to end with the app; None for somebody else's.
    """

    reviewed: Reviewed
    dataset: str
    verdicts: Path
    reviewer: str
    cache: Path
    address: str
    port: int
    token: str
    settings: Mapping[str, str]
    log: Path
    database: tuple[int, Path] | None


def run_server(order: ServerOrder, parent: Connection) -> None:
    """Fill the dataset and serve it until ``parent`` says so or is gone.

    It sends ``("says", text)`` for people to read, ``("ready", text)`` when the app can be opened, or
    ``("failed", text)``. It is sent ``("stop", 0)``, and ``("database", pid)`` when the database was started again.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal; the parent decides
    _write_to(order.log)
    os.environ.update(order.settings)
    for name in ("FIFTYONE_PRIVATE_DATABASE_PORT", "FIFTYONE_DISABLE_SERVICES"):
        os.environ.pop(name, None)
    control = _Control(parent, order.database)
    try:
        _serve(order, control)
    except Exception as error:
        _log.exception("the app ended")
        control.tell("failed", str(error) if isinstance(error, PvttError) else f"{type(error).__name__}: {error}")
    control.leave()


def _serve(order: ServerOrder, control: _Control) -> None:
    from pvtt_curation.app.index import fill, open_dataset, refresh
    from pvtt_curation.app.looks_map import draw_map

    began = time.monotonic()
    shelf = MediaShelf(MediaCache(order.cache), order.reviewed.subjects)
    context = ReviewContext(order.dataset, order.reviewed, order.verdicts, order.reviewer, shelf)
    set_current(context)
    makers = OverlayMakers(shelf.cache)
    control.on_leave = makers.close
    makers.warm(shelf.overlays(_WARM))
    dataset = open_dataset(order.dataset)
    indexed = fill(dataset, context)
    for note in indexed.notes:
        control.tell("says", note)
    on_map = draw_map(dataset, context)
    control.on_database = lambda: refresh(context)
    text = f"{indexed.groups} subjects with {indexed.samples} media, indexed in {time.monotonic() - began:.0f} s"
    asyncio.run(
        _listen(order, control, MediaRoute(shelf, makers), text + (f"; {on_map} on the map of looks" if on_map else ""))
    )


async def _listen(order: ServerOrder, control: _Control, media: MediaRoute, text: str) -> None:
    from fiftyone.server.app import app
    from fiftyone.server.events import set_port
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from starlette.routing import Route

    app.debug = False
    app.router.routes.insert(0, Route(ROUTE, media.get))
    set_port(order.port)
    config = Config()
    config.bind = [f"[{order.address}]:{order.port}" if ":" in order.address else f"{order.address}:{order.port}"]
    config.graceful_timeout = GRACE_S
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    control.on_stop = lambda: loop.call_soon_threadsafe(stop.set)
    serving = asyncio.create_task(serve(Gate(app, order.token), config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    while not serving.done() and not await to_thread.run_sync(_answers, order.address, order.port):
        await asyncio.sleep(0.05)
    if not serving.done():
        control.tell("ready", text)
    await serving


def _answers(address: str, port: int) -> bool:
    """Whether something listens there."""
    where = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 (any address is asked at loopback)
    try:
        with socket.create_connection((where, port), timeout=1):
            return True
    except OSError:
        return False


class _Control:
    """What passes between the server and the process that started it.

    Args:
        parent: ends with its process.
        database: that ends with the app if the parent is gone; None for somebody else's.
    """

    def __init__(self, parent: Connection, database: tuple[int, Path] | None) -> None:
        self._parent, self._database = parent, database
        self._orphaned = False
        self.on_stop: Callable[[], object] = self.leave
        """Called in a thread of its own."""
        self.on_database: Callable[[], object] = int
        self.on_leave: Callable[[], object] = int
        threading.Thread(target=self._hear, daemon=True).start()

    def tell(self, what: str, text: str) -> None:
        """Say something to the parent, if it is there."""
        with contextlib.suppress(OSError):
            self._parent.send((what, text))

    def leave(self) -> NoReturn:
        """End this process at once, and the database if nobody else will. Verdicts are on the disk already."""
        self.on_leave()
        if self._orphaned and self._database is not None:
            end_database(*self._database)
        for handler in logging.getLogger().handlers:
            handler.flush()
        # Not by the usual way: FiftyOne's threads would wait for a database that may be gone.
        os._exit(0)

    def _hear(self) -> None:
        while True:
            try:
                what, number = self._parent.recv()
            except (EOFError, OSError):
                self._orphaned = True
                break
            if what == "stop":
                break
            if what == "database" and self._database is not None:
                self._database = (number, self._database[1])
                with contextlib.suppress(Exception):  # it is refreshed with the next verdict
                    self.on_database()
        self.on_stop()


def _write_to(log: Path) -> None:
    """Send everything that this process and its libraries print to a file."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
