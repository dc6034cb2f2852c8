"""What the app's server hands out: members of a dataset, blobs of a build and overlays, by name and by nothing else.

Samples of the app name their media ``/pvtt/<sha256>.mp4``, and overlays by the content that they are made of. The
names hold for any port and machine, and a name that was not put here is not served, whatever lies on the disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from pvtt_curation.media import MediaCache, MediaRef, Whose
from pvtt_curation.subjects import Subject
from pvtt_data.files import sha256_file

_ROOT = "/pvtt/"
_MEDIA_TYPES = {"mp4": "video/mp4", "png": "image/png"}


@dataclass(frozen=True, slots=True)
class Overlay:
    """An overlay, which is made when it is first asked for."""

    video: MediaRef
    mask: MediaRef
    whose: Whose


class MediaShelf:
    """Media by name.

    Args:
        cache: where overlays are kept.
        subjects: whose media are served.
    """

    def __init__(self, cache: MediaCache, subjects: Iterable[Subject]) -> None:
        self.cache = cache
        self._things: dict[str, MediaRef | Overlay] = {}
        for subject in subjects:
            for ref in subject.media.values():
                self._things[name_of(ref)] = ref
            for parts in subject.overlays.values():
                overlay = Overlay(*parts)
                self._things[name_of_overlay(cache, overlay)] = overlay

    def find(self, name: str) -> MediaRef | Overlay | None:
        """What has a name; None if nothing has."""
        return self._things.get(name)

    def show(self, path: Path) -> str:
        """Serve one more file from now on.

        Args:
            path: of an MP4 or PNG that does not change.

        Returns:
            Its address at the app's server, without the host.
        """
        ref = MediaRef(path, sha256_file(path), path.suffix.removeprefix("."), 0, path.stat().st_size)
        self._things[name_of(ref)] = ref
        return f"/media?filepath={name_of(ref)}"

    def overlays(self, count: int) -> list[Overlay]:
        """The first overlays that the grid shows, in its order: those of masks, and of B in triples."""
        things = (thing for thing in self._things.values() if isinstance(thing, Overlay) and thing.whose == "b")
        return list(islice(things, count))

    def __len__(self) -> int:
        return len(self._things)


def name_of(ref: MediaRef) -> str:
    """The name of a medium."""
    return f"{_ROOT}{ref.name}"


def name_of_overlay(cache: MediaCache, overlay: Overlay) -> str:
    """The name of an overlay."""
    return f"{_ROOT}{cache.overlay_path(overlay.video, overlay.mask, overlay.whose).name}"


def media_type(name: str) -> str:
    """MIME type of a name."""
    return _MEDIA_TYPES[name.rpartition(".")[2]]
