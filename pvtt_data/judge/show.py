"""What the judge is shown of a triple: three contact sheets, and what the shop calls both products."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pvtt_data.captions.titles import clean_title
from pvtt_data.images import read_rgba
from pvtt_data.judge.questions import triple_prompt
from pvtt_data.media import decode_video
from pvtt_data.records import Source, Triple
from pvtt_data.store import BlobStore
from pvtt_data.vlm.asking import Question
from pvtt_data.vlm.config import ModelConfig
from pvtt_data.vlm.contact import contact_sheet, spread_frames

TASK = "judge"
PICTURES = 3
"""Contact sheets of a question."""
_COLUMNS = 3
_MOST_REFERENCES = 6


def judge_inputs(triple: Triple, names: Mapping[str, str], config: ModelConfig) -> tuple[str, ...]:
    """All that an opinion depends on besides prompt and model: what is shown, by content, and what is quoted.

    Args:
        names: product → what it is called.
    """
    references = [blob.sha256 for blob in triple.references[:_MOST_REFERENCES]]
    sizes = f"{config.frames} frames, {config.picture_px} px"
    quoted = (names.get(triple.product_a, ""), names.get(triple.product_b, ""))
    return (triple.source.sha256, triple.target.sha256, *references, sizes, *quoted)


def judge_question(triple: Triple, names: Mapping[str, str], store: BlobStore, config: ModelConfig) -> Question:
    """The question about one triple; its pictures are drawn when it is asked."""
    prompt = triple_prompt()

    def pictures() -> list[bytes]:
        references = [read_rgba(store.path(blob)) for blob in triple.references[:_MOST_REFERENCES]]
        sheets = [contact_sheet(references, _COLUMNS, config.picture_px)]
        for blob in (triple.source, triple.target):
            video = decode_video(store.path(blob))
            shown = [np.asarray(video[frame]) for frame in spread_frames(len(video), config.frames)]
            sheets.append(contact_sheet(shown, _COLUMNS, config.picture_px))
        return sheets

    quoted = {"product A": names.get(triple.product_a, ""), "product B": names.get(triple.product_b, "")}
    return Question(
        task=TASK,
        subject_id=triple.triple_id,
        prompt=prompt.name,
        inputs=judge_inputs(triple, names, config),
        system=prompt.system,
        text=prompt.filled(quoted),
        pictures=pictures,
        picture_count=PICTURES,
    )


def product_names(sources: Mapping[str, Source]) -> dict[str, str]:
    """Product → its cleaned title, else its category.

    Args:
        sources: by identifier.
    """
    names: dict[str, str] = {}
    for source in sorted(sources.values(), key=lambda source: source.source_id):
        names.setdefault(source.product_id, clean_title(source.title) or clean_title(source.category))
    return names
