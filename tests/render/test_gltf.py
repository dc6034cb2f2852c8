"""Models in glTF come out as their makers meant, and hostile ones are refused with a reason."""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_models import ModelMaker, cube, glb, png

from pvtt_data.errors import InputError
from pvtt_data.render.imported.assembly import Model
from pvtt_data.render.imported.draco import DracoMesh
from pvtt_data.render.imported.gltf import read_gltf
from pvtt_data.render.imported.limits import DEFAULT_MODEL_LIMITS, ModelLimits
from pvtt_data.render.material import Texture, linear_rgb

PLASTIC = {"metallicFactor": 0.0, "roughnessFactor": 0.5}
UPRIGHT = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], "f4")
"""Texture coordinates of `QUAD`, the picture upright."""
QUAD = np.array([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]], "f4")
QUAD_FACES = np.array([0, 1, 2, 0, 2, 3], "u2")


def load(maker: ModelMaker | bytes, folder: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> Model:
    path = folder / "model.glb"
    path.write_bytes(maker if isinstance(maker, bytes) else maker.glb())
    return read_gltf(path, limits)


def refusal(maker: ModelMaker | bytes, folder: Path, limits: ModelLimits = DEFAULT_MODEL_LIMITS) -> str:
    with pytest.raises(InputError) as refused:
        load(maker, folder, limits)
    return refused.value.reason


def bounds(model: Model) -> tuple[np.ndarray, np.ndarray]:
    vertices = np.concatenate([part.mesh.vertices for part in model.parts])
    return vertices.min(axis=0), vertices.max(axis=0)


def textured(folder: Path, material: dict[str, Any], uv: np.ndarray = UPRIGHT, **more: np.ndarray) -> Model:
    """A quad at the front of a box; its material names textures by the pictures themselves."""
    maker = ModelMaker()
    maker.box(material={"pbrMetallicRoughness": {**PLASTIC, "baseColorFactor": [0, 0, 0, 1]}})

    def embedded(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return maker.picture(value)
        return {key: embedded(item) for key, item in value.items()} if isinstance(value, dict) else value

    attributes = {"POSITION": QUAD + np.array([0, 0, 1.6], "f4"), "TEXCOORD_0": uv.astype("f4"), **more}
    maker.surface(attributes, QUAD_FACES, material=embedded(material))
    return load(maker, folder)


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


# ---- shapes and places


def test_y_up_and_front_to_z_become_z_up_and_front_to_minus_y(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    nose = QUAD * np.array([0.1, 0.1, 1], "f4") + np.array([0.3, 0.8, 1.6], "f4")
    maker.surface({"POSITION": nose}, QUAD_FACES, material={"pbrMetallicRoughness": PLASTIC})
    model = load(maker, tmp_path)
    low, high = bounds(model)
    assert np.allclose((high - low).max(), 1) and low[2] == pytest.approx(0)
    assert np.allclose((low + high)[:2], 0)
    front = model.parts[1].mesh
    assert np.allclose(front.vertices[:, 1], low[1]), "what faces +z shows at the front"
    assert front.vertices[:, 0].mean() > 0.05 and front.vertices[:, 2].mean() > 0.4
    assert np.allclose(front.normals, [0, -1, 0])


def test_a_model_loads_the_same_from_glb_gltf_and_files_beside_it(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    first = load(maker, tmp_path)
    second = read_gltf(maker.save(tmp_path / "embedded.gltf"))
    description = maker.whole()
    description["buffers"][0]["uri"] = "./data/my%20box.bin"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my box.bin").write_bytes(bytes(maker.binary))
    (tmp_path / "apart.gltf").write_text("\ufeff" + json.dumps(description))
    third = read_gltf(tmp_path / "apart.gltf")
    for model in (second, third):
        assert np.array_equal(model.parts[0].mesh.vertices, first.parts[0].mesh.vertices)


def test_nodes_are_placed_by_matrices_and_by_turns_through_the_hierarchy(tmp_path: Path) -> None:
    half = math.sqrt(0.5)
    by_turn, by_matrix = ModelMaker(), ModelMaker()
    by_turn.box({"translation": [3, 0, 0]})
    by_turn.box({"scale": [2, 2, 2]})
    by_turn.add("nodes", {"children": [0, 1], "rotation": [0, half, 0, half]})
    by_matrix.box({"matrix": [0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, -3, 1]})
    by_matrix.box({"matrix": [0, 0, -2, 0, 0, 2, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]})
    first, second = load(by_turn, tmp_path), load(by_matrix, tmp_path)
    assert np.allclose(first.parts[0].mesh.vertices, second.parts[0].mesh.vertices, atol=1e-6)
    assert len(first.parts) == 1, "surfaces of one material are one part"


def test_mirrored_nodes_keep_faces_and_normals_outwards(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box({"scale": [-1, 2, 1]})
    mesh = load(maker, tmp_path).parts[0].mesh
    centre = mesh.vertices.mean(axis=0)
    corners = mesh.vertices[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", across, corners.mean(axis=1) - centre) > 0).all()
    assert (np.einsum("ij,ij->i", mesh.normals, mesh.vertices - centre) > 0).all()


@pytest.mark.parametrize(
    ("mode", "indices"), [(4, [0, 1, 2, 0, 2, 3]), (5, [0, 1, 3, 2]), (6, [0, 1, 2, 3])], ids=["list", "strip", "fan"]
)
def test_lists_strips_and_fans_face_the_same_way(tmp_path: Path, mode: int, indices: list[int]) -> None:
    maker = ModelMaker()
    maker.box()
    front = QUAD + np.array([0, 0, 1.6], "f4")
    surface = maker.surface({"POSITION": front}, np.array(indices, "u1"), material={"pbrMetallicRoughness": PLASTIC})
    surface["mode"] = mode
    mesh = load(maker, tmp_path).parts[1].mesh
    assert len(mesh.faces) == 2
    assert np.allclose(mesh.normals, [0, -1, 0])


def test_surfaces_without_indices_have_flat_faces(tmp_path: Path) -> None:
    corners, faces = cube()
    maker = ModelMaker()
    maker.surface({"POSITION": corners[faces.ravel()]}, None)
    normals = load(maker, tmp_path).parts[0].mesh.normals
    assert np.allclose(np.sort(np.abs(normals), axis=1), [0, 0, 1])


def test_missing_normals_are_smooth_where_faces_share_vertices(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    normals = load(maker, tmp_path).parts[0].mesh.normals
    assert np.allclose(np.linalg.norm(normals, axis=1), 1)
    assert (np.abs(normals) > 0.1).all()


def test_broken_normals_are_replaced(tmp_path: Path) -> None:
    maker = ModelMaker()
    corners, faces = cube()
    maker.surface({"POSITION": corners, "NORMAL": np.zeros((8, 3), "f4")}, faces.ravel())
    assert np.allclose(np.linalg.norm(load(maker, tmp_path).parts[0].mesh.normals, axis=1), 1)


def test_degenerate_faces_and_unused_vertices_are_dropped(tmp_path: Path) -> None:
    corners, faces = cube()
    far = np.concatenate([corners, [[900, 900, 900]]]).astype("f4")
    maker = ModelMaker()
    maker.surface({"POSITION": far}, np.concatenate([faces.ravel(), [0, 0, 1, 8, 8, 8]]).astype("u4"))
    mesh = load(maker, tmp_path).parts[0].mesh
    assert len(mesh.vertices) == 8 and len(mesh.faces) == 12


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2"])
def test_quantised_positions_and_coordinates_are_read(tmp_path: Path, dtype: str) -> None:
    most = np.iinfo(dtype).max
    corners, faces = cube()
    positions = np.round((corners / 3 + 0.5) * most).astype(dtype)
    uv = np.round(np.clip(corners[:, :2] + 0.5, 0, 1) * most).astype(dtype)
    maker = ModelMaker()
    material = {"pbrMetallicRoughness": {**PLASTIC, "baseColorTexture": {"index": 0}}}
    maker.picture(noise(4, 4, 3))
    primitive = maker.surface({"POSITION": positions, "TEXCOORD_0": uv}, faces.ravel(), material=material)
    maker.description["accessors"][primitive["attributes"]["TEXCOORD_0"]]["normalized"] = True
    maker.description["extensionsRequired"] = ["KHR_mesh_quantization"]
    model = load(maker, tmp_path)
    low, high = bounds(model)
    assert np.allclose(np.sort(high - low), [1 / 3, 2 / 3, 1], atol=0.02)
    assert model.parts[0].mesh.uv.max() == pytest.approx(1, abs=0.01)


def test_interleaved_and_sparse_arrays_are_read(tmp_path: Path) -> None:
    corners, faces = cube()
    plain = ModelMaker()
    plain.box()
    maker = ModelMaker()
    wrong = corners.copy()
    wrong[3] = [7, 7, 7]
    rows = np.concatenate([np.zeros((8, 1), "f4"), wrong, np.zeros((8, 2), "f4")], axis=1)
    view = maker.view(rows.tobytes(), byteStride=24)
    base = {"bufferView": view, "byteOffset": 4, "componentType": 5126, "type": "VEC3", "count": 8}
    places = {"bufferView": maker.view(np.array([3], "u1").tobytes()), "componentType": 5121}
    values = {"bufferView": maker.view(corners[3].tobytes())}
    position = maker.add("accessors", {**base, "sparse": {"count": 1, "indices": places, "values": values}})
    primitive = {"attributes": {"POSITION": position}, "indices": maker.accessor(faces.ravel())}
    maker.add("nodes", {"mesh": maker.add("meshes", {"primitives": [primitive]})})
    assert np.allclose(load(maker, tmp_path).parts[0].mesh.vertices, load(plain, tmp_path).parts[0].mesh.vertices)


def test_only_the_default_scene_is_shown(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    maker.box({"translation": [50, 0, 0]})
    maker.description |= {"scenes": [{"nodes": [1]}, {"nodes": [0]}], "scene": 1}
    assert len(load(maker, tmp_path).parts[0].mesh.vertices) == 8


def test_points_and_lines_are_left_out_with_a_note(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    maker.surface({"POSITION": QUAD * 100}, None)["mode"] = 0
    model = load(maker, tmp_path)
    assert "points and lines are ignored" in model.notes
    assert len(model.parts[0].mesh.vertices) == 8


@pytest.mark.parametrize("order_kept", [True, False])
def test_draco_meshes_are_decoded(tmp_path: Path, order_kept: bool) -> None:
    draco = pytest.importorskip("DracoPy", reason="the extra 'render' is not installed: no DracoPy")
    corners, faces = cube()
    stream = draco.encode(corners, faces.astype("u4"), quantization_bits=16, preserve_order=order_kept)
    maker = ModelMaker()
    described = {"componentType": 5126, "type": "VEC3", "count": 8}
    count = {"componentType": 5123, "type": "SCALAR", "count": 36}
    primitive = {
        "attributes": {"POSITION": maker.add("accessors", described)},
        "indices": maker.add("accessors", count),
        "extensions": {"KHR_draco_mesh_compression": {"bufferView": maker.view(stream), "attributes": {"POSITION": 0}}},
    }
    maker.add("nodes", {"mesh": maker.add("meshes", {"primitives": [primitive]})})
    maker.description["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    low, high = bounds(load(maker, tmp_path))
    assert np.allclose(np.sort(high - low), [1 / 3, 2 / 3, 1], atol=1e-3)
    assert refusal(maker, tmp_path, replace(DEFAULT_MODEL_LIMITS, max_vertices=7)) == "too-complex"
    maker.description["accessors"][0]["count"] = 7
    assert refusal(maker, tmp_path) == "broken-model"
    with pytest.raises(InputError) as refused:
        DracoMesh(stream[:11] + b"\x00" + b"\xff\xff\xff\xff\x07" * 2 + stream[20:], DEFAULT_MODEL_LIMITS)
    assert refused.value.reason == "too-complex", "announced sizes are looked at before anything is decoded"
    start = maker.description["bufferViews"][0]["byteOffset"]
    maker.binary[start + 11 : start + 20] = b"\xff" * 9
    assert refusal(maker, tmp_path) in ("broken-model", "too-complex")


# ---- materials


def test_factors_become_a_material(tmp_path: Path) -> None:
    maker = ModelMaker()
    pbr = {"baseColorFactor": [0.1, 0.2, 0.3, 1.0], "metallicFactor": 1.0, "roughnessFactor": 0.25}
    maker.box(
        material={
            "pbrMetallicRoughness": pbr,
            "emissiveFactor": [0.5, 0, 0],
            "extensions": {
                "KHR_materials_clearcoat": {"clearcoatFactor": 0.8, "clearcoatRoughnessFactor": 0.05},
                "KHR_materials_sheen": {"sheenColorFactor": [0.1, 0.4, 0.2]},
                "KHR_materials_specular": {"specularFactor": 0.5},
                "KHR_materials_emissive_strength": {"emissiveStrength": 4.0},
            },
        }
    )
    made = load(maker, tmp_path).parts[0].material
    assert made.colour == (0.1, 0.2, 0.3)
    assert (made.metallic, made.roughness) == (1.0, 0.25)
    assert (made.clearcoat, made.clearcoat_roughness, made.sheen) == (0.8, 0.05, 0.4)
    assert made.specular == pytest.approx(0.25)
    assert made.emission == (2.0, 0.0, 0.0)
    assert made.opacity == 1.0


def test_a_material_that_says_nothing_is_plastic_and_one_that_says_metal_is_metal(tmp_path: Path) -> None:
    silent, metal = ModelMaker(), ModelMaker()
    silent.box(material={"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 1]}})
    metal.box(material={"pbrMetallicRoughness": {"roughnessFactor": 0.2}})
    model = load(silent, tmp_path)
    assert model.parts[0].material.metallic == 0.0
    assert any("plastic" in note for note in model.notes)
    assert load(metal, tmp_path).parts[0].material.metallic == 1.0


def test_pure_white_is_as_white_as_porcelain(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box(material={"pbrMetallicRoughness": PLASTIC})
    assert load(maker, tmp_path).parts[0].material.colour == (0.88, 0.88, 0.88)


def test_pictures_keep_their_orientation_and_are_multiplied_by_factors(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4, :4] = [200, 0, 0]
    rough_metal = noise(8, 8, 3)
    pbr = {
        "baseColorFactor": [0.5, 1, 1, 1],
        "baseColorTexture": {"index": picture},
        "roughnessFactor": 0.5,
        "metallicRoughnessTexture": {"index": rough_metal},
    }
    part = textured(tmp_path, {"pbrMetallicRoughness": pbr}).parts[1]
    colour, roughness, metallic = part.material.colour, part.material.roughness, part.material.metallic
    assert isinstance(colour, Texture) and isinstance(roughness, Texture) and isinstance(metallic, Texture)
    red = linear_rgb(f"#{colour.pixels[0, 0, 0]:02x}0000")[0]
    assert red == pytest.approx(0.5 * linear_rgb("#c80000")[0], rel=0.02)
    assert not colour.pixels[4:].any()
    assert np.abs(roughness.pixels[..., 0] - rough_metal[..., 1] / 2).max() <= 1
    assert np.array_equal(metallic.pixels[..., 0], rough_metal[..., 2])
    assert not roughness.srgb and colour.srgb
    top_left = part.mesh.vertices[np.argmin(part.mesh.vertices @ [1, 0, -1])]
    assert np.allclose(part.mesh.uv[np.argmin(np.linalg.norm(part.mesh.vertices - top_left, axis=1))], [0, 0])


def test_plain_pictures_become_plain_values(tmp_path: Path) -> None:
    pbr = {
        "baseColorTexture": {"index": np.full((4, 4, 3), 128, np.uint8)},
        "metallicRoughnessTexture": {"index": np.full((4, 4, 3), 51, np.uint8)},
    }
    made = textured(tmp_path, {"pbrMetallicRoughness": pbr}).parts[1].material
    assert made.colour == pytest.approx(linear_rgb("#808080"))
    assert (made.roughness, made.metallic) == pytest.approx((0.2, 0.2))


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    pbr = {**PLASTIC, "baseColorTexture": {"index": noise(8, 2100, 3)}}
    colour = textured(tmp_path, {"pbrMetallicRoughness": pbr}).parts[1].material.colour
    assert isinstance(colour, Texture) and colour.pixels.shape == (4, 1024, 3)


def test_colours_under_transparent_pixels_of_opaque_materials_are_kept(tmp_path: Path) -> None:
    picture = noise(4, 4, 4)
    picture[..., 3] = 0
    pbr = {**PLASTIC, "baseColorTexture": {"index": picture}}
    made = textured(tmp_path, {"pbrMetallicRoughness": pbr}).parts[1].material
    assert isinstance(made.colour, Texture) and np.array_equal(made.colour.pixels, picture[..., :3])
    assert made.opacity == 1.0


def bumps() -> np.ndarray:
    slopes = noise(8, 8, 3).astype(float) / 255 * 2 - 1
    slopes[..., 2] = 1.5
    slopes /= np.linalg.norm(slopes, axis=-1, keepdims=True)
    return ((slopes / 2 + 0.5) * 255 + 0.5).astype(np.uint8)


def test_normal_maps_are_scaled(tmp_path: Path) -> None:
    weak = textured(tmp_path, {"normalTexture": {"index": bumps(), "scale": 0.5}}).parts[1].material.normal_map
    full = textured(tmp_path, {"normalTexture": {"index": bumps()}}).parts[1].material.normal_map
    assert weak is not None and full is not None and not weak.srgb
    assert np.abs(full.pixels.astype(int) - bumps()).max() <= 1
    normals = weak.pixels / 255 * 2 - 1
    steep = full.pixels / 255 * 2 - 1
    assert np.allclose(normals[..., 0] / normals[..., 2], steep[..., 0] / steep[..., 2] / 2, atol=0.03)
    none = textured(tmp_path, {"normalTexture": {"index": bumps(), "scale": 0.0}}).parts[1].material
    assert none.normal_map is None


def test_bumps_stay_bumps_where_the_picture_is_mirrored(tmp_path: Path) -> None:
    mirrored = textured(tmp_path, {"normalTexture": {"index": bumps()}}, UPRIGHT * [-1, 1]).parts[1].material
    assert mirrored.normal_map is not None
    assert np.abs(mirrored.normal_map.pixels[..., 1].astype(int) - (255 - bumps()[..., 1])).max() <= 1
    turned = textured(tmp_path, {"normalTexture": {"index": bumps()}}, UPRIGHT * -1).parts[1].material
    assert turned.normal_map is not None
    assert np.abs(turned.normal_map.pixels[..., 1].astype(int) - bumps()[..., 1]).max() <= 1


def test_cut_outs_are_cut_at_the_cutoff(tmp_path: Path) -> None:
    picture = noise(8, 8, 4)
    picture[..., 3] = np.repeat([[0, 100, 150, 255] * 2], 8, axis=0)
    pbr = {**PLASTIC, "baseColorTexture": {"index": picture}}
    for mode, more, kept in (("MASK", {"alphaCutoff": 0.3}, 6), ("MASK", {}, 4), ("BLEND", {}, 4)):
        opacity = textured(tmp_path, {"pbrMetallicRoughness": pbr, "alphaMode": mode, **more}).parts[1].material.opacity
        assert isinstance(opacity, Texture) and not opacity.srgb
        assert set(np.unique(opacity.pixels)) == {0, 255}
        assert (opacity.pixels[0, :, 0] == 255).sum() == kept
    opaque = textured(tmp_path, {"pbrMetallicRoughness": pbr}).parts[1].material
    assert opaque.opacity == 1.0


def test_films_become_thin_glass_and_nearly_opaque_blends_become_opaque(tmp_path: Path) -> None:
    film, solid = ModelMaker(), ModelMaker()
    film.box(material={"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 0.4]}, "alphaMode": "BLEND"})
    solid.box(material={"pbrMetallicRoughness": {"baseColorFactor": [1, 0, 0, 0.9]}, "alphaMode": "BLEND"})
    made = load(film, tmp_path).parts[0].material
    assert made.transmission == 1 and made.thin
    assert made.tint == pytest.approx((1.0, 0.6, 0.6))
    made = load(solid, tmp_path).parts[0].material
    assert made.transmission == 0 and made.opacity == 1.0


def test_invisible_surfaces_are_left_out(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    maker.box(
        {"scale": [9, 9, 9]},
        {"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 0]}, "alphaMode": "MASK"},
    )
    model = load(maker, tmp_path)
    assert len(model.parts) == 1 and "invisible surfaces are left out" in model.notes


def glass(**volume: Any) -> dict[str, Any]:
    return {
        "pbrMetallicRoughness": {"baseColorFactor": [0.81, 1, 1, 1], "metallicFactor": 0, "roughnessFactor": 0.0},
        "extensions": {
            "KHR_materials_transmission": {"transmissionFactor": 1.0},
            "KHR_materials_ior": {"ior": 1.7},
            **({"KHR_materials_volume": volume} if volume else {}),
        },
    }


def test_glass_with_a_volume_is_solid_and_tinted_over_its_thickness(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box(material=glass(thicknessFactor=2.0, attenuationDistance=1.0, attenuationColor=[1, 0.5, 1]))
    made = load(maker, tmp_path).parts[0].material
    assert made.transmission == 1 and not made.thin
    assert made.ior == 1.7
    through = np.array(made.tint) ** 2
    assert np.allclose(through, [0.81, 0.25, 1.0]), "light passes two surfaces"


def test_glass_without_a_volume_is_thin(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box(material=glass())
    made = load(maker, tmp_path).parts[0].material
    assert made.thin and made.tint == pytest.approx((0.81, 1, 1))


def test_solid_glass_is_turned_outwards_and_open_glass_becomes_thin(tmp_path: Path) -> None:
    corners, faces = cube()
    inside_out, opened = ModelMaker(), ModelMaker()
    inside_out.surface({"POSITION": corners}, faces[:, ::-1].ravel(), material=glass(thicknessFactor=1.0))
    opened.surface({"POSITION": corners}, faces[1:].ravel(), material=glass(thicknessFactor=1.0))
    part = load(inside_out, tmp_path).parts[0]
    assert not part.material.thin
    offset = part.mesh.vertices - part.mesh.vertices.mean(axis=0)
    assert (np.einsum("ij,ij->i", part.mesh.normals, offset) > 0).all()
    model = load(opened, tmp_path)
    assert model.parts[0].material.thin
    assert any("not closed" in note for note in model.notes)


def test_seams_do_not_open_glass(tmp_path: Path) -> None:
    corners, faces = cube()
    maker = ModelMaker()
    maker.surface({"POSITION": corners[faces.ravel()]}, None, material=glass(thicknessFactor=1.0))
    assert not load(maker, tmp_path).parts[0].material.thin


def test_unlit_surfaces_are_lit(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box(material={"extensions": {"KHR_materials_unlit": {}}})
    model = load(maker, tmp_path)
    assert model.parts[0].material.metallic == 0
    assert "unlit surfaces are lit" in model.notes


def test_texture_transforms_are_baked_into_the_coordinates(tmp_path: Path) -> None:
    transform = {"offset": [0.1, 0.2], "rotation": math.pi / 2, "scale": [2.0, 3.0]}
    info = {"index": noise(4, 4, 3), "extensions": {"KHR_texture_transform": transform}}
    part = textured(tmp_path, {"pbrMetallicRoughness": {**PLASTIC, "baseColorTexture": info}}).parts[1]
    # Coordinates turn counter-clockwise as seen, with v downwards: u takes what v was.
    expected = np.stack([3 * UPRIGHT[:, 1] + 0.1, -2 * UPRIGHT[:, 0] + 0.2], -1)
    order = np.lexsort(part.mesh.uv.T)
    assert np.allclose(part.mesh.uv[order], expected[np.lexsort(expected.T)], atol=1e-6)


def test_pictures_at_another_scale_repeat_and_those_elsewhere_are_left_out_with_a_note(tmp_path: Path) -> None:
    pbr = {**PLASTIC, "baseColorTexture": {"index": noise(4, 4, 3)}}
    for transform, repeat in (({"scale": [4, 2]}, (4.0, 2.0)), ({"offset": [0.3, 0]}, None)):
        info = {"index": bumps(), "extensions": {"KHR_texture_transform": transform}}
        model = textured(tmp_path, {"pbrMetallicRoughness": pbr, "normalTexture": info})
        normal_map = model.parts[1].material.normal_map
        assert (None if normal_map is None else normal_map.repeat) == repeat
        assert any("normal picture is left out" in note for note in model.notes) == (repeat is None)


def test_the_second_set_of_coordinates_can_be_the_one_used(tmp_path: Path) -> None:
    info = {"index": noise(4, 4, 3), "texCoord": 1}
    second = (UPRIGHT / 2).astype("f4")
    material = {"pbrMetallicRoughness": {**PLASTIC, "baseColorTexture": info}}
    part = textured(tmp_path, material, TEXCOORD_1=second).parts[1]
    assert part.mesh.uv.max() == pytest.approx(0.5)
    model = textured(tmp_path, material)
    assert not isinstance(model.parts[1].material.colour, Texture)
    assert any("base colour picture is left out" in note for note in model.notes)


def test_one_colour_of_all_vertices_multiplies_the_base_colour(tmp_path: Path) -> None:
    corners, faces = cube()
    maker = ModelMaker()
    colours = np.tile(np.array([0.5, 1, 1, 1], "f4"), (8, 1))
    material = {"pbrMetallicRoughness": {**PLASTIC, "baseColorFactor": [0.5, 0.5, 0.5, 1]}}
    maker.surface({"POSITION": corners, "COLOR_0": colours}, faces.ravel(), material=material)
    assert load(maker, tmp_path).parts[0].material.colour == pytest.approx((0.25, 0.5, 0.5))


def test_different_colours_of_vertices_are_drawn_into_a_picture(tmp_path: Path) -> None:
    corners, faces = cube()
    colours = (noise(8, 3) // 2 + 64).astype("u1")
    maker = ModelMaker()
    material = {"pbrMetallicRoughness": PLASTIC}
    primitive = maker.surface({"POSITION": corners, "COLOR_0": colours}, faces.ravel(), material=material)
    maker.description["accessors"][primitive["attributes"]["COLOR_0"]]["normalized"] = True
    part = load(maker, tmp_path).parts[0]
    picture = part.material.colour
    assert isinstance(picture, Texture)
    height, width, _ = picture.pixels.shape
    texels = np.floor(part.mesh.uv * [width, height]).astype(int)
    shown = picture.pixels[texels[:, 1], texels[:, 0]]
    turned = corners @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    turned = (turned - turned.min(axis=0)) / 3
    placed = part.mesh.vertices - part.mesh.vertices.min(axis=0)
    owner = np.linalg.norm(placed[:, None] - turned, axis=-1).argmin(axis=1)
    linear = np.array([[linear_rgb(f"#{bytes(pixel).hex()}")] for pixel in shown])[:, 0]
    assert np.allclose(linear, colours[owner] / 255 * 0.88, atol=0.01)


def test_colours_of_vertices_under_a_picture_are_ignored_with_a_note(tmp_path: Path) -> None:
    pbr = {**PLASTIC, "baseColorTexture": {"index": noise(4, 4, 3)}}
    colours = np.linspace(0, 1, 12).reshape(4, 3).astype("f4")
    model = textured(tmp_path, {"pbrMetallicRoughness": pbr}, COLOR_0=colours)
    assert any("colours of vertices" in note for note in model.notes)


def test_emissive_pictures_glow(tmp_path: Path) -> None:
    picture = noise(4, 4, 3)
    material = {"emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": picture}}
    emission = textured(tmp_path, material).parts[1].material.emission
    assert isinstance(emission, Texture) and np.array_equal(emission.pixels, picture)


def test_only_the_faces_that_glow_are_lamps(tmp_path: Path) -> None:
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[2:5, 10:13] = 200
    maker = ModelMaker()
    maker.picture(picture)
    corners, faces = cube()
    loose = corners[faces.ravel()]
    for shift, glows in ((0.0, True), (0.3, False), (-2.0, True)):
        uv = np.tile(np.array([[0.6, 0.1], [0.8, 0.1], [0.6, 0.3]]), (12, 1))
        uv[3:] = [0.2, 0.8]
        material = {"emissiveFactor": [1, 1, 1], "emissiveTexture": {"index": 0}}
        maker.description["nodes"] = []
        uv[:, 1] += shift
        maker.surface({"POSITION": loose, "TEXCOORD_0": uv.astype("f4")}, None, material=material)
        lamps = [part for part in load(maker, tmp_path).parts if isinstance(part.material.emission, Texture)]
        assert [len(part.mesh.faces) for part in lamps] == ([1] if glows else [])


# ---- what is refused


@pytest.mark.parametrize("name", ["KHR_texture_basisu", "EXT_meshopt_compression", "VENDOR_secret"])
def test_required_extensions_that_are_not_supported_are_named(tmp_path: Path, name: str) -> None:
    maker = ModelMaker()
    maker.box()
    maker.description["extensionsRequired"] = [name]
    with pytest.raises(InputError, match=name) as refused:
        load(maker, tmp_path)
    assert refused.value.reason == "unsupported-extension"
    del maker.description["extensionsRequired"]
    maker.description["extensionsUsed"] = [name]
    assert f"extension {name} is ignored" in load(maker, tmp_path).notes


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/passwd",
        "../secret.bin",
        "data/../../secret.bin",
        "data/../model.gltf",
        "%2e%2e/secret.bin",
        "..%2fsecret.bin",
        "%2Fetc%2Fpasswd",
        "file:///etc/passwd",
        "http://example.org/a.bin",
        "C:/secret.bin",
        "..\\secret.bin",
        "data/%5c..%5csecret.bin",
        "//host/share.bin",
        "secret.bin%00.png",
        "%ff.bin",
        "link.bin",
        "linked/secret.bin",
        "a/" * 600 + "a",
        "",
    ],
)
def test_files_outside_the_folder_are_never_read(tmp_path: Path, uri: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    maker = ModelMaker()
    maker.box()
    (tmp_path / "secret.bin").write_bytes(bytes(maker.binary))
    (inside / "data").mkdir()
    (inside / "link.bin").symlink_to(tmp_path / "secret.bin")
    (inside / "linked").symlink_to(tmp_path)
    description = maker.whole()
    description["buffers"][0]["uri"] = uri
    path = inside / "model.gltf"
    path.write_text(json.dumps(description))
    with pytest.raises(InputError) as refused:
        read_gltf(path)
    assert refused.value.reason == "unsafe-uri"


def test_pictures_obey_the_same_rules(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.add("images", {"uri": "../a.png"})
    maker.add("textures", {"source": 0})
    info = {"baseColorTexture": {"index": 0}}
    maker.surface({"POSITION": QUAD, "TEXCOORD_0": UPRIGHT}, QUAD_FACES, material={"pbrMetallicRoughness": info})
    assert refusal(maker, tmp_path) == "unsafe-uri"
    maker.description["images"][0]["uri"] = "a.png"
    assert refusal(maker, tmp_path) == "missing-file"
    (tmp_path / "a.png").mkdir()
    assert refusal(maker, tmp_path) == "missing-file"
    encoded = base64.b64encode(b"GIF89a nothing").decode()
    for uri, reason in (
        (f"data:image/png;base64,{encoded}", "not-an-image"),
        ("data:image/png;base64,####", "broken-model"),
        ("data:text/plain,hello", "broken-model"),
    ):
        maker.description["images"][0]["uri"] = uri
        assert refusal(maker, tmp_path) == reason


def test_picture_bombs_are_not_decoded(tmp_path: Path) -> None:
    def bomb(width: int, height: int) -> bytes:
        data = bytearray(png(np.zeros((1, 1, 3), np.uint8)))
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
        return bytes(data)

    for size in ((60_000, 60_000), (8193, 8192)):
        maker = ModelMaker()
        maker.add("images", {"bufferView": maker.view(bomb(*size))})
        maker.add("textures", {"source": 0})
        material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
        maker.surface({"POSITION": QUAD, "TEXCOORD_0": UPRIGHT}, QUAD_FACES, material=material)
        assert refusal(maker, tmp_path) == "too-many-pixels"
    with_picture = ModelMaker()
    with_picture.picture(noise(20, 20, 3))
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    with_picture.surface({"POSITION": QUAD, "TEXCOORD_0": UPRIGHT}, QUAD_FACES, material=material)
    assert refusal(with_picture, tmp_path, replace(DEFAULT_MODEL_LIMITS, max_decoded_pixels=399)) == "too-many-pixels"


def test_truncated_pictures_are_refused(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.add("images", {"bufferView": maker.view(png(noise(64, 64, 3))[:3000])})
    maker.add("textures", {"source": 0})
    material = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    maker.surface({"POSITION": QUAD, "TEXCOORD_0": UPRIGHT}, QUAD_FACES, material=material)
    assert refusal(maker, tmp_path) == "broken-image"


def test_files_that_are_no_models_are_refused(tmp_path: Path) -> None:
    whole = ModelMaker()
    whole.box()
    data = whole.glb()
    assert refusal(b"", tmp_path) == "not-a-model"
    assert refusal(b"PK\x03\x04" + data, tmp_path) == "not-a-model"
    assert refusal(b"glTF", tmp_path) == "broken-model"
    assert refusal(data[:4] + struct.pack("<I", 1) + data[8:], tmp_path) == "unsupported-model"
    assert refusal(data[:-1], tmp_path) == "broken-model"
    assert refusal(data[:12] + struct.pack("<I", 2**32 - 1) + data[16:], tmp_path) == "broken-model"
    assert refusal(glb(b"[1, 2]", b""), tmp_path) == "broken-model"
    assert refusal(b"{", tmp_path) == "broken-model"
    assert refusal(b'{"asset": {"version": "1.0"}}', tmp_path) == "unsupported-model"
    with pytest.raises(InputError) as refused:
        read_gltf(tmp_path / "absent.glb")
    assert refused.value.reason == "missing-file"


def test_descriptions_that_are_too_deep_or_too_long_are_refused(tmp_path: Path) -> None:
    deep = b'{"asset": {"version": "2.0", "extras": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert refusal(deep, tmp_path) == "broken-model"
    long = b'{"asset": {"version": "2.0"}, "extras": [' + b"[]," * 600_000 + b"0]}"
    assert refusal(long, tmp_path) == "too-complex"
    assert refusal(b"{" + b" " * 100, tmp_path, replace(DEFAULT_MODEL_LIMITS, max_file_bytes=100)) == "too-large"


@pytest.mark.parametrize("nodes", [[{"children": [0]}], [{"children": [1]}, {"children": [0]}]])
def test_nodes_that_are_their_own_ancestors_are_refused(tmp_path: Path, nodes: list[dict[str, Any]]) -> None:
    maker = ModelMaker()
    maker.description |= {"nodes": nodes, "scenes": [{"nodes": [0]}]}
    assert refusal(maker, tmp_path) == "broken-model"


def test_chains_of_nodes_that_are_too_long_are_refused(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.description["nodes"] = [{"children": [index + 1]} for index in range(5000)] + [{}]
    maker.description["scenes"] = [{"nodes": [0]}]
    assert refusal(maker, tmp_path) == "too-complex"


def test_one_node_under_many_parents_is_refused(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    maker.description["nodes"] += [{"children": [0]}, {"children": [0]}]
    assert refusal(maker, tmp_path) == "broken-model"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_vertices": 15}, "too-complex"),
        ({"max_triangles": 23}, "too-complex"),
        ({"max_primitives": 1}, "too-complex"),
        ({"max_nodes": 1}, "too-complex"),
        ({"max_accessors": 3}, "too-complex"),
        ({"max_buffer_bytes": 100}, "too-large"),
    ],
)
def test_limits_hold_for_all_surfaces_together(tmp_path: Path, limits: dict[str, int], reason: str) -> None:
    maker = ModelMaker()
    maker.box()
    maker.box({"translation": [4, 0, 0]})
    load(maker, tmp_path)
    assert refusal(maker, tmp_path, replace(DEFAULT_MODEL_LIMITS, **limits)) == reason


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_coordinates_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    corners, faces = cube()
    corners[3, 1] = value
    maker = ModelMaker()
    maker.surface({"POSITION": corners}, faces.ravel())
    assert refusal(maker, tmp_path) == "bad-geometry"


def test_scales_that_overflow_are_refused(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box({"scale": [1e30] * 3})
    for _ in range(12):
        child = len(maker.description["nodes"]) - 1
        maker.add("nodes", {"children": [child], "scale": [1e30] * 3})
    assert refusal(maker, tmp_path) == "bad-geometry"


def test_tiny_models_are_enlarged(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box({"scale": [1e-12] * 3})
    low, high = bounds(load(maker, tmp_path))
    assert np.allclose(np.sort(high - low), [1 / 3, 2 / 3, 1])


def test_indices_out_of_range_are_refused(tmp_path: Path) -> None:
    corners, faces = cube()
    maker = ModelMaker()
    maker.surface({"POSITION": corners[:-1]}, faces.ravel())
    assert refusal(maker, tmp_path) == "bad-geometry"


@pytest.mark.parametrize("extent", [[0, 0, 0], [1, 1, 0], [1, 0.009, 0.001]])
def test_models_without_volume_are_refused(tmp_path: Path, extent: list[float]) -> None:
    corners, faces = cube()
    maker = ModelMaker()
    maker.surface({"POSITION": (corners * np.array(extent)).astype("f4")}, faces.ravel())
    assert refusal(maker, tmp_path) == ("bad-proportions" if any(extent) else "no-geometry")


def test_models_without_surfaces_are_refused(tmp_path: Path) -> None:
    assert refusal(ModelMaker(), tmp_path) == "no-geometry"
    maker = ModelMaker()
    maker.add("nodes", {})
    assert refusal(maker, tmp_path) == "no-geometry"


def changed(maker: ModelMaker, kind: str, index: int, **values: Any) -> ModelMaker:
    maker.description[kind][index] |= values
    return maker


def boxed() -> ModelMaker:
    maker = ModelMaker()
    maker.box()
    return maker


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("accessors", {"byteOffset": 4}),
        ("accessors", {"count": 9}),
        ("accessors", {"count": 0}),
        ("accessors", {"count": -1}),
        ("accessors", {"count": 10**400}),
        ("accessors", {"componentType": 1}),
        ("accessors", {"type": "VEC2"}),
        ("accessors", {"type": "MAT4"}),
        ("accessors", {"bufferView": 99}),
        ("accessors", {"bufferView": "0"}),
        ("bufferViews", {"byteLength": 2**39}),
        ("bufferViews", {"byteOffset": 2**39}),
        ("bufferViews", {"byteOffset": -4}),
        ("bufferViews", {"byteStride": 2}),
        ("bufferViews", {"buffer": 1}),
        ("nodes", {"mesh": 7}),
        ("nodes", {"children": [9]}),
        ("nodes", {"matrix": [0.0] * 15}),
        ("nodes", {"rotation": [0, 0, 0, 0]}),
        ("meshes", {"primitives": []}),
        ("meshes", {"primitives": [{"attributes": {}}]}),
        ("meshes", {"primitives": [{"attributes": {"POSITION": 0}, "mode": 7}]}),
        ("meshes", {"primitives": [{"attributes": {"POSITION": 0}, "material": 3}]}),
        ("meshes", {"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1}}]}),
        ("meshes", {"primitives": [{"attributes": {"POSITION": 0}, "indices": 0}]}),
    ],
)
def test_descriptions_that_contradict_themselves_are_refused(tmp_path: Path, kind: str, values: dict[str, Any]) -> None:
    if values == {"bufferView": "0"}:
        load(changed(boxed(), kind, 0, **values), tmp_path)  # A number in quotes is a number all the same.
    else:
        assert refusal(changed(boxed(), kind, 0, **values), tmp_path) in ("broken-model", "too-complex")


def test_sparse_replacements_out_of_range_are_refused(tmp_path: Path) -> None:
    maker = boxed()
    places = {"bufferView": maker.view(b"\x08"), "componentType": 5121}
    values = {"bufferView": maker.view(bytes(12))}
    maker.description["accessors"][0]["sparse"] = {"count": 1, "indices": places, "values": values}
    assert refusal(maker, tmp_path) == "broken-model"


def test_reading_one_stream_many_times_does_not_pass_the_limits(tmp_path: Path) -> None:
    maker = boxed()
    maker.description["meshes"][0]["primitives"] *= 30
    maker.description["nodes"] = [{"mesh": 0}] * 30
    for limits in ({"max_primitives": 899}, {"max_vertices": 7199}, {"max_triangles": 10799}):
        assert refusal(maker, tmp_path, replace(DEFAULT_MODEL_LIMITS, **limits)) == "too-complex"


def whole_model() -> bytes:
    maker = ModelMaker()
    corners, faces = cube()
    maker.picture(noise(6, 6, 4))
    material = {
        "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": {"index": 0}},
        "normalTexture": {"index": 0},
        "alphaMode": "MASK",
    }
    attributes = {
        "POSITION": corners,
        "NORMAL": corners,
        "TEXCOORD_0": corners[:, :2].copy(),
        "COLOR_0": np.ones((8, 3), "f4"),
    }
    maker.surface(attributes, faces.ravel(), {"rotation": [0, 1, 0, 0]}, material)
    maker.box({"translation": [1, 0, 0]}, glass(thicknessFactor=1.0))
    return maker.glb()


WHOLE = whole_model()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flips=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.one_of(st.none(), st.integers(0, len(WHOLE))),
)
def test_damage_is_refused_with_a_reason_or_harmless(
    tmp_path: Path, flips: list[tuple[int, int]], cut: int | None
) -> None:
    data = bytearray(WHOLE)
    for place, value in flips:
        data[place] = value
    try:
        model = load(bytes(data[:cut]), tmp_path)
    except InputError as error:
        assert error.reason and error.message
    else:
        for part in model.parts:
            mesh = part.mesh
            assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.normals).all() and np.isfinite(mesh.uv).all()
            assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("data:;base64,AAAA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_value_anywhere_in_the_description_is_refused_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    size = struct.unpack_from("<I", WHOLE, 12)[0]
    description = json.loads(WHOLE[20 : 20 + size])
    at: Any = description
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not (isinstance(at[key], dict | list) and at[key]) or data.draw(st.integers(0, 4)) == 0:
            break
        at = at[key]
    at[key] = data.draw(JSON_VALUES)
    try:
        load(glb(description, WHOLE[28 + size :]), tmp_path)
    except InputError as error:
        assert error.reason and error.message


def test_real_models_stand_upright(test_data: Path) -> None:
    heights = {"WaterBottle": 1.0, "BoomBox": 0.97, "Avocado": 1.0, "Lantern": 1.0, "mug": 0.84, "soda-can": 1.0}
    for name, height in heights.items():
        model = read_gltf(test_data / "models3d" / f"{name}.glb")
        low, high = bounds(model)
        assert high[2] - low[2] == pytest.approx(height, abs=0.01), name
    boombox = read_gltf(test_data / "models3d" / "BoomBox.glb")
    lamps = [part for part in boombox.parts if isinstance(part.material.emission, Texture)]
    assert 0 < sum(len(part.mesh.faces) for part in lamps) < 0.2 * sum(len(part.mesh.faces) for part in boombox.parts)
