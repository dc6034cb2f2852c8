"""Fixtures: a hub on this machine, a client of it, and small versions to publish."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "shards"))

from hub_server import TOKEN, HubServer, hub_server
from shard_samples import encode, luma, mask, meta_of, png

from pvtt_data.shards import DatasetSettings, ShardSample, publish, write_dataset

MakeVersion = Callable[..., Path]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub with one person, who may write in the organisation ``shop`` and read in ``museum``."""
    with hub_server() as server:
        server.account(TOKEN, "ann", orgs={"shop": "write", "museum": "read"})
        yield server
        assert not server.complaints


@pytest.fixture
def api(hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The unmodified client, by LFS, of that person."""
    huggingface_hub = pytest.importorskip("huggingface_hub", minversion="2.4")
    from huggingface_hub import constants, utils

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # as the variable of that name does
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    utils.disable_progress_bars()
    return huggingface_hub.HfApi(endpoint=hub.url)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client would have waited; it does not."""
    waited: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waited.append)
    return waited


@pytest.fixture(scope="session")
def members() -> dict[str, bytes]:
    """Members that every sample has."""
    return {
        "source.mp4": encode(luma(1)),
        "source_mask.mp4": encode(mask(0).astype("uint8") * 255),
        "target.mp4": encode(luma(9)),
        "target_mask.mp4": encode(mask(1).astype("uint8") * 255),
        "effect_mask.mp4": encode(mask(2).astype("uint8") * 255),
    }


@pytest.fixture
def make_version(tmp_path: Path, members: dict[str, bytes]) -> MakeVersion:
    """Makes the next version: ``metas`` maps the numbers of samples to fields that differ."""
    root = tmp_path / "shards"

    def make(
        numbers: list[int],
        metas: dict[int, dict[str, Any]] | None = None,
        *,
        pictures: dict[int, bytes] | None = None,
        shards: int = 2,
        tables: dict[str, Path] | None = None,
        **settings: Any,
    ) -> Path:
        samples = [
            ShardSample(
                key=meta_of(number, "train")["triple_id"],
                split="train",
                members={
                    **members,
                    **{f"reference_{i}.png": (pictures or {}).get(number, png(number + i)) for i in (0, 1)},
                },
                meta={**meta_of(number, "train"), "models": ["u2net@8d10d2f3bb75"], **(metas or {}).get(number, {})},
            )
            for number in numbers
        ]
        folder = root / ".building"
        recipe = {"name": "mugs", "card": {"preview_samples": 0}}
        fields = {"name": "mugs", "recipe": recipe, "card_licence": "cc-by-4.0", **settings}
        write_dataset(folder, samples, DatasetSettings(shard_count=shards, reference_count=2, **fields), tables)
        return publish(folder, root).path

    return make
