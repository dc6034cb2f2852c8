"""Frames of things that were dropped, from what the build stored of them."""

from __future__ import annotations

from pvtt_data.records import Clip, MaskTrack, Measurement, Pair, Rejection, Shot, Source, Swap, Triple
from pvtt_data.report.cards import Row
from pvtt_data.report.rows import Rows
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B, Thumbnails


class Footage:
    """Finds the frames behind a rejection.

    Clips and swaps are shown as they are; of windows and whole sources, which were not cut yet, the small grey pictures
    that measuring kept. Nothing is shown of what was never measured.
    """

    def __init__(self, rows: Rows, thumbnails: Thumbnails) -> None:
        self._rows = rows
        self._thumbnails = thumbnails

    def of(self, rejection: Rejection) -> tuple[Row, ...]:
        """Strips of frames of what was rejected, and of the window that stays where it was a duplicate."""
        found = self._frames(rejection.subject_id)
        other = self._rows.of(Shot).get(rejection.linked_to)
        if other is not None:
            found += self._window(other, f"stays: {self._rows.name(other.shot_id)}")
        return tuple(found)

    def _frames(self, identifier: str) -> list[Row]:
        rows = self._rows
        if identifier in rows.of(Triple):
            return self._triple(rows.of(Triple)[identifier])
        if identifier in rows.of(Pair):
            return self._pair(rows.of(Pair)[identifier])
        if identifier in rows.of(MaskTrack):
            track = rows.of(MaskTrack)[identifier]
            clip = rows.of(Clip).get(track.clip_id)
            return [Row("clip", self._thumbnails.strip(clip.video, track.mask), "b")] if clip else []
        if identifier in rows.of(Clip):
            return [Row("clip", self._thumbnails.strip(rows.of(Clip)[identifier].video), "")]
        if identifier in rows.of(Shot):
            return self._window(rows.of(Shot)[identifier], "window")
        for source in rows.of(Source).values():
            if identifier in (source.source_id, source.sha256):
                return self._measured(source.sha256, None, "whole video")
        return []

    def _triple(self, triple: Triple) -> list[Row]:
        source = self._thumbnails.strip(triple.source, triple.source_mask, OUTLINE_A)
        target = self._thumbnails.strip(triple.target, triple.target_mask, OUTLINE_B)
        return [Row("source, shows A", source, "a"), Row("target, shows B", target, "b")]

    def _pair(self, pair: Pair) -> list[Row]:
        rows = self._rows
        swap, clip = rows.of(Swap).get(pair.pair_id), rows.of(Clip).get(pair.clip_id)
        track = rows.of(MaskTrack).get(pair.track_id)
        found = []
        if swap is not None:
            strip = self._thumbnails.strip(swap.source, swap.source_mask, OUTLINE_A)
            found.append(Row("source, shows A", strip, "a"))
        if clip is not None:
            mask = track.mask if track else None
            found.append(
                Row("target, shows B", self._thumbnails.strip(clip.video, mask, OUTLINE_B), "b" if mask else "")
            )
        return found

    def _window(self, shot: Shot, heading: str) -> list[Row]:
        return self._measured(shot.media_sha256, (shot.first_frame, shot.last_frame), heading)

    def _measured(self, sha256: str, frames: tuple[int, int] | None, heading: str) -> list[Row]:
        measurement = self._rows.of(Measurement).get(sha256)
        if measurement is None:
            return []
        size = (measurement.width_px, measurement.height_px)
        return [Row(heading, self._thumbnails.measured(measurement.series, frames, size), "")]
