"""Opening the app: database, server and the addresses that a person needs."""

from __future__ import annotations

import contextlib
import getpass
import ipaddress
import multiprocessing
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from pvtt_curation.media import MediaCache
from pvtt_curation.subjects import Reviewed
from pvtt_data.errors import PreflightError, PvttError
from pvtt_data.reviews.log import ReviewLog

if TYPE_CHECKING:
    from pvtt_curation.app.database import Database

LOOPBACK = "127.0.0.1"
PORT = 5151
"""FiftyOne's usual one."""
DATABASE_NAME = "pvtt_review"
"""In a MongoDB of somebody's own: apart from the datasets that they keep there with FiftyOne."""

_PORTS_TRIED = 20
_STOP_S = 15.0
_POLL_S = 0.3
_RESTARTS = 3
_PLUGINS = Path(__file__).resolve().parents[1] / "plugin"


class RunningApp:
    """An app that can be opened in a browser.

    Attributes:
        url: with the token; of this computer.
        port: of the app.
        dataset: FiftyOne's name of the dataset.
        log: what the server printed.
    """

    def __init__(
        self,
        url: str,
        port: int,
        dataset: str,
        log: Path,
        server: BaseProcess,
        line: Connection,
        database: Database | None,
        echo: Callable[[str], object],
    ) -> None:
        self.url, self.port, self.dataset, self.log = url, port, dataset, log
        self._server, self._line, self._database, self._echo = server, line, database, echo
        self._restarts = 0

    @property
    def server_pid(self) -> int:
        """Process of the server."""
        assert self._server.pid is not None
        return self._server.pid

    @property
    def database_pid(self) -> int | None:
        """Process of the database; None if it is somebody else's."""
        return self._database.pid if self._database else None

    def watch(self) -> None:
        """See that server and database are alive, and start the database again if it is not.

        Raises:
            PvttError: the app cannot go on.
        """
        if not self._server.is_alive():
            raise PvttError(f"the app's server ended; its log is {self.log}. No verdict is lost: open it again")
        if self._database is not None and not self._database.running():
            if self._restarts == _RESTARTS:
                raise PvttError(f"the database ended {_RESTARTS + 1} times; its log is {self._database.log}")
            self._restarts += 1
            self._echo("the database ended and is started again; no verdict is lost")
            self._database.start()
            self._line.send(("database", self._database.pid))

    def wait(self) -> None:
        """Block until Ctrl-C.

        Raises:
            PvttError: the app cannot go on.
            KeyboardInterrupt: Ctrl-C.
        """
        while True:
            self.watch()
            time.sleep(_POLL_S)


@contextlib.contextmanager
def running(
    reviewed: Reviewed,
    media: MediaCache,
    *,
    verdicts: Path,
    reviewer: str,
    address: str = LOOPBACK,
    port: int | None = None,
    echo: Callable[[str], object] = print,
) -> Iterator[RunningApp]:
    """The app, from its start to the end of the block.

    Args:
        reviewed: what is looked at.
        media: overlays are kept in it, and the database in its folder ``database``.
        verdicts: the verdicts folder.
        reviewer: who gives verdicts.
        address: to listen on; anything but loopback is warned of.
        port: to listen on; by default 5151 or the next that is free.
        echo: is given each line for a person.

    Raises:
        PreflightError: FiftyOne is not installed, the port is taken, or the database does not start.
        InputError: the reviewer's name cannot be one.
        PvttError: the app does not start.
    """
    if find_spec("fiftyone") is None:
        raise PreflightError(
            "the app is FiftyOne, which is not installed: pip install 'pvtt[app]'; or make a page that needs nothing "
            "but a browser, with --html"
        )
    from pvtt_curation.app.gate import TOKEN, new_token
    from pvtt_curation.app.server import ServerOrder, run_server
    from pvtt_curation.app.views import FIRST_VIEW, view_slug

    ReviewLog(verdicts, reviewer)
    port = _chosen_port(address, port)
    token = new_token()
    dataset = f"{_slug(reviewed.name)}-{reviewed.identity[:8]}"
    folder = media.folder.resolve() / "database" / dataset
    log = folder / "app.log"
    with contextlib.ExitStack() as stack:
        database, settings = _database(stack, folder)
        order = ServerOrder(
            reviewed=reviewed,
            dataset=dataset,
            verdicts=verdicts.resolve(),
            reviewer=reviewer,
            cache=media.folder.resolve(),
            address=address,
            port=port,
            token=token,
            settings=settings,
            log=log,
            database=(database.pid, database.folder) if database else None,
        )
        spawn = multiprocessing.get_context("spawn")
        line, childs = spawn.Pipe()
        server = spawn.Process(target=run_server, args=(order, childs), name="pvtt-review")
        server.start()
        stack.callback(_stop, server, line)
        childs.close()
        echo(_await_ready(server, line, log, echo))
        url = f"http://{_shown(address)}:{port}/datasets/{dataset}?view={view_slug(FIRST_VIEW)}&{TOKEN}={token}"
        yield RunningApp(url, port, dataset, log, server, line, database, echo)


def launch(
    reviewed: Reviewed,
    media: MediaCache,
    *,
    verdicts: Path,
    reviewer: str,
    address: str = LOOPBACK,
    port: int | None = None,
    echo: Callable[[str], object] = print,
) -> None:
    """Open the app, say where, and keep it open until Ctrl-C; see `running`."""
    for note in reviewed.notes:
        echo(f"note: {note}")
    with (
        contextlib.suppress(KeyboardInterrupt),
        running(
            reviewed,
            media,
            verdicts=verdicts,
            reviewer=reviewer,
            address=address,
            port=port,
            echo=echo,
        ) as app,
    ):
        for line in welcome(app.url, app.port, address, verdicts / f"{reviewer}.jsonl"):
            echo(line)
        app.wait()
    echo("the app is closed; open it again with the same command")


def welcome(url: str, port: int, address: str, file: Path) -> list[str]:
    """What a person is told when the app is ready."""
    lines = ["", f"  {url}", ""]
    if is_loopback(address):
        host = f"{getpass.getuser()}@{socket.gethostname()}"
        lines.append(f"From another computer: ssh -N -L {port}:{LOOPBACK}:{port} {host}   and then the same address.")
    else:
        lines.append(
            f"Warning: the app listens on {address}, not on loopback alone, and nothing is encrypted: who can read "
            "the traffic can read the token, see everything, and give verdicts. An SSH tunnel to loopback is safer."
        )
    lines.append(f"Verdicts go to {file}. Ctrl-C closes the app; every verdict is on the disk as soon as it is given.")
    return lines


def is_loopback(address: str) -> bool:
    """Whether only this computer can reach an address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _database(stack: contextlib.ExitStack, folder: Path) -> tuple[Database | None, dict[str, str]]:
    """A database of our own, or the one of FIFTYONE_DATABASE_URI; and FiftyOne's settings."""
    from pvtt_curation.app.database import Database

    settings = {
        "FIFTYONE_DO_NOT_TRACK": "1",
        "FIFTYONE_SERVER": "1",
        "FIFTYONE_CONFIG_PATH": str(folder / "fiftyone.json"),  # nobody's: what a person set for other work stays there
        "FIFTYONE_PLUGINS_DIR": str(_PLUGINS),
        "FIFTYONE_SHOW_PROGRESS_BARS": "false",
        "FIFTYONE_ALLOWED_ORIGINS": "",
        "FIFTYONE_DATABASE_NAME": os.environ.get("FIFTYONE_DATABASE_NAME") or DATABASE_NAME,
    }
    uri = os.environ.get("FIFTYONE_DATABASE_URI", "")
    if uri:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise PreflightError(f"the cache {folder} cannot be written: {error.strerror}") from error
        admin = os.environ.get("FIFTYONE_DATABASE_ADMIN") or "false"  # the server's own settings are its owner's
        return None, settings | {"FIFTYONE_DATABASE_URI": uri, "FIFTYONE_DATABASE_ADMIN": admin}
    database = stack.enter_context(Database(folder))
    # The version that the wheel brings is the oldest that FiftyOne takes, and it says so at every start.
    return database, settings | {"FIFTYONE_DATABASE_URI": database.uri, "FIFTYONE_DATABASE_VALIDATION": "false"}


def _await_ready(server: BaseProcess, line: Connection, log: Path, echo: Callable[[str], object]) -> str:
    """What the server says when it is ready."""
    while True:
        try:
            if line.poll(_POLL_S):
                what, text = line.recv()
                if what == "ready":
                    return str(text)
                if what == "failed":
                    raise PvttError(f"the app does not start: {text}; its log is {log}")
                echo(text)
                continue
        except (EOFError, OSError):
            server.join(1)
        if not server.is_alive():
            raise PvttError(f"the app's server ended before it was ready; its log is {log}")


def _stop(server: BaseProcess, line: Connection) -> None:
    with contextlib.suppress(OSError):
        line.send(("stop", 0))
    server.join(_STOP_S)
    if server.is_alive():
        server.kill()
        server.join()
    line.close()


def _chosen_port(address: str, port: int | None) -> int:
    """A port that is free now.

    Raises:
        PreflightError: the one asked for is taken, or none is free.
    """
    wanted = [port] if port else range(PORT, PORT + _PORTS_TRIED)
    problem = OSError()
    for number in wanted:
        try:
            with socket.create_server((address, number), family=_family(address)):
                return number
        except OSError as error:
            problem = error
    tried = f"port {port}" if port else f"ports {PORT} to {PORT + _PORTS_TRIED - 1}"
    raise PreflightError(f"{address}, {tried}: {problem.strerror or problem}; name a free one with --port")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _shown(address: str) -> str:
    if is_loopback(address):
        return "localhost" if ":" not in address else f"[{address}]"
    if address in ("0.0.0.0", "::"):  # noqa: S104
        return socket.gethostname()
    return f"[{address}]" if ":" in address else address


def _slug(name: str) -> str:
    """A name of few letters, for folders, addresses and FiftyOne; never empty, and no way out of a folder."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-") or "review"
