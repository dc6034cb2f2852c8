"""Lessons straight from pixels: VAE and text encoder work beside the training."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import nullcontext

import torch
from torch import Tensor

from pvtt_data.errors import DatasetError, PvttError
from pvtt_data.shards import Sample, ShardDataset
from pvtt_data.vace.conditioning import Choice, ConditioningConfig
from pvtt_train.data.buckets import Bucket
from pvtt_train.data.config import DataConfig
from pvtt_train.data.encoders import Codec, GreyOnce, TextEncoder, digest_of, indexed, training_text
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.data.latents import examples_name, shaping
from pvtt_train.data.pieces import (
    Facts,
    check_contents,
    effect_piece,
    is_dropped,
    latents_piece,
    lesson,
    reference_pixels,
    streams,
    target_pixels,
    text_piece,
    variant_piece,
)
from pvtt_train.lesson import Lesson

_PROMPTS_KEPT = 256


def read_facts(dataset: ShardDataset) -> tuple[tuple[Facts, ...], dict[str, str]]:
    """Facts of all samples of a dataset whose metadata can be read; of the others the keys, and why not."""
    known: list[Facts] = []
    unreadable: dict[str, str] = {}
    for sample in dataset:
        try:
            known.append(Facts.of(sample, members=False))
        except DatasetError as error:
            unreadable[sample.key] = str(error)
    return tuple(known), unreadable


class PixelExamples:
    """Samples of a dataset version, encoded when asked for; epoch e shows what `draw` gives for step e.

    The first K epochs equal those of latents with K variants, if the same processor encodes them.

    Args:
        data: folder, split, precision, dropped prompts, seed.
        conditioning: how samples are shown.
        codec: VAE on the device; several threads ask it at once.
        text: text encoder; one thread at a time.
        device: where pixels are prepared and encoded.
        text_tokens: to which text embeddings are padded.

    Raises:
        DatasetError: the dataset is damaged or has no such split.
        InputError: as `pvtt_train.data.pieces.check_contents`.
        CorruptSampleError: more samples than are allowed have no readable metadata.
    """

    def __init__(
        self,
        data: DataConfig,
        conditioning: ConditioningConfig,
        codec: Codec,
        text: TextEncoder,
        device: torch.device,
        *,
        text_tokens: int,
    ) -> None:
        check_contents(conditioning)
        self._dataset = ShardDataset(data.shards, data.split, check_sha256=data.check_sha256)
        self._data, self._conditioning = data, conditioning
        device = indexed(device)
        self._codec, self._text, self._device, self._text_tokens = GreyOnce(codec), text, device, text_tokens
        # On a stream of its own: on the step's, each latent would wait for all that the step has asked for.
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._prompts: OrderedDict[str, Tensor] = OrderedDict()
        self._embedding_one = threading.Lock()
        self._known, self.unreadable = read_facts(self._dataset)
        if len(self.unreadable) > data.allow_corrupt:
            key, why = list(self.unreadable.items())[data.allow_corrupt]
            raise CorruptSampleError(key, why)
        self.name = examples_name(
            self._dataset.manifest.root,
            data.split,
            self.keys(),
            settings=shaping(conditioning, data.text),
            precision=data.precompute.precision,
            codec=digest_of(codec),
            text=digest_of(text),
        )

    def __len__(self) -> int:
        return len(self._known)

    def keys(self) -> tuple[str, ...]:
        """See `Examples`; without `unreadable` ones."""
        return tuple(facts.key for facts in self._known)

    def shape(self, number: int) -> Bucket:
        """See `Examples`."""
        facts = self._known[number]
        return Bucket(facts.frames, facts.height, facts.width, min(facts.available, self._conditioning.references.most))

    def bucket(self, number: int, epoch: int) -> Bucket:
        """See `Examples`."""
        facts = self._known[number]
        shown = len(facts.choice(self._conditioning, epoch).references)
        return Bucket(facts.frames, facts.height, facts.width, shown)

    def example(self, number: int, epoch: int) -> Lesson:
        """See `Examples`."""
        facts = self._known[number]
        try:
            with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
                return self._encoded(self._dataset[facts.key], facts, epoch)
        except (PvttError, OSError) as error:
            raise CorruptSampleError(facts.key, str(error)) from error

    def _encoded(self, sample: Sample, facts: Facts, epoch: int) -> Lesson:
        choice: Choice = facts.choice(self._conditioning, epoch)
        dropped = is_dropped(self._data.seed, facts.key, epoch, self._data.text.dropout)
        prompt = "" if dropped else training_text(facts.prompt, self._data.text.trigger)
        precision, device = self._data.precompute.precision, self._device
        shown = streams(sample, choice, self._conditioning, device)
        target = target_pixels(sample, device)
        pictures = [reference_pixels(sample, place, self._conditioning, device) for place in choice.references]
        return lesson(
            facts.key,
            choice.content,
            target=latents_piece(target, self._codec, precision).tensors,
            references=[latents_piece(picture, self._codec, precision).tensors for picture in pictures],
            variant=variant_piece(shown, self._codec, precision).tensors,
            effect=effect_piece(sample).tensors,
            text={"text": self._embedding(prompt)},
            loss=self._conditioning.loss,
            text_tokens=self._text_tokens,
        )

    def _embedding(self, prompt: str) -> Tensor:
        """Of a prompt; the latest ones are remembered."""
        with self._embedding_one:
            if prompt not in self._prompts:
                with torch.no_grad():
                    embedding = self._text.embed([prompt])[0]
                self._prompts[prompt] = text_piece(embedding, self._data.precompute.precision).tensors["text"]
            self._prompts.move_to_end(prompt)
            while len(self._prompts) > _PROMPTS_KEPT:
                self._prompts.popitem(last=False)
            return self._prompts[prompt]
