"""`pvtt-data preview`: people see what the model gets, and are told what looks wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sample_meta import sample_meta

from pvtt_data.errors import PreflightError
from pvtt_data.images import write_png
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.shards import DatasetSettings, Sample, ShardDataset, ShardSample, write_dataset

torch = pytest.importorskip("torch", reason="torch is not installed")

from pvtt_data.cli.preview import preview_command  # noqa: E402
from pvtt_data.preview import conditioned, findings, sheet, stacked  # noqa: E402
from pvtt_data.vace.conditioning import Choice, ConditioningConfig, TrainingConditioning, condition  # noqa: E402

FRAMES, HEIGHT, WIDTH = 9, 64, 96
RED, BLUE = (200, 60, 50), (40, 90, 200)
CONFIG = ConditioningConfig()
CHOICE = Choice(policies=("bbox_margin",), content="source", references=(0,), seed=1)


def disc(radius: int, x: int = 44) -> np.ndarray:
    t, rows, columns = np.mgrid[0:FRAMES, 0:HEIGHT, 0:WIDTH]
    return (columns - x - t) ** 2 + (rows - 32) ** 2 <= radius**2


def clip(masks: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """A product of one colour before a background with some shape."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    background = np.stack([120 + columns, 100 + rows, 90 + (columns // 12 % 2) * 60], axis=2).astype(np.uint8)
    return np.where(masks[..., None], np.asarray(colour, np.uint8), background)


def reference() -> np.ndarray:
    """A blue ring seen from elsewhere, on transparent ground."""
    picture = np.zeros((80, 60, 4), np.uint8)
    cv2.ellipse(picture, (30, 40), (24, 36), 20, 0, 300, (*BLUE, 255), 9)
    return picture


@dataclass(frozen=True)
class MadeTriple:
    source: np.ndarray
    source_mask: np.ndarray
    target: np.ndarray
    target_mask: np.ndarray
    effect_mask: np.ndarray
    references: list[np.ndarray]


@pytest.fixture
def triple() -> MadeTriple:
    """A red disc for a smaller blue one; nothing is wrong with it."""
    a, b = disc(13), disc(10)
    return MadeTriple(clip(a, RED), a, clip(b, BLUE), b, a | b, [reference()])


def names(triple: MadeTriple, made: TrainingConditioning, kind: str = "swap") -> list[str]:
    return [finding.name for finding in findings(triple, made, kind)]


def test_nothing_is_found_where_nothing_is_wrong(triple: MadeTriple) -> None:
    assert findings(triple, condition(triple, CHOICE, CONFIG)) == []


def test_an_empty_mask_is_found(triple: MadeTriple) -> None:
    made = condition(triple, CHOICE, CONFIG)
    empty = replace(made, mask=torch.zeros_like(made.mask), reactive=torch.zeros_like(made.reactive))
    assert "mask-empty" in names(triple, empty)


def test_frames_without_a_are_found(triple: MadeTriple) -> None:
    triple.source_mask[3] = False
    assert names(triple, condition(triple, CHOICE, CONFIG)) == ["source-mask-gaps"]


def test_a_large_mask_is_found_with_its_share(triple: MadeTriple) -> None:
    made = condition(triple, CHOICE, CONFIG)
    large = replace(made, mask=torch.ones_like(made.mask), inactive=torch.zeros_like(made.inactive))
    found = findings(triple, large)
    assert [finding.name for finding in found] == ["mask-large"]
    assert found[0].value == 1
    assert "100%" in found[0].message


def test_b_outside_the_mask_is_found_with_its_share(triple: MadeTriple) -> None:
    made = condition(triple, CHOICE, CONFIG)
    away = replace(triple, target_mask=disc(10, x=80))
    found = {finding.name: finding for finding in findings(away, made)}
    assert found["b-sticks-out"].value > 0.9


def test_an_inverted_mask_is_found(triple: MadeTriple) -> None:
    """Wrong polarity: the model would work everywhere but on the product."""
    made = condition(triple, CHOICE, CONFIG)
    inverted = replace(made, mask=1 - made.mask)
    assert {"a-sticks-out", "b-sticks-out", "inactive-leaks", "reactive-leaks"} <= set(names(triple, inverted))


def test_a_leak_into_the_inactive_stream_is_found(triple: MadeTriple) -> None:
    made = condition(triple, CHOICE, CONFIG)
    leak = made.inactive.clone()
    leak[:, 4, 32, 48] = 0.25
    found = findings(triple, replace(made, inactive=leak))
    assert [finding.name for finding in found] == ["inactive-leaks"]
    assert found[0].value == pytest.approx(0.25)


@pytest.mark.parametrize("cut_out", [False, True])
def test_a_reference_out_of_the_target_is_found(triple: MadeTriple, cut_out: bool) -> None:
    """A frame of the target, and its middle as a picture of its own beside the whole frame."""
    picture = triple.target[5]
    if cut_out:
        picture = np.dstack([picture, np.full((HEIGHT, WIDTH), 255, np.uint8)])
        picture = np.pad(picture, ((20, 20), (30, 30), (0, 0)))
    leaked = replace(triple, references=[reference(), picture])
    made = condition(leaked, replace(CHOICE, references=(0, 1)), CONFIG)
    found = findings(leaked, made)
    assert [finding.name for finding in found] == ["reference-in-target"]
    assert "reference 2" in found[0].message


def test_a_swap_that_swaps_nothing_is_found_unless_it_is_meant_so(triple: MadeTriple) -> None:
    same = replace(triple, target=triple.source, target_mask=triple.source_mask)
    made = condition(same, CHOICE, CONFIG)
    assert names(same, made) == ["nothing-swapped"]
    assert names(same, made, kind="noop") == []
    assert names(same, made, kind="reconstruct") == []
    swapped = condition(triple, CHOICE, CONFIG)
    assert names(triple, swapped, kind="reconstruct") == ["source-is-not-target"]


def test_another_background_and_a_missing_reference_are_found(triple: MadeTriple) -> None:
    other = replace(triple, target=255 - triple.target)
    made = condition(other, replace(CHOICE, references=()), CONFIG)
    assert set(names(other, made)) == {"background-differs", "no-reference"}


def meta_of(key: str, engine: str) -> dict[str, Any]:
    return sample_meta(
        key,
        FRAMES,
        HEIGHT,
        WIDTH,
        engine=engine,
        product_a="red-disc",
        product_b="blue-ring",
        category_b="ring",
        title_a="青花瓷",
        title_b="Ring",
        prompt="a blue ring 青花瓷",
        fps=16.0,
    )


def write_version(path: Path, triple: MadeTriple, engine: str = "render", samples: int = 2) -> Path:
    media = path.parent / "media"
    media.mkdir()
    members: dict[str, Any] = {"reference_0.png": write_png(triple.references[0])}
    for name in ("source", "target"):
        encode_clip(getattr(triple, name), 16, media / f"{name}.mp4")
        members[f"{name}.mp4"] = media / f"{name}.mp4"
    for name in ("source_mask", "target_mask", "effect_mask"):
        encode_masks(getattr(triple, name), 16, media / f"{name}.mp4")
        members[f"{name}.mp4"] = media / f"{name}.mp4"
    keys = [f"{number:016x}" for number in range(samples)]
    made = [ShardSample(key=key, split="train", members=members, meta=meta_of(key, engine)) for key in keys]
    write_dataset(path, made, DatasetSettings("tiny", {"seed": 1}, {"train": 1}, reference_count=1, heldout_count=0))
    return path


@pytest.fixture
def dataset(tmp_path: Path, triple: MadeTriple) -> Path:
    return write_version(tmp_path / "v1", triple)


def run(*arguments: str | Path) -> Any:
    return CliRunner().invoke(preview_command, [str(argument) for argument in arguments])


def test_one_picture_shows_all_samples(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "sheet.png"
    done = run(dataset, "--samples", "5", "--out", out)
    assert done.exit_code == 0, done.output
    assert "2 samples, 0 of them with something to look at" in done.output
    alone = sheet_of(ShardDataset(dataset)[0])
    assert Image.open(out).height >= 2 * alone.height - 100


def test_a_folder_gets_a_picture_for_each_sample_and_the_seed_repeats_them(dataset: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        assert run(dataset, "--out", tmp_path / folder, "--seed", "3", "--split", "train").exit_code == 0
    first, second = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "two"))
    assert [path.name for path in first] == [f"{number:016x}.png" for number in range(2)]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def sheet_of(sample: Sample) -> Image.Image:
    choice, made = conditioned(sample, CONFIG, 0)
    return sheet(sample, choice, made, [])


def test_the_sheet_is_drawn_from_the_tensors_themselves(dataset: Path) -> None:
    """What is put into a tensor can be seen; nothing is drawn from elsewhere."""
    sample = ShardDataset(dataset)[0]
    choice, made = conditioned(sample, CONFIG, 0)
    plain = np.asarray(sheet(sample, choice, made, []))
    green = torch.tensor([-1.0, 1.0, -1.0])
    for name in ("inactive", "reactive", "target"):
        stream = getattr(made, name).clone()
        stream[:] = green.reshape(3, 1, 1, 1)
        marked = np.asarray(sheet(sample, choice, replace(made, **{name: stream}), []))
        assert ((marked == (0, 255, 0)).all(axis=2) & ~(plain == (0, 255, 0)).all(axis=2)).sum() > 10_000
    painted = replace(made, references=(green.reshape(3, 1, 1, 1).expand(3, 1, HEIGHT, WIDTH),))
    marked = np.asarray(sheet(sample, choice, painted, []))
    assert (marked == (0, 255, 0)).all(axis=2).sum() > 10_000


def test_findings_stand_on_the_sheet_and_in_the_terminal(tmp_path: Path, triple: MadeTriple) -> None:
    triple.source_mask[3] = False
    dataset = write_version(tmp_path / "v1", triple, samples=1)
    done = run(dataset, "--out", tmp_path / "a.png")
    assert done.exit_code == 0
    assert "A's mask is empty in 1 of 9 frames" in done.output
    assert "1 of them with something to look at" in done.output
    pixels = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    foot = pixels[-60:]
    assert ((foot[..., 0] > 150) & (foot[..., 1] < 90)).any(), "no red line at the foot"


def test_without_torch_it_says_how_to_get_it(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    done = run(dataset)
    assert isinstance(done.exception, PreflightError)
    assert "pip install 'pvtt[gpu]'" in str(done.exception)


def test_pictures_are_put_below_each_other() -> None:
    both = stacked([Image.new("RGB", (10, 20), "red"), Image.new("RGB", (30, 5), "blue")], gap_px=0)
    assert both.size == (30, 25)
    assert both.getpixel((20, 22)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("engine", "arguments", "says"),
    [
        ("collage", [], "0000000000000000: no reactive contents are set for engine 'collage'"),
        ("render", ["--split", "test"], "no split test"),
        ("render", ["--out", "{file}"], "is a file, and no PNG"),
    ],
)
def test_what_cannot_be_shown_is_told_without_a_traceback(
    tmp_path: Path, triple: MadeTriple, engine: str, arguments: list[str], says: str
) -> None:
    dataset = write_version(tmp_path / "v1", triple, engine, samples=1)
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "pvtt_data.cli", "preview", str(dataset)]
    command += [argument.replace("{file}", str(tmp_path / "file")) for argument in arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
