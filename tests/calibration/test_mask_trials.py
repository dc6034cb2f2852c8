"""Trials of rendered pairs: which are made of which product, and that a measured pair is not measured again."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pvtt_data.calibration.make import measure_pairs
from pvtt_data.calibration.mask_faults import KINDS
from pvtt_data.calibration.mask_trials import GOOD, half_of, read_pair
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks


def write_pair(folder: Path, seed: int, a: str, b: str) -> None:
    """A box that moves over a textured ground, red in the source and blue in the target, as pvtt-data render writes."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(seed).integers(60, 200, (112, 160, 3), dtype=np.uint8)
    ground = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3), np.uint8)
    for member, colour in (("source", (190, 40, 40)), ("target", (40, 60, 190))):
        frames, masks = np.stack([ground] * 5), np.zeros((5, 112, 160), np.bool_)
        for t in range(5):
            masks[t, 40:80, 50 + 2 * t : 90 + 2 * t] = True
        frames[masks] = colour
        encode_clip(frames, 16.0, folder / f"{member}.mp4", crf=14)
        encode_masks(masks, 16.0, folder / f"{member}_mask.mp4")
    cutout = np.zeros((48, 48, 4), np.uint8)
    cutout[8:40, 8:40] = (40, 60, 190, 255)
    (folder / "reference_0.png").write_bytes(write_png(cutout))
    facts = {"sample_id": folder.name, "a": {"product_id": a}, "b": {"product_id": b}}
    (folder / "pair.json").write_text(json.dumps(facts), encoding="utf-8")


def product_in(half: str) -> str:
    """A product that is dealt into a half."""
    return next(f"product-{n}" for n in range(99) if half_of(f"product-{n}") == half)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_pair(folder / "one", 1, product_in("setting"), product_in("reporting"))
    write_pair(folder / "two", 2, "other-a", "other-b")
    return folder


def test_references_belong_to_the_target_s_product(folder: Path) -> None:
    source, target = read_pair(folder / "one")
    assert (source.product_id, target.product_id) == (product_in("setting"), product_in("reporting"))
    assert len(source.pictures) == 0 and len(target.pictures) == 1
    assert source.masks.shape == source.frames.shape[:3]


def test_the_setting_half_sees_no_strength_that_is_only_reported(folder: Path, tmp_path: Path) -> None:
    trials = measure_pairs(folder, tmp_path / "kept", 1, lambda name: None)
    one = [trial for trial in trials if trial.clip.startswith("one-")]
    assert {t.role for t in one if t.half == "setting"} == {"good", "setting"}
    assert {t.role for t in one if t.half == "reporting"} == {"good", "setting", "unseen", "weak"}
    assert {t.kind for t in one} >= {GOOD, "drift", "flicker", "lost", "hand included", "wrong object: product"}
    strengths = {t.strength for t in one if t.half == "setting" and t.kind == "drift"}
    assert strengths == set(KINDS["drift"].setting)
    assert all("listing_likeness" not in t.numbers for t in one if t.clip.endswith("source"))
    assert all("listing_likeness" in t.numbers for t in one if t.clip.endswith("target") and t.kind == GOOD)


def test_what_was_measured_is_kept(folder: Path, tmp_path: Path) -> None:
    first = measure_pairs(folder, tmp_path, 0, lambda name: None)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert measure_pairs(folder, tmp_path, 0, lambda name: None) == first
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


def test_one_pair_alone_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path / "pairs" / "one", 1, "a", "b")
    with pytest.raises(ValueError, match="1 rendered pairs"):
        measure_pairs(tmp_path / "pairs", tmp_path / "kept", 0, lambda name: None)
