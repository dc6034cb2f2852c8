"""A model's words for a scene: what it is asked about a clip, and what of its answer may become part of a prompt.

The words describe the scene and hold the product's place open. So they serve source and target alike, and a clip is
captioned once, however many triples it is in. Words that name either product of a triple are not used for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

import numpy as np

from pvtt_data.captions.compose import SLOT
from pvtt_data.captions.titles import clean_title
from pvtt_data.media import decode_video
from pvtt_data.records import Clip
from pvtt_data.store import BlobStore
from pvtt_data.vlm.asking import Question
from pvtt_data.vlm.config import ModelConfig
from pvtt_data.vlm.contact import contact_sheet, spread_frames
from pvtt_data.vlm.prompt_file import PromptFile, read_prompt

TASK = "caption"
PLACE = "PRODUCT"
"""What stands for the product in a model's words."""
_COLUMNS = 3
_MOST_WORDS = 60
_MOST_BYTES = 320
_PLAIN = re.compile(r"[\w\s,.;:'’()&/\-–]+")
_PLACE = re.compile(rf"\b(?:(?i:a|an|the|this|that)\s+)?{PLACE}\b")
_SPOKEN = re.compile(r"\b(?:the|a)\s+product\b(?!\s+(?:video|shot))", re.IGNORECASE)
_SHORTEST_NAME = 3
_TELLS_NOTHING = frozenset(
    [
        "and", "black", "blue", "for", "gold", "green", "grey", "large", "red", "set", "silver", "small", "the",
        "white", "with",
    ]
)  # fmt: skip
"""Words of titles that a scene may have too."""


def scene_prompt(continues: bool) -> PromptFile:
    """The prompt for a model that answers, or the beginning for one that continues sentences."""
    return read_prompt("pvtt_data.captions", "continue-1" if continues else "scene-1")


def caption_question(clip: Clip, store: BlobStore, config: ModelConfig, continues: bool) -> Question:
    """The question about one clip."""
    prompt = scene_prompt(continues)

    def pictures() -> list[bytes]:
        video = decode_video(store.path(clip.video))
        if continues:
            return [contact_sheet([np.asarray(video[len(video) // 2])], 1, config.picture_px)]
        shown = [np.asarray(video[frame]) for frame in spread_frames(len(video), config.frames)]
        return [contact_sheet(shown, _COLUMNS, config.picture_px)]

    return Question(
        task=TASK,
        subject_id=clip.clip_id,
        prompt=prompt.name,
        inputs=caption_inputs(clip, config, continues),
        system=prompt.system,
        text=prompt.filled({}).replace(PLACE, "the product") if continues else prompt.filled({}),
        pictures=pictures,
        picture_count=1,
    )


def caption_inputs(clip: Clip, config: ModelConfig, continues: bool) -> tuple[str, ...]:
    """All that a caption depends on besides prompt and model."""
    return (clip.video.sha256, f"{1 if continues else config.frames} frames, {config.picture_px} px")


def read_scene(text: str) -> Mapping[str, str] | None:
    """``{"scene": words}`` with `compose.SLOT` where the product stands; None if that is not what was answered.

    A model that continues says "the product" for `PLACE`. More than one line, marks that a sentence does not need, the
    place missing or there twice, nothing but the place: all that is no answer.
    """
    line = unicodedata.normalize("NFKC", text.strip().strip("\"'").strip())
    if "\n" in line or not line.isprintable() or not _PLAIN.fullmatch(line):
        return None
    if PLACE not in line:
        line = _SPOKEN.sub(PLACE, line, count=1)
    line = " ".join(_PLACE.sub(PLACE, line).split())
    parts = line.split(PLACE)
    if len(parts) != 2 or not any(letter.isalpha() for letter in "".join(parts)) or _SPOKEN.search(line):
        return None
    if len(line.split()) > _MOST_WORDS or len(line.encode()) > _MOST_BYTES:
        return None
    words = SLOT.join(parts).rstrip(" .") + "."
    return {"scene": words if words.startswith(SLOT) else words[:1].upper() + words[1:]}


def names_product(scene: str, *texts: str) -> bool:
    """Whether words for a scene use a word of a product's title or category, singular or plural."""
    said = {_stem(word) for word in re.findall(r"\w+", scene.casefold())}
    named = {
        _stem(word)
        for text in texts
        for word in re.findall(r"\w+", clean_title(text).casefold())
        if len(word) >= _SHORTEST_NAME and word not in _TELLS_NOTHING and not word.isdigit()
    }
    return bool(said & named)


def _stem(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
