"""Cards: one thing on a contact sheet, with its frames, pictures and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvtt_data.records import Clip, Rejection
from pvtt_data.report.rows import Product, Rows
from pvtt_data.report.thumbnails import Strip, Thumbnail


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Still pictures under one heading; None stands for one that cannot be shown."""

    heading: str
    pictures: tuple[Thumbnail | None, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A strip of frames; ``outline`` says whose mask is drawn: a, b, or nobody's."""

    heading: str
    strip: Strip
    outline: str


@dataclass(frozen=True, slots=True)
class Card:
    """One thing on a contact sheet.

    Attributes:
        identifier: of the row that it shows.
        product_a: product that is put in; None where there is none.
        product_b: product of the real clip.
        where: path of the source and the frames taken from it.
        tags: facts in a word: split, difficulty, engine.
        reasons: why it was flagged or rejected.
        message: the same in a sentence.
        key_numbers: what it was judged by; ``numbers`` holds the others.
    """

    identifier: str
    product_a: Product | None
    product_b: Product
    where: str
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    message: str
    prompt: str
    source_prompt: str
    rows: tuple[Row, ...]
    pictures: tuple[PictureGroup, ...]
    key_numbers: Mapping[str, float]
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said about a thing that a card shows.

    Attributes:
        identifier: of the row.
        subject: its name, for when its clip is not known.
        reasons: why it was flagged or rejected.
        message: the same in a sentence.
        numbers: what was measured.
    """

    identifier: str
    subject: str
    reasons: tuple[str, ...]
    message: str
    numbers: Mapping[str, float]

    @classmethod
    def rejected(cls, rejection: Rejection) -> Judged:
        """What a rejection says."""
        return cls(rejection.subject_id, rejection.subject, (rejection.reason,), rejection.message, rejection.numbers)


def make_card(
    rows: Rows,
    judged: Judged,
    clip: Clip | None,
    strips: Sequence[Row],
    key_names: Sequence[str],
    *,
    product_a: Product | None = None,
    product_b: Product | None = None,
    tags: Sequence[str] = (),
    prompt: str = "",
    source_prompt: str = "",
    pictures: tuple[PictureGroup, ...] = (),
) -> Card:
    """A card that shows as much as there is.

    Args:
        rows: all rows of the build.
        judged: what was said.
        clip: the real clip.
        strips: frames.
        key_names: numbers that it was judged by, in the order in which they are shown.
        product_b: what the clip shows; left out, what its source says.
    """
    key_numbers = {name: judged.numbers[name] for name in key_names if name in judged.numbers}
    return Card(
        identifier=judged.identifier,
        product_a=product_a,
        product_b=product_b or rows.product_of_clip(clip),
        where=rows.clip_name(clip) if clip else judged.subject,
        tags=tuple(tag for tag in tags if tag),
        reasons=judged.reasons,
        message=judged.message,
        prompt=prompt,
        source_prompt=source_prompt,
        rows=tuple(strips),
        pictures=pictures,
        key_numbers=key_numbers,
        numbers={name: judged.numbers[name] for name in sorted(judged.numbers) if name not in key_numbers},
    )
