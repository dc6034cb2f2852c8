"""Media of the app: members straight out of files, overlays when first asked for, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from review_toys import toy_reviewed

if find_spec("starlette") is None:
    pytest.skip("FiftyOne is not installed: pip install 'pvtt[app]'", allow_module_level=True)

from pvtt_curation.app.makers import OverlayMakers
from pvtt_curation.app.media_route import MediaRoute
from pvtt_curation.app.shelf import MediaShelf, name_of
from pvtt_curation.media import MediaCache, MediaRef
from pvtt_curation.subjects import Subject
from starlette.requests import Request
from starlette.types import Message

from pvtt_data.media import decode_video


def ask(route: MediaRoute, name: str, asked: str = "") -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()  # the player stays
        raise AssertionError

    async def get() -> None:
        headers = [(b"range", asked.encode())] if asked else []
        scope = {"type": "http", "method": "GET", "path": "/media", "headers": headers}
        scope["query_string"] = f"filepath={name}".encode()
        response = await route.get(Request(scope))
        await response(scope, receive, send)

    asyncio.run(get())
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def in_a_tar(ref: MediaRef, folder: Path) -> MediaRef:
    """The same bytes with others before and after them."""
    path = folder / f"{ref.sha256[:8]}.tar"
    path.write_bytes(b"before" + ref.read() + b"after")
    return replace(ref, path=path, offset=6)


@pytest.fixture
def triple(tmp_path: Path) -> Subject:
    found = next(subject for subject in toy_reviewed(tmp_path / "toys", 1).subjects if subject.kind == "triple")
    return replace(found, media={name: in_a_tar(ref, tmp_path) for name, ref in found.media.items()})


@pytest.fixture
def route(triple: Subject, tmp_path: Path) -> MediaRoute:
    shelf = MediaShelf(MediaCache(tmp_path / "cache"), [triple])
    return MediaRoute(shelf, OverlayMakers(shelf.cache, 1))


def test_a_member_of_a_tar_comes_alone(route: MediaRoute, triple: Subject) -> None:
    for ref, kind in ((triple.media["target"], "video/mp4"), (triple.media["reference_0"], "image/png")):
        status, headers, body = ask(route, name_of(ref))
        assert (status, headers["content-type"], headers["accept-ranges"]) == (200, kind, "bytes")
        assert body == ref.read()


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-", 0, None), ("bytes=10-19", 10, 20), ("bytes=-7", -7, None)]
)
def test_a_player_gets_the_range_that_it_asks_for(
    route: MediaRoute, triple: Subject, asked: str, first: int, last: int | None
) -> None:
    ref = triple.media["target"]
    status, headers, body = ask(route, name_of(ref), asked)
    assert status == 206
    assert body == ref.read()[first:last]
    begin = first % ref.length
    assert headers["content-range"] == f"bytes {begin}-{begin + len(body) - 1}/{ref.length}"
    assert headers["content-length"] == str(len(body))


def test_ranges_that_are_none_are_refused_or_ignored(route: MediaRoute, triple: Subject) -> None:
    ref = triple.media["target"]
    assert ask(route, name_of(ref), f"bytes={ref.length}-")[0] == 416
    assert ask(route, name_of(ref), "bytes=-0")[0] == 416
    for asked in ("bytes=0-1,4-5", "bytes=-", "lines=1-2"):
        status, _, body = ask(route, name_of(ref), asked)
        assert (status, body) == (200, ref.read())


def test_nothing_else_is_served(route: MediaRoute, triple: Subject, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    for name in (str(secret), "/etc/passwd", f"/pvtt/../{secret}", str(triple.media["target"].path), "/pvtt/", ""):
        status, _, body = ask(route, name)
        assert status == 404
        assert b"secret" not in body
    address = MediaShelf(MediaCache(tmp_path / "cache"), []).show(secret)
    assert str(secret) not in address


def test_an_overlay_is_made_when_it_is_asked_for_and_kept(route: MediaRoute, triple: Subject, tmp_path: Path) -> None:
    video, mask, whose = triple.overlays["overlay"]
    made = MediaCache(tmp_path / "cache").overlay_path(video, mask, whose)
    assert not made.exists()
    status, _, body = ask(route, f"/pvtt/{made.name}")
    assert status == 200
    assert decode_video(body).shape == (triple.frames, triple.height, triple.width, 3)
    assert made.read_bytes() == body


def test_an_overlay_that_cannot_be_made_says_why(triple: Subject, tmp_path: Path) -> None:
    other = triple.media["reference_0"]
    broken = replace(triple, media={**triple.media, "target_mask": replace(other, suffix="mp4")})
    shelf = MediaShelf(MediaCache(tmp_path / "cache"), [broken])
    name = f"/pvtt/{shelf.cache.overlay_path(*broken.overlays['overlay']).name}"
    status, _, body = ask(MediaRoute(shelf, OverlayMakers(shelf.cache, 1)), name)
    assert status == 500
    assert b"cannot be made" in body
