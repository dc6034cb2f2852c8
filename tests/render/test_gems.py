"""Cut stones: closed, flat facets, sound materials, settings that hold them."""

from __future__ import annotations

import numpy as np
import pytest
from solids import face_normals, is_closed, signed_volume

from pvtt_data.render.products import gems, metals
from pvtt_data.render.products.gems import CUTS, Cut
from pvtt_data.render.products.stone_settings import Style, mounted


@pytest.mark.parametrize("cut", CUTS)
def test_a_cut_stone_is_a_closed_solid_about_its_girdle(cut: Cut) -> None:
    made = gems.cut_stone(cut)
    assert is_closed(made) and signed_volume(made) > 0
    assert np.abs(made.vertices[:, :2]).max() == pytest.approx(1.0, abs=0.02)
    assert made.vertices[:, 2].min() < 0 < made.vertices[:, 2].max()


@pytest.mark.parametrize("cut", [cut for cut in CUTS if cut != "cabochon"])
def test_facets_are_flat(cut: Cut) -> None:
    made = gems.cut_stone(cut)
    alike = np.einsum("ijk,ik->ij", made.normals[made.faces], face_normals(made))
    assert alike.min() > np.cos(np.radians(3.1))


def test_the_round_brilliant_has_57_facets_and_a_girdle() -> None:
    made = gems.cut_stone("round")
    normals = np.unique(np.round(face_normals(made), 3), axis=0)
    upright = np.abs(normals[:, 2]) < 1e-6
    assert (~upright).sum() == 57
    assert upright.sum() == 16


@pytest.mark.parametrize("cut", CUTS)
def test_an_outline_is_the_stones_own(cut: Cut) -> None:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = gems.outline(cut, angles)
    reach = np.hypot(*ring.T)
    stone = gems.cut_stone(cut)
    assert np.abs(ring).max() <= 1.001
    for angle, far in zip(angles, reach, strict=True):
        way = np.array([np.cos(angle), np.sin(angle)])
        assert (stone.vertices[:, :2] @ way).max() >= far - 0.05


def test_stones_refract_as_their_minerals_do() -> None:
    assert gems.DIAMOND.material().ior == pytest.approx(2.42)
    assert gems.SAPPHIRE.material().ior == pytest.approx(1.77)
    assert gems.EMERALD.material().ior == pytest.approx(1.58)
    for stone in (gems.DIAMOND, *gems.COLOURED):
        material = stone.material()
        assert material.transmission == 1.0 and not material.thin
        assert all(0 < value <= 1 for value in material.tint)


@pytest.mark.parametrize("style", ["prongs", "bezel", "halo"])
def test_a_setting_encloses_its_stone(style: Style) -> None:
    setting = mounted("oval", 4.0, style, turned=True)
    assert is_closed(setting.metal) and signed_volume(setting.metal) > 0
    assert is_closed(setting.stone)
    wide, deep = np.ptp(setting.stone.vertices[:, :2], axis=0)
    assert deep > wide
    assert (np.ptp(setting.metal.vertices[:, :2], axis=0) > [wide * 0.7, deep * 0.7]).all()
    assert setting.metal.vertices[:, 2].max() > 0 > setting.metal.vertices[:, 2].min()
    assert (setting.pave is not None) == (style == "halo")


def test_metals_reflect_between_nothing_and_all_of_the_light() -> None:
    for metal in (*metals.PRECIOUS, *metals.HARDWARE, *metals.CASES):
        assert all(0 < value <= 1 for value in metal.colour)
        assert metal.polished().metallic == 1.0
        assert metal.polished().roughness < metal.satin().roughness  # type: ignore[operator]
    assert metals.YELLOW_GOLD.colour[0] > metals.YELLOW_GOLD.colour[1] > metals.YELLOW_GOLD.colour[2]
