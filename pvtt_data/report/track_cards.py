"""Cards of mask tracks, and of clips that have none."""

from __future__ import annotations

from pvtt_data.records import Clip, MaskTrack, Rejection
from pvtt_data.report.cards import Card, Judged, Row, make_card
from pvtt_data.report.rows import Rows
from pvtt_data.report.thumbnails import Thumbnails

_KEY_NUMBERS = (
    "warped_iou_median",
    "warped_iou_p05",
    "boundary_flicker",
    "unexplained_area_change_max",
    "area_share_median",
    "border_contact_max",
)


class TrackCards:
    """Cards of tracks, of rejected ones, and of clips in which nothing was found."""

    def __init__(self, rows: Rows, thumbnails: Thumbnails) -> None:
        self._rows = rows
        self._thumbnails = thumbnails

    def product(self, track: MaskTrack) -> str:
        return self._product_id(track.clip_id)

    def product_of_rejected(self, rejection: Rejection) -> str:
        return self._product_id(rejection.linked_to)

    def product_of_unmasked(self, rejection: Rejection) -> str:
        return self._product_id(rejection.subject_id)

    def track(self, track: MaskTrack) -> Card:
        """A card of a track."""
        return self._card(Judged(track.track_id, "", track.reasons, "", track.numbers), track.clip_id, track)

    def rejected(self, rejection: Rejection) -> Card:
        """A card from what a rejection of a track points at."""
        track = self._rows.of(MaskTrack).get(rejection.subject_id)
        return self._card(Judged.rejected(rejection), rejection.linked_to, track)

    def unmasked(self, rejection: Rejection) -> Card:
        """A card of a clip without a mask."""
        return self._card(Judged.rejected(rejection), rejection.subject_id, None)

    def _card(self, judged: Judged, clip_id: str, track: MaskTrack | None) -> Card:
        clip = self._rows.of(Clip).get(clip_id)
        mask = track.mask if track else None
        strips = [Row("clip", self._thumbnails.strip(clip.video, mask), "b" if mask else "")] if clip else []
        return make_card(self._rows, judged, clip, strips, _KEY_NUMBERS, tags=(track.backend,) if track else ())

    def _product_id(self, clip_id: str) -> str:
        return self._rows.product_of_clip(self._rows.of(Clip).get(clip_id)).product_id
