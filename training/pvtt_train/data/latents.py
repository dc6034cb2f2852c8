"""Lessons from precomputed latents: neither VAE nor text encoder is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from pvtt_data.errors import DatasetError, PvttError
from pvtt_data.records import canonical_json
from pvtt_data.shards import read_manifest
from pvtt_data.vace.conditioning import ConditioningConfig
from pvtt_train.data.buckets import Bucket
from pvtt_train.data.config import DataConfig, TextConfig
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.data.latent_shards import LatentSet, SkippedSample
from pvtt_train.data.pieces import KINDS, PIECE_VERSIONS, is_dropped, lesson
from pvtt_train.lesson import Lesson
from pvtt_train.wan.names import in_words


def shaping(conditioning: ConditioningConfig, text: TextConfig) -> dict[str, Any]:
    """What decides what is stored: these settings, and the versions of the code that makes pieces, as plain JSON
    values. Loss weights and dropped prompts are made later."""
    return {
        "pieces": dict(PIECE_VERSIONS),
        "conditioning": conditioning.model_dump(mode="json", exclude={"loss"}),
        "text": text.model_dump(mode="json", exclude={"dropout"}),
    }


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """Where two plain values differ, each as ``place: before → now``."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        names = [*before, *(name for name in now if name not in before)]
        places = {name: f"{where}.{name}" if where else str(name) for name in names}
        return [
            line
            for name in names
            for line in differences(before.get(name, "(none)"), now.get(name, "(none)"), places[name])
        ]
    return [] if before == now else [f"{where}: {before} → {now}"]


def _other_weights(stored: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """As `differences`, of names of weights, in words."""
    return [
        f"weights of the {part.replace('_', ' ')}: {in_words(stored.get(part, 'not recorded'))} → {in_words(name)}"
        for part, name in wanted.items()
        if stored.get(part) != name
    ]


def examples_name(root: str, split: str, keys: Sequence[str], **shown: Any) -> str:
    """What tells examples from others: the dataset version, the split, which of its samples can be used, in their
    order, and all that decides how they are shown."""
    parts = (hashlib.sha256(canonical_json(part).encode()).hexdigest()[:16] for part in (shown, list(keys)))
    return "/".join((root[:16], split, *parts))


class LatentExamples:
    """Samples of a finished set of latents; epoch e shows variant e modulo K.

    Args:
        data: folders, split, how many variants, dropped prompts, seed.
        conditioning: the settings that the latents must have been made with; the loss weights may differ.
        text_tokens: to which text embeddings are padded.
        weights: names of the ``vae`` and the ``text_encoder`` that the latents must have been made with, see
            `pvtt_train.wan.names`; one that is not named is not compared.

    Raises:
        DatasetError: there is no finished set; it is of another dataset version, was made with other settings, weights,
            by an older version of the code or in another precision, has fewer variants, or no sample of the split.
    """

    def __init__(
        self,
        data: DataConfig,
        conditioning: ConditioningConfig,
        *,
        text_tokens: int,
        weights: Mapping[str, str] | None = None,
    ) -> None:
        root = read_manifest(data.shards).root
        self._set = LatentSet(data.latents_folder, root, check_sha256=data.check_sha256)
        self._data, self._loss, self._text_tokens = data, conditioning.loss, text_tokens
        settings = shaping(conditioning, data.text)
        manifest = self._set.manifest
        # Sets of the first versions do not say so.
        stored = {"pieces": dict.fromkeys(KINDS, 1), **manifest.settings}
        other = [
            *differences({name: stored.get(name) for name in settings}, settings),
            *differences(manifest.settings["latents"]["precision"], data.precompute.precision, "precompute.precision"),
            *_other_weights(manifest.settings.get("weights", {}), weights or {}),
        ]
        if other:
            raise DatasetError(
                f"the latents in {data.latents_folder} were made with other settings than training asks for "
                f"({'; '.join(other)}): run `pvtt-train precompute --shards {data.shards}` with the settings of the "
                "training, which makes only what differs, or set data.source=pixels"
            )
        self.variants = data.precompute.variants
        most = manifest.settings["latents"]["variants"]
        if self.variants > most:
            raise DatasetError(
                f"the latents in {data.latents_folder} have {most} variants of each sample, training asks for "
                f"{self.variants}: run pvtt-train precompute, or set data.precompute.variants"
            )
        self._rows = tuple(row for row in self._set.samples if row.split == data.split)
        if not self._rows:
            raise DatasetError(
                f"the latents in {data.latents_folder} have no sample of the split {data.split}; set "
                "data.precompute.splits and run pvtt-train precompute"
            )
        self.name = examples_name(
            root,
            data.split,
            self.keys(),
            settings=settings,
            variants=self.variants,
            precision=manifest.settings["latents"]["precision"],
            codec=manifest.codec,
            text=manifest.text,
        )

    @property
    def skipped(self) -> tuple[SkippedSample, ...]:
        """Samples that no latents could be made of, and why, of all splits of the set."""
        return tuple(self._set.manifest.skipped)

    @property
    def unreadable(self) -> Mapping[str, str]:
        """See `Examples`; none, since `precompute` counted what it `skipped`."""
        return {}

    @property
    def codec(self) -> str:
        """Digest of the VAE that made the latents."""
        return self._set.manifest.codec

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self) -> tuple[str, ...]:
        """See `Examples`."""
        return tuple(row.key for row in self._rows)

    def shape(self, number: int) -> Bucket:
        """See `Examples`."""
        row = self._rows[number]
        most = max(len(variant.references) for variant in row.variants[: self.variants])
        return Bucket(row.frames, row.height, row.width, most)

    def bucket(self, number: int, epoch: int) -> Bucket:
        """See `Examples`."""
        row = self._rows[number]
        return Bucket(row.frames, row.height, row.width, len(row.variants[epoch % self.variants].references))

    def example(self, number: int, epoch: int) -> Lesson:
        """See `Examples`."""
        row = self._rows[number]
        variant = row.variants[epoch % self.variants]
        dropped = is_dropped(self._data.seed, row.key, epoch, self._data.text.dropout)
        try:
            return lesson(
                row.key,
                variant.content,
                target=self._set.read(row.target),
                references=[self._set.read(digest) for digest in variant.references],
                variant=self._set.read(variant.piece),
                effect=self._set.read(row.effect),
                text=self._set.read(self._set.manifest.empty_text if dropped else row.text),
                loss=self._loss,
                text_tokens=self._text_tokens,
            )
        except (PvttError, OSError) as error:
            raise CorruptSampleError(row.key, str(error)) from error

    def bytes_of(self, number: int, epoch: int) -> int:
        """Size of what `example` reads."""
        row = self._rows[number]
        variant = row.variants[epoch % self.variants]
        return self._set.bytes_of([row.target, row.effect, row.text, variant.piece, *variant.references])
