"""One autoencoder serves training and validation at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import torch
from pvtt_train.wan.vae import WanVae, random_vae
from torch import Tensor

pytestmark = pytest.mark.usefixtures("diffsynth")
CPU = torch.device("cpu")
PATIENCE_S = 0.5
"""How long the one waits between two frames for the other to begin, which it does not while it has to wait."""


@pytest.fixture(scope="module")
def codec() -> WanVae:
    return WanVae(random_vae("tiny", seed=3), CPU, "random")


def held_up(tensor: Tensor, pause: Callable[[], object]) -> Tensor:
    """The same numbers; whoever takes a part of them for the second time has to pause before he has it."""
    taken: list[object] = []

    class HeldUp(Tensor):
        def __getitem__(self, place: Any) -> Tensor:
            taken.append(place)
            if len(taken) == 2:
                pause()
            return super().__getitem__(place).as_subclass(Tensor)

    return tensor.as_subclass(HeldUp)


@pytest.mark.parametrize("first", ["encode", "decode"])
def test_what_begins_between_two_frames_of_the_other_changes_neither(codec: WanVae, first: str) -> None:
    torch.manual_seed(0)
    given = {"encode": torch.rand(1, 3, 9, 16, 16) * 2 - 1, "decode": torch.randn(1, 16, 3, 2, 2)}
    second = "decode" if first == "encode" else "encode"
    alone = {name: getattr(codec, name)(tensor) for name, tensor in given.items()}

    between, begun = Event(), Event()

    def pause() -> None:
        between.set()
        begun.wait(PATIENCE_S)

    part = {"encode": codec.vae.model.encoder, "decode": codec.vae.model.decoder}[second]
    hook = part.register_forward_pre_hook(lambda *_: begun.set())
    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(getattr(codec, first), held_up(given[first], pause))
        assert between.wait(10)
        other = threads.submit(getattr(codec, second), given[second])
        found = {first: one.result(), second: other.result()}
    hook.remove()
    assert begun.is_set()
    for name, expected in alone.items():
        assert torch.equal(found[name].as_subclass(Tensor), expected), name
