"""What became of each product and each category: where the data thins out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pvtt_data.records import Clip, MaskTrack, Pair, Picture, Rejection, RenderPlan, Shot, Source
from pvtt_data.report.rows import Product, Rows

MAX_PRODUCTS = 200
_REASONS_SHOWN = 2


@dataclass(frozen=True, slots=True)
class ProductLine:
    """One product, or one category (then ``product`` carries its name alone).

    Attributes:
        tracks: mask tracks that passed.
        as_b: triples whose target shows it.
        as_a: triples whose source shows it.
        flagged: those among ``as_b`` that are flagged.
        reasons: its most frequent rejections, with their numbers.
    """

    product: Product
    products: int
    sources: int
    clips: int
    tracks: int
    as_b: int
    as_a: int
    flagged: int
    dropped: int
    reasons: dict[str, int]


def product_lines(rows: Rows) -> tuple[int, list[ProductLine]]:
    """How many products there are, and the first of them; those that give no triple come first."""
    lines = _lines(rows, lambda product: product)
    lines.sort(key=lambda line: (line.as_b > 0, line.product.category, line.product.product_id))
    return len(lines), lines[:MAX_PRODUCTS]


def category_lines(rows: Rows) -> list[ProductLine]:
    """One line for each category, by name."""
    lines = _lines(rows, lambda product: Product(product.category, "", ""))
    return sorted(lines, key=lambda line: line.product.product_id)


def _lines(rows: Rows, group: Callable[[Product], Product]) -> list[ProductLine]:
    sources: Counter[Product] = Counter()
    clips: Counter[Product] = Counter()
    tracks: Counter[Product] = Counter()
    as_a: Counter[Product] = Counter()
    as_b: Counter[Product] = Counter()
    flagged: Counter[Product] = Counter()
    products: dict[Product, set[str]] = {}
    reasons: dict[Product, Counter[str]] = {}
    for source in rows.of(Source).values():
        of = group(rows.product(source.product_id))
        sources[of] += source.kind != "photo"
        products.setdefault(of, set()).add(source.product_id)
    clip_of = rows.of(Clip)
    for clip in rows.made_by("normalise"):
        clips[group(rows.product_of_clip(clip))] += 1
    for track in rows.made_by("mask_qc"):
        tracks[group(rows.product_of_clip(clip_of.get(track.clip_id)))] += 1
    for triple in rows.triples():
        of = group(rows.product(triple.product_b))
        as_b[of] += 1
        flagged[of] += triple.verdict == "flag"
        as_a[group(rows.product(triple.product_a))] += 1
    for result in rows.results.values():
        for rejection in result.rejections:
            product = _product_of(rejection, rows)
            if product is not None:
                reasons.setdefault(group(product), Counter())[rejection.reason] += 1
    return [
        ProductLine(
            product=of,
            products=len(members),
            sources=sources[of],
            clips=clips[of],
            tracks=tracks[of],
            as_b=as_b[of],
            as_a=as_a[of],
            flagged=flagged[of],
            dropped=sum(reasons.get(of, Counter()).values()),
            reasons=dict(
                sorted(reasons.get(of, Counter()).items(), key=lambda pair: (-pair[1], pair[0]))[:_REASONS_SHOWN]
            ),
        )
        for of, members in products.items()
    ]


def _product_of(rejection: Rejection, rows: Rows) -> Product | None:
    """The product whose footage or picture was rejected; None where no row tells."""
    subject = rejection.subject_id
    if subject in rows.of(Pair):
        return rows.product(rows.of(Pair)[subject].product_b)
    if subject in rows.of(RenderPlan):
        return rows.product(rows.of(RenderPlan)[subject].b.product_id)
    if subject in rows.of(MaskTrack):
        return rows.product_of_clip(rows.of(Clip).get(rows.of(MaskTrack)[subject].clip_id))
    if subject in rows.of(Picture):
        return rows.product(rows.of(Picture)[subject].product_id)
    if subject in rows.of(Clip):
        return rows.product_of_clip(rows.of(Clip)[subject])
    if subject in rows.of(Shot):
        source = rows.of(Source).get(rows.of(Shot)[subject].source_id)
        return rows.product(source.product_id) if source else None
    for source in rows.of(Source).values():
        if subject in (source.source_id, source.sha256):
            return rows.product(source.product_id)
    return None
