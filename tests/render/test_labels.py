"""Printed labels: they fit, they differ, their barcodes scan."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pvtt_data.render.products import barcodes, labels, letters
from pvtt_data.render.products.colours import difference, harmonious, lightness, oklch
from pvtt_data.render.products.decor import print_decor
from pvtt_data.render.products.design import PrintArea
from pvtt_data.render.products.forms import section
from pvtt_data.render.products.kinds import KINDS
from pvtt_data.render.products.layouts import LAYOUTS

AREAS = (
    PrintArea(1.4, 0.55, 0.35),
    PrintArea(0.3, 0.75, 0.3),
    PrintArea(0.6, 0.2, 0.5),
    PrintArea(1.8, 0.9, 0.55, side=0.35),
    PrintArea(0.5, 0.5, 0.4, above=0.06, below=0.06),
)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("area", AREAS)
def test_no_text_leaves_the_room_it_was_given(layout: str, area: PrintArea) -> None:
    for seed, kind in enumerate(sorted(KINDS)[::11]):
        canvas = labels.compose(labels.draw_design(np.random.default_rng(seed), kind, None, [layout]), area)
        assert canvas.written
        for line in canvas.written:
            slack = 3.0 + 0.01 * (line.room[2] - line.room[0])
            assert line.box[0] >= line.room[0] - slack and line.box[2] <= line.room[2] + slack, line
            assert line.box[1] >= line.room[1] - slack and line.box[3] <= line.room[3] + slack, line


def test_prints_have_the_proportions_of_their_surface_and_bounded_size() -> None:
    design = labels.draw_design(np.random.default_rng(1), "hair")
    for area in (*AREAS, PrintArea(4.0, 0.5, 1.0), PrintArea(0.12, 0.3, 0.12)):
        height, width, channels = labels.print_label(design, area).pixels.shape
        assert channels == 3
        assert max(height, width) <= 2048
        assert width / height == pytest.approx(area.around / area.height, rel=0.02)
    assert labels.print_label(design, PrintArea(1.0, 0.5, 0.4)).pixels.shape == (360, 720, 3)


def test_different_seeds_give_clearly_different_prints() -> None:
    area = PrintArea(0.5, 0.6, 0.5)
    shots = []
    for seed in range(14):
        pixels = labels.print_label(labels.draw_design(np.random.default_rng(seed), "cream", "#f4f2ee"), area).pixels
        shots.append(np.asarray(Image.fromarray(pixels).resize((40, 48)), float))
    assert min(float(np.abs(a - b).mean()) for a, b in combinations(shots, 2)) > 2.5


def test_ground_follows_the_surface_and_words_do_not() -> None:
    light, dark = (labels.draw_design(np.random.default_rng(4), "can", ground) for ground in ("#f5f5f0", "#14213d"))
    assert light.wording == dark.wording and light.layout == dark.layout
    assert light.palette.ground == "#f5f5f0" and dark.palette.ground == "#14213d"
    assert lightness(dark.palette.ink) > 0.8 > 0.4 > lightness(light.palette.ink)


@given(st.integers(0, 2**32), st.floats(0.1, 0.98), st.floats(0, 0.2), st.floats(0, 360))
def test_inks_stand_out_from_any_ground(seed: int, light: float, chroma: float, hue: float) -> None:
    palette = harmonious(np.random.default_rng(seed), oklch(light, chroma, hue), hue)
    assert difference(palette.ink, palette.ground) > 0.25
    assert difference(palette.accent, palette.ground) > 0.12


def test_ink_covers_a_small_share_of_what_it_is_printed_on() -> None:
    design = labels.draw_ink_design(np.random.default_rng(3), "perfume", "#202020")
    mask = labels.print_ink(design, PrintArea(0.4, 0.5, 0.4))
    assert set(np.unique(mask)) == {0, 255}
    assert 0.005 < (mask == 255).mean() < 0.4


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_rectangles_of_ink_cover_the_mask_exactly_once(seed: int, height: int, width: int, longest: int) -> None:
    mask = np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), (height, width))
    painted = np.zeros(mask.shape, int)
    for left, right, top, bottom in letters.rectangles(mask, longest):
        assert 0 < right - left <= longest
        painted[top:bottom, left:right] += 1
    assert np.array_equal(painted, mask // 255)


def test_ink_on_a_round_wall_lies_outside_it_and_faces_outwards() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[5:30, 10:55] = 255
    mesh = letters.ink_mesh(mask, section(0.6, 0.6, 2.0), 0.1, 0.4, 0.5)
    reach = np.hypot(mesh.vertices[:, 0], mesh.vertices[:, 1])
    assert reach.min() > 0.301 and reach.max() < 0.305
    corners = mesh.vertices[mesh.faces]
    faced = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", faced, mesh.normals[mesh.faces[:, 0]]) > 0).all()


def test_decoration_of_crockery_bears_no_barcode() -> None:
    for seed in range(8):
        design = labels.draw_design(np.random.default_rng(seed), "mug", "#f3efe6")
        assert print_decor(design, PrintArea(2.2, 0.6, 0.5)).pixels.shape[1] > 1000


@given(st.integers(0, 2**32))
def test_barcodes_carry_a_valid_check_digit_and_95_modules(seed: int) -> None:
    number = barcodes.draw_number(np.random.default_rng(seed))
    weighted = sum(int(digit) * (1, 3)[index % 2] for index, digit in enumerate(number))
    assert len(number) == 13 and number[0] == "2" and weighted % 10 == 0
    code = barcodes.modules(number)
    assert len(code) == 95
    assert code[:3] == code[-3:] == "101" and code[45:50] == "01010"


def test_a_known_barcode() -> None:
    assert barcodes.check_digit("590123412345") == 7
    assert barcodes.modules("5901234123457") == (
        "10100010110100111011001100100110111101001110101010110011011011001000010101110010011101000100101"
    )
    with pytest.raises(ValueError, match="EAN-13"):
        barcodes.modules("5901234123458")


def test_printed_barcodes_can_be_read_back() -> None:
    design = labels.draw_design(np.random.default_rng(6), "juice", "#ffffff", ["minimal"])
    canvas = labels.compose(design, PrintArea(1.6, 0.7, 0.35))
    digits = [line for line in canvas.written if line.text == design.number[1:7]]
    box = digits[0].room
    row = np.asarray(canvas.finished().convert("L"))[round((box[1] * 0.7 + box[3] * 0.3) / 2)]
    step = (box[2] - box[0]) / 115 / 2
    centres = box[0] / 2 + (12 + np.arange(95) + 0.5) * step
    bars = "".join("1" if row[int(x)] < 128 else "0" for x in centres)
    assert bars == barcodes.modules(design.number)


def test_labels_are_the_same_in_another_process() -> None:
    code = (
        "import hashlib, numpy as np\n"
        "from pvtt_data.render.products import labels\n"
        "from pvtt_data.render.products.design import PrintArea\n"
        "area = PrintArea(1.2, 0.6, 0.4)\n"
        "designs = [labels.draw_design(np.random.default_rng(seed), 'tea') for seed in range(6)]\n"
        "made = [labels.print_label(design, area).pixels for design in designs]\n"
        "print(hashlib.sha256(b''.join(m.tobytes() for m in made)).hexdigest())"
    )
    hashes = set()
    for seed in ("0", "77"):
        env = {"PYTHONHASHSEED": seed, "PATH": ""}
        run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env)
        hashes.add(run.stdout)
    assert len(hashes) == 1
