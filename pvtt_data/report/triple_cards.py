"""Cards of swaps, whatever became of them."""

from __future__ import annotations

from collections.abc import Sequence

from pvtt_data.records import Article, Blob, Clip, MaskTrack, Pair, Picture, Rejection, RenderPlan, Swap, Triple
from pvtt_data.report.cards import Card, Judged, PictureGroup, Row, make_card
from pvtt_data.report.rows import Product, Rows
from pvtt_data.report.thumbnails import OUTLINE_A, OUTLINE_B, Strip, Thumbnails
from pvtt_data.stages.render import ENGINE

_KEY_NUMBERS = (
    "background_psnr_db",
    "centroid_agreement",
    "scale_agreement",
    "ab_similarity",
    "reference_likeness",
    "reference_leak_bits",
    "reference_leak_match",
    "residue",
    "residue_a",
)


_SOURCE_SHOWS = {
    "swap": "source, shows A",
    "noop": "source, B pasted over itself",
    "reconstruct": "source, the target itself",
}


class TripleCards:
    """Cards of triples, of swaps nobody judged yet, and of pairs that were rejected."""

    def __init__(self, rows: Rows, thumbnails: Thumbnails) -> None:
        self._rows = rows
        self._thumbnails = thumbnails
        self._cutouts = {_made_of(pair): pair.cutout_id for pair in rows.of(Pair).values()}

    def product_b(self, triple: Triple) -> str:
        return triple.product_b

    def product_b_of_pair(self, rejection: Rejection) -> str:
        triple = self._rows.of(Triple).get(rejection.subject_id)
        if triple is not None:
            return triple.product_b
        pair = self._rows.of(Pair).get(rejection.subject_id)
        plan = self._rows.of(RenderPlan).get(rejection.subject_id)
        return pair.product_b if pair else plan.b.product_id if plan else ""

    def product_b_of_swap(self, swap: Swap) -> str:
        pair = self._rows.of(Pair).get(swap.pair_id)
        return pair.product_b if pair else ""

    def triple(self, triple: Triple, judged: Judged | None = None) -> Card:
        """A card of a triple; ``judged`` is what was said of it, if not by itself."""
        return make_card(
            self._rows,
            judged or Judged(triple.triple_id, triple.clip_id, triple.reasons, "", triple.numbers),
            self._rows.of(Clip).get(triple.clip_id),
            (
                self._row(_SOURCE_SHOWS[triple.kind], triple.source, triple.source_mask, "a"),
                self._row("target, shows B", triple.target, triple.target_mask, "b"),
                *self._own_clip(triple.track_id_a),
            ),
            _KEY_NUMBERS,
            product_a=self._rows.product(triple.product_a),
            product_b=self._rows.product(triple.product_b),
            tags=(triple.split, triple.difficulty, triple.engine, triple.kind),
            prompt=triple.prompt,
            source_prompt=triple.source_prompt,
            pictures=self._pictures(self._cutouts.get(_made_of(triple), ""), triple.references, triple.heldout),
        )

    def rejected(self, rejection: Rejection) -> Card:
        """A card from what a rejection of a pair, or of a render, points at."""
        triple = self._rows.of(Triple).get(rejection.subject_id)
        if triple is not None:
            return self.triple(triple, Judged.rejected(rejection))
        plan = self._rows.of(RenderPlan).get(rejection.subject_id)
        if plan is not None and rejection.subject_id not in self._rows.of(Pair):
            return self._plan(plan, Judged.rejected(rejection))
        return self._pair(rejection.subject_id, Judged.rejected(rejection))

    def swap(self, swap: Swap) -> Card:
        """A card of a swap that was not judged."""
        return self._pair(swap.pair_id, Judged(swap.pair_id, swap.pair_id, swap.flags, "", swap.numbers))

    def _pair(self, pair_id: str, judged: Judged) -> Card:
        rows = self._rows
        pair, swap = rows.of(Pair).get(pair_id), rows.of(Swap).get(pair_id)
        clip = rows.of(Clip).get(pair.clip_id) if pair else None
        track = rows.of(MaskTrack).get(pair.track_id) if pair else None
        strips = []
        if swap:
            shows = _SOURCE_SHOWS[pair.kind if pair else "swap"]
            strips.append(self._row(shows, swap.source, swap.source_mask, "a"))
        if clip:
            strips.append(self._row("target, shows B", clip.video, track.mask if track else None, "b"))
        strips += self._own_clip(pair.track_id_a if pair else "")
        if pair is None:
            return make_card(rows, judged, clip, strips, _KEY_NUMBERS)
        pictures = rows.of(Picture)
        return make_card(
            rows,
            judged,
            clip,
            strips,
            _KEY_NUMBERS,
            product_a=rows.product(pair.product_a),
            product_b=rows.product(pair.product_b),
            tags=(pair.split, pair.difficulty, pair.engine, pair.kind),
            pictures=self._pictures(
                pair.cutout_id,
                [pictures[name].cutout for name in pair.reference_ids if name in pictures],
                [pictures[name].cutout for name in pair.heldout_ids if name in pictures],
                pair.photo_id,
            ),
        )

    def _plan(self, plan: RenderPlan, judged: Judged) -> Card:
        """A render that was not made: who should have played."""
        return make_card(
            self._rows,
            judged,
            None,
            (Row("render", Strip(missing="nothing was rendered"), ""),),
            _KEY_NUMBERS,
            product_a=self._cast(plan.a),
            product_b=self._cast(plan.b),
            tags=(plan.split, plan.difficulty, ENGINE, plan.near_identity),
        )

    def _cast(self, article: Article) -> Product:
        """A product of a plan; if no render of it was made, no source names it."""
        known = self._rows.product(article.product_id)
        return known if known.category else Product(article.product_id, article.title, article.category)

    def _row(self, heading: str, video: Blob, mask: Blob | None, outline: str) -> Row:
        colour = OUTLINE_A if outline == "a" else OUTLINE_B
        return Row(heading, self._thumbnails.strip(video, mask, colour), outline if mask else "")

    def _own_clip(self, track_id: str) -> list[Row]:
        """The clip that a moving A was cut out of."""
        track = self._rows.of(MaskTrack).get(track_id)
        clip = self._rows.of(Clip).get(track.clip_id) if track else None
        return [self._row("the clip A was cut out of", clip.video, track.mask, "a")] if track and clip else []

    def _pictures(
        self, cutout_id: str, references: Sequence[Blob], heldout: Sequence[Blob], photo_id: str = ""
    ) -> tuple[PictureGroup, ...]:
        picture, photo = (self._rows.of(Picture).get(name) for name in (cutout_id, photo_id))
        groups = (
            ("A, as pasted", [picture.cutout] if picture else []),
            ("B, in its photo", [photo.cutout] if photo else []),
            ("references of B", references),
            ("held-out views of B", heldout),
        )
        return tuple(
            PictureGroup(heading, tuple(self._thumbnails.picture(blob) for blob in blobs))
            for heading, blobs in groups
            if blobs
        )


def _made_of(row: Pair | Triple) -> tuple[str, str, str, str]:
    """What a triple and the pair it was made from have in common."""
    return row.engine, row.kind, row.track_id, row.product_a
