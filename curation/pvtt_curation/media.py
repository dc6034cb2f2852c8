"""The pixels of what is reviewed: files made of tar members, and overlays of masks, made when first asked for.

Everything is kept by content, so a cache folder serves any number of datasets, builds and processes at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pvtt_data.errors import DatasetError, PreflightError

Whose = Literal["a", "b"]
"""The product that a mask shows: the one that is put in (A, orange), or that of the real clip (B, blue)."""

_DRAWN_VERSION = 1
"""Another one makes all that is drawn anew."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUFFIXES = ("mp4", "png")


@dataclass(frozen=True, slots=True)
class MediaRef:
    """Where the bytes of a video or picture lie.

    Attributes:
        path: a file, or a tar.
        sha256: hex, of the bytes.
        suffix: mp4 or png.
        offset: first byte.
        length: bytes.
    """

    path: Path
    sha256: str
    suffix: str
    offset: int
    length: int

    @property
    def name(self) -> str:
        """A file name that says what is in it and nothing else."""
        if not _SHA256.fullmatch(self.sha256) or self.suffix not in _SUFFIXES:
            raise ValueError(f"not a medium's name: {self.sha256}.{self.suffix}")
        return f"{self.sha256}.{self.suffix}"

    def read(self) -> bytes:
        """The bytes, as they lie there.

        Raises:
            DatasetError: the file is gone or too short.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(self.length)
        except OSError as error:
            raise DatasetError(f"{self.path.name} cannot be read: {error.strerror}") from error
        if len(data) != self.length:
            raise DatasetError(f"{self.path.name} ends before byte {self.offset + self.length}")
        return data


def default_cache() -> Path:
    """Where media of reviews are kept if nobody names a folder: ``~/.cache/pvtt/review``, as XDG_CACHE_HOME has it."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if root else Path.home() / ".cache") / "pvtt" / "review"


class MediaCache:
    """Files of media, overlays and posters, by content; safe with several processes.

    Args:
        folder: made when something is written. It may be deleted at any time: what is needed is made again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, ref: MediaRef) -> Path:
        """A file that holds the bytes and nothing else: the one that is there, or a checked copy of a tar's member.

        Raises:
            DatasetError: the bytes are gone, or are not those of the reference.
            PreflightError: the cache cannot be written.
        """
        if ref.offset == 0 and ref.path.suffix == f".{ref.suffix}":
            if not ref.path.is_file():
                raise DatasetError(f"{ref.path.name} is missing")
            return ref.path
        made = self.folder / "media" / ref.name[:2] / ref.name
        if not made.is_file():
            data = ref.read()
            if hashlib.sha256(data).hexdigest() != ref.sha256:
                raise DatasetError(f"{ref.path.name}, byte {ref.offset}: the bytes are not those of {ref.sha256}")
            _write(made, data)
        return made

    def overlay_path(self, video: MediaRef, mask: MediaRef, whose: Whose = "b") -> Path:
        """Where the overlay of a mask over its video lies, or will lie."""
        return self._made("overlays", "mp4", whose, video, mask)

    def overlay(self, video: MediaRef, mask: MediaRef, whose: Whose = "b") -> Path:
        """A video that browsers play (H.264, yuv420p): the mask's outline and tint over the video, all else dimmed.

        Raises:
            DatasetError: the bytes are gone, or the mask does not fit the video.
            InputError: one of them does not decode.
            PreflightError: the cache cannot be written.
        """
        made = self.overlay_path(video, mask, whose)
        if not made.is_file():
            self.draw(video, mask, whose)
        return made

    def strip(self, video: MediaRef, mask: MediaRef, whose: Whose = "b") -> Path:
        """A JPEG of some moments of the overlay in a row, each cut to the product.

        Raises:
            DatasetError, InputError, PreflightError: as `overlay`.
        """
        made = self._made("strips", "jpg", whose, video, mask)
        if not made.is_file():
            self.draw(video, mask, whose)
        return made

    def poster(self, video: MediaRef, mask: MediaRef | None = None, whose: Whose = "b") -> Path:
        """A small JPEG of the middle frame, with the mask over it if there is one.

        Raises:
            DatasetError, InputError, PreflightError: as `overlay`.
        """
        made = self._made("posters", "jpg", whose, video, mask)
        if not made.is_file():
            if mask is not None:
                self.draw(video, mask, whose)
            else:
                from pvtt_curation.overlays import poster_of
                from pvtt_data.media import decode_video

                _write(made, poster_of(decode_video(video.read())))
        return made

    def has_drawn(self, video: MediaRef, mask: MediaRef, whose: Whose = "b") -> bool:
        """Whether overlay, strip and poster of a mask are there."""
        made = [self._made(what, "jpg", whose, video, mask) for what in ("strips", "posters")]
        return all(path.is_file() for path in (*made, self.overlay_path(video, mask, whose)))

    def draw(self, video: MediaRef, mask: MediaRef, whose: Whose = "b") -> None:
        """Make overlay, strip and poster of a mask at once, from one decode.

        Raises:
            DatasetError, InputError, PreflightError: as `overlay`.
        """
        from pvtt_curation.overlays import MaskedVideo

        drawn = MaskedVideo.of(video.read(), mask.read(), whose)
        _write(self._made("strips", "jpg", whose, video, mask), drawn.strip())
        _write(self._made("posters", "jpg", whose, video, mask), drawn.poster())
        with _writing(self.overlay_path(video, mask, whose)) as path:
            drawn.write_video(path)

    def _made(self, what: str, suffix: str, whose: Whose, video: MediaRef, mask: MediaRef | None) -> Path:
        """Where something that is made of a video and a mask lies: named by their content and by how it is drawn."""
        facts = f"{what} {_DRAWN_VERSION} {whose} {video.sha256} {mask.sha256 if mask else ''}"
        name = hashlib.sha256(facts.encode()).hexdigest()
        return self.folder / what / name[:2] / f"{name}.{suffix}"


def _write(path: Path, data: bytes) -> None:
    with _writing(path) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that becomes it when the block ends well; the last of several writers wins.

    Raises:
        PreflightError: it cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise PreflightError(
            f"the cache {path.parent} cannot be written: {error}; name another with --cache"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
