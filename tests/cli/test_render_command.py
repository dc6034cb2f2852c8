"""`pvtt-data render`: pairs to look at and adverts to mine, kept, and clear words where something is misspelt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pvtt_data.media import decode_masks, decode_video
from pvtt_data.sources import FoundProduct
from pvtt_data.sources.folder import FolderFeed

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("fast_variant")]
ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    "normalise.sizes=96x160", "normalise.frames=5", "pair.references=1", "render.styles=[paper]",
    "render.families=[soap,carton]", "render.earlier_generation_share=0", "render.reference_px=96",
)  # fmt: skip


def render(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    sets = [word for setting in SMALL for word in ("--set", setting)]
    command = [sys.executable, "-m", "pvtt_data.cli", "render", "--out", folder / "out", "--work", folder / "work"]
    return subprocess.run(
        [*map(str, command), "--workers", "1", *sets, *arguments],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=600,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the preview of one pair in ``out``."""
    folder = tmp_path_factory.mktemp("render")
    done = render(folder, "--count", "1", "--preview", "--geometry")
    assert done.returncode == 0, done.stderr
    assert "1 pair in" in done.stdout
    return folder


def test_a_pair_is_written_with_its_videos_masks_references_and_facts(pair: Path) -> None:
    (folder,) = [path for path in (pair / "out").iterdir() if path.is_dir()]
    facts = json.loads((folder / "pair.json").read_text(encoding="utf-8"))
    assert facts["sample_id"] == folder.name
    assert facts["style"] == "paper"
    assert all(facts[who]["title"] and facts[who]["licence"] == "Apache-2.0" for who in "ab")
    source, target = (decode_video(folder / f"{name}.mp4") for name in ("source", "target"))
    assert source.shape == target.shape == (3, 160, 96, 3), "a preview has three frames"
    masks = {name: decode_masks(folder / f"{name}_mask.mp4") for name in ("source", "target", "effect")}
    for name, mask in masks.items():
        assert mask.shape == (3, 160, 96) and mask.any(axis=(1, 2)).all(), name
    assert not ((masks["source"] | masks["target"]) & ~masks["effect"]).any()
    with Image.open(folder / "reference_0.png") as picture:
        assert picture.mode == "RGBA"
    with np.load(folder / "geometry.npz", allow_pickle=False) as geometry:
        assert geometry["target_flow"].shape == (3, 160, 96, 2)


def test_a_contact_sheet_shows_the_pair(pair: Path) -> None:
    with Image.open(pair / "out" / "sheet.jpg") as sheet:
        sheet.load()
        assert sheet.width > 400 and sheet.height > 100
        assert np.asarray(sheet).std() > 10


def test_what_was_rendered_is_taken_from_the_work_directory_the_second_time(pair: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((pair / "out").rglob("*")) if path.is_file()}
    done = render(pair, "--count", "1", "--preview", "--geometry")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("render ")]
    assert "1 cached" in line
    assert {path: path.read_bytes() for path in before} == before


ADVERT = (
    "--count", "1", "--adverts", "--set", "render.styles=[paper,podium]", "--set", "render.occluder_share=0",
    "--set", "normalise.fps=30",
)  # fmt: skip
"""Shots are as long as the clips that are cut out of them: a few frames."""


@pytest.fixture(scope="module")
def adverts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the feed of one advert in ``out``."""
    folder = tmp_path_factory.mktemp("adverts")
    done = render(folder, *ADVERT)
    assert done.returncode == 0, done.stderr
    assert "1 adverts" in done.stdout and f"mine.folder={folder / 'out'}" in done.stdout
    return folder


def test_adverts_are_a_feed_that_can_be_mined_and_their_truth_is_none(adverts: Path) -> None:
    (product,) = FolderFeed(adverts / "out").products()
    assert isinstance(product, FoundProduct)
    assert product.title and product.category and product.licence == "Apache-2.0"
    assert [file.name for file in product.videos] == [f"{product.category}/media/videos/{product.product_id}_ad.mp4"]
    assert 2 <= len(product.images) <= 3
    for image in product.images:
        with Image.open(image.path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert (pixels[:4] > 250).all() and (pixels.min(axis=-1) < 235).mean() > 0.05, "a product on white"


def test_the_truth_of_an_advert_is_what_its_frames_show(adverts: Path) -> None:
    document = json.loads((adverts / "out" / "truth" / "truth.json").read_text(encoding="utf-8"))
    ((key, truth),) = document["videos"].items()
    frames = decode_video(adverts / "out" / key)
    masks = decode_masks(adverts / "out" / "truth" / truth["mask"])
    assert frames.shape == (*masks.shape, 3) == (truth["frames"], truth["height_px"], truth["width_px"], 3)
    change = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    dissolved = [frame for span in truth["dissolves"] for frame in range(span["first"] - 1, span["last"])]
    cuts = [cut - 1 for cut in truth["cuts"]]
    rest = np.delete(change, cuts + dissolved)
    assert not cuts or change[cuts].min() > 3 * rest.max()
    assert len(truth["shots"]) == 1 + len(cuts) + len(truth["dissolves"])
    area = masks.mean(axis=(1, 2))
    for shot in truth["shots"]:
        span = area[shot["first"] : shot["last"]]
        np.testing.assert_allclose([span.min(), span.max()], shot["mask_area"], atol=1e-4)
        assert shot["mask_area"][0] > 0.01
        assert shot["whole_product"] or shot["close"]


def test_adverts_come_out_the_same_the_second_time_from_the_work_directory(adverts: Path) -> None:
    before = {path: path.read_bytes() for path in sorted((adverts / "out").rglob("*")) if path.is_file()}
    done = render(adverts, *ADVERT)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("adverts ")]
    assert "1 cached" in line
    assert {path: path.read_bytes() for path in before} == before


def test_adverts_rendered_elsewhere_have_the_same_bytes_and_a_preview_is_a_sheet(adverts: Path, tmp_path: Path) -> None:
    done = render(tmp_path / "again", *ADVERT)
    assert done.returncode == 0, done.stderr
    for path in sorted((adverts / "out").rglob("*.*")):
        assert (tmp_path / "again" / "out" / path.relative_to(adverts / "out")).read_bytes() == path.read_bytes()
    done = render(tmp_path / "quick", *ADVERT, "--preview")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "quick" / "out").iterdir()] == ["sheet.jpg"]


def test_geometry_of_adverts_is_refused(tmp_path: Path) -> None:
    done = render(tmp_path, "--adverts", "--geometry")
    assert done.returncode == 2 and "--geometry is for pairs" in done.stderr


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("render.families=[rings]", ("render.families", "'rings'", "ring", "necklace")),
        ("render.styles=[beach]", ("render.styles", "'beach'", "podium", "tabletop")),
        ("render.models=/gone/models", ("render.models", "/gone/models", "not a folder")),
        ("render.familes=[ring]", ("families",)),
    ],
)
def test_what_is_misspelt_is_an_error_that_names_the_right_words(
    tmp_path: Path, setting: str, words: tuple[str, ...]
) -> None:
    done = render(tmp_path, "--set", setting)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
