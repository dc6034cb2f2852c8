"""What operators know of the review that they run in: they live in the server's process, where there is one review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pvtt_curation.app.shelf import MediaShelf
from pvtt_curation.media import MediaCache
from pvtt_curation.subjects import Reviewed, Subject


@dataclass(frozen=True)
class ReviewContext:
    """A review.

    Attributes:
        dataset: FiftyOne's name of the dataset.
        reviewed: what is looked at.
        verdicts: the verdicts folder.
        reviewer: whose verdicts are given.
        shelf: the media that are served.
    """

    dataset: str
    reviewed: Reviewed
    verdicts: Path
    reviewer: str
    shelf: MediaShelf
    _by_key: Mapping[tuple[str, str], Subject] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {(s.kind, s.key): s for s in self.subjects})

    @property
    def name(self) -> str:
        """What is looked at, for the field ``seen_in`` of verdicts."""
        return self.reviewed.name

    @property
    def arbiter(self) -> str | None:
        """The reviewer whose word decides; None for the strictest word."""
        return self.reviewed.arbiter

    @property
    def cache(self) -> MediaCache:
        """Files of media, overlays and posters."""
        return self.shelf.cache

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All, flagged first."""
        return self.reviewed.subjects

    def subject(self, kind: str, key: str) -> Subject | None:
        """The one with a key; None if it is not shown here."""
        return self._by_key.get((kind, key))

    def show(self, path: Path) -> str:
        """Serve one more MP4 or PNG from now on; its address at the app's server, without the host."""
        return self.shelf.show(path)


_current: ReviewContext | None = None


def current() -> ReviewContext:
    """The review of this process.

    Raises:
        RuntimeError: there is none.
    """
    if _current is None:
        raise RuntimeError("no review runs in this process: start the app with `pvtt-data review`")
    return _current


def set_current(context: ReviewContext | None) -> None:
    """Say which review runs in this process."""
    global _current
    _current = context
