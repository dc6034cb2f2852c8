"""Folders of models become libraries of products: licences are asked for, and public collections are understood."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_models import ModelMaker, cube, png

from pvtt_data.errors import InputError
from pvtt_data.render.imported.library import ModelFile, load_model, read_model, scan_models
from pvtt_data.render.imported.licences import recognise
from pvtt_data.render.imported.limits import DEFAULT_MODEL_LIMITS
from pvtt_data.render.imported.obj import read_obj
from pvtt_data.render.material import Texture

CC_BY = "Creative Commons Attribution 4.0 International Public License\n\nBy exercising the Licensed Rights …\n"


def add_model(path: Path, height: float = 1.0, **asset: str) -> Path:
    maker = ModelMaker()
    maker.box({"scale": [1, height, 1]})
    maker.description["asset"] |= asset
    path.parent.mkdir(parents=True, exist_ok=True)
    return maker.save(path)


def only(folder: Path) -> ModelFile:
    found, rejected = scan_models(folder)
    assert not rejected and len(found) == 1
    return found[0]


# ---- licences


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("CC0", "CC0-1.0"),
        ("Creative Commons Legal Code\n\nCC0 1.0 Universal", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        (CC_BY, "CC-BY-4.0"),
        (
            "Attribution 4.0 International\n…\nThe text of the Creative Commons public licenses is dedicated to the\n"
            "public domain under the CC0 Public Domain Dedication.",
            "CC-BY-4.0",
        ),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by-4.0", "CC-BY-4.0"),
        ("Licensed under http://creativecommons.org/licenses/by/4.0/ by Ann", "CC-BY-4.0"),
        ("Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0"),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0"),
        ("Attribution-NonCommercial-ShareAlike 4.0\nInternational", "CC-BY-NC-SA-4.0"),
        ("https://creativecommons.org/licenses/by-sa/3.0/", "CC-BY-SA-3.0"),
        ("Attribution-NoDerivatives 4.0 International", "CC-BY-ND-4.0"),
        ("Apache License\nVersion 2.0, January 2004\nhttp://www.apache.org/licenses/", "Apache-2.0"),
        ("MIT License\n\nCopyright (c) 2021 Ann\n\nPermission is hereby granted, free of charge", "MIT"),
        ("SPDX-FileCopyrightText: 2020 Ann\nSPDX-License-Identifier: CC-BY-SA-4.0\n", "CC-BY-SA-4.0"),
        ("SPDX-License-Identifier: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("All rights reserved.", "LicenseRef-my-mugs"),
        ("Models: CC0. Pictures: CC BY-NC 4.0.", "LicenseRef-my-mugs"),
    ],
)
def test_licences_are_recognised_by_their_text(text: str, spdx: str) -> None:
    assert recognise(text, "my mugs").spdx == spdx


def test_attribution_is_taken_from_the_licence_file() -> None:
    text = "Mug by the sea\nAuthor: Ann Example\n(c) 2021 Ann Example\nSource: https://example.org/mug\n\nCC BY 4.0"
    found = recognise(text, "mug")
    assert found.attribution == "Author: Ann Example; (c) 2021 Ann Example; Source: https://example.org/mug"


def test_models_without_a_licence_are_rejected(tmp_path: Path) -> None:
    add_model(tmp_path / "mugs" / "red.glb")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "LICENSE").write_text("MIT License")
    found, rejected = scan_models(tmp_path)
    assert not found
    assert [(item.path.name, item.reason) for item in rejected] == [("red.glb", "no-licence")]
    assert "LICENSE" in rejected[0].message


@pytest.mark.parametrize(
    "name", ["LICENSE", "LICENCE", "license.txt", "Licence.md", "LICENSE-CC-BY-4.0.txt", "LICENSE_MODELS.md"]
)
@pytest.mark.parametrize("above", [0, 1, 2])
def test_a_licence_file_beside_a_model_or_above_it_counts(tmp_path: Path, name: str, above: int) -> None:
    path = add_model(tmp_path / "drinks" / "mugs" / "red.glb")
    (path.parents[above] / name).write_text(CC_BY)
    assert only(tmp_path).licence == "CC-BY-4.0"


def test_a_licence_above_the_library_does_not_count(tmp_path: Path) -> None:
    add_model(tmp_path / "library" / "red.glb")
    (tmp_path / "LICENSE").write_text(CC_BY)
    assert scan_models(tmp_path / "library")[1][0].reason == "no-licence"


def test_a_models_own_licence_comes_first_then_the_table_then_the_nearest_file(tmp_path: Path) -> None:
    for name in ("own", "listed", "by-path", "rest"):
        add_model(tmp_path / "mugs" / f"{name}.glb")
    (tmp_path / "LICENSE").write_text("Apache License, Version 2.0")
    (tmp_path / "mugs" / "LICENSE").write_text(CC_BY)
    table = {"listed.glb": "CC0-1.0", "own": "CC0-1.0"}
    (tmp_path / "mugs" / "licences.json").write_text(json.dumps(table))
    (tmp_path / "mugs" / "own.glb.license").write_text("SPDX-License-Identifier: MIT")
    (tmp_path / "mugs" / "by-path.license").write_text("CC-BY-NC-4.0")
    licences = {model.path.stem: model.licence for model in scan_models(tmp_path)[0]}
    assert licences == {"own": "MIT", "listed": "CC0-1.0", "by-path": "CC-BY-NC-4.0", "rest": "CC-BY-4.0"}


@pytest.mark.parametrize("content", ["[1]", "{", '{"red": 3}', '{"red": "free for all!"}', "[" * 100_000])
def test_broken_tables_of_licences_reject(tmp_path: Path, content: str) -> None:
    add_model(tmp_path / "red.glb")
    (tmp_path / "licences.json").write_text(content)
    assert scan_models(tmp_path)[1][0].reason == "bad-licence"


def test_empty_and_linked_licence_files_reject(tmp_path: Path) -> None:
    library = tmp_path / "library"
    add_model(library / "red.glb")
    (library / "LICENSE").write_text(" \n")
    assert scan_models(library)[1][0].reason == "no-licence"
    (library / "LICENSE").unlink()
    (tmp_path / "elsewhere").write_text(CC_BY)
    (library / "LICENSE").symlink_to(tmp_path / "elsewhere")
    assert scan_models(library)[1][0].reason == "bad-licence"


def test_a_model_that_is_called_licence_is_no_licence(tmp_path: Path) -> None:
    add_model(tmp_path / "license_plate.glb")
    assert scan_models(tmp_path)[1][0].reason == "no-licence"


# ---- names


@pytest.mark.parametrize(
    ("path", "title", "category"),
    [
        ("bottles/green-bottle_02.glb", "Green Bottle 02", "bottles"),
        ("drinks/SodaCan/scene.gltf", "Soda Can", "drinks"),
        ("models/kitchen ware/glb/USB lamp.glb", "USB Lamp", "kitchen ware"),
        ("mug.glb", "Mug", "products"),
        ("model.glb", "Model", "products"),
        ("茶杯/红杯.glb", "红杯", "茶杯"),
    ],
)
def test_titles_and_categories_come_from_names(tmp_path: Path, path: str, title: str, category: str) -> None:
    add_model(tmp_path / path)
    (tmp_path / "LICENSE").write_text(CC_BY)
    model = only(tmp_path)
    assert (model.title, model.category) == (title, category)


def test_identifiers_are_safe_and_change_with_path_and_content(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(CC_BY)
    names = ["a/mug.glb", "b/mug.glb", "a/Ünïcode & spaces!.glb", "a/" + "x" * 200 + ".glb", "茶.glb"]
    for name in names:
        add_model(tmp_path / name)
    found, _ = scan_models(tmp_path)
    ids = [model.product_id for model in found]
    assert len(set(ids)) == len(names)
    assert all(len(name) < 80 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in ids)
    assert [model.product_id for model in scan_models(tmp_path)[0]] == ids
    add_model(tmp_path / "a" / "mug.glb", height=2.0)
    again = {model.path: model.product_id for model in scan_models(tmp_path)[0]}
    assert [again[model.path] == model.product_id for model in found].count(False) == 1


def test_content_includes_the_files_that_a_model_names(tmp_path: Path) -> None:
    maker = ModelMaker()
    maker.box()
    description = maker.whole()
    description["buffers"][0]["uri"] = "mug.bin"
    (tmp_path / "LICENSE").write_text(CC_BY)
    (tmp_path / "mug.gltf").write_text(json.dumps(description))
    assert scan_models(tmp_path)[1][0].reason == "missing-file"
    (tmp_path / "mug.bin").write_bytes(bytes(maker.binary))
    before = only(tmp_path)
    (tmp_path / "mug.bin").write_bytes(bytes(maker.binary) + b"more")
    assert only(tmp_path).product_id != before.product_id


def test_names_that_are_not_utf8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(CC_BY)
    path = add_model(tmp_path / "mug.glb")
    path.rename(os.fsdecode(os.fsencode(tmp_path) + b"/mug\xff.glb"))
    assert only(tmp_path).title == "Mug"


# ---- scanning and loading


def test_a_library_gives_products(tmp_path: Path) -> None:
    add_model(tmp_path / "mugs" / "red.glb", copyright="2024 Ann")
    (tmp_path / "LICENSE").write_text("Author: Bob\n" + CC_BY)
    model = only(tmp_path)
    assert model.attribution == "2024 Ann; Author: Bob"
    product = load_model(model)
    assert (product.product_id, product.title, product.category) == (model.product_id, "Red", "mugs")
    assert product.licence == "CC-BY-4.0"
    low, high = product.bounds()
    assert low[2] == pytest.approx(0) and (high - low).max() == pytest.approx(1)
    assert read_model(model).notes


def test_bad_models_do_not_stop_the_scan(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(CC_BY)
    add_model(tmp_path / "b.glb")
    (tmp_path / "a.glb").write_bytes(b"not a model")
    (tmp_path / "c.fbx").write_bytes(b"Kaydara")
    (tmp_path / "d.glb").symlink_to("/etc/passwd")
    (tmp_path / ".hidden.glb").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "loop").symlink_to(tmp_path)
    found, rejected = scan_models(tmp_path)
    assert [model.path.name for model in found] == ["b.glb"]
    reasons = {item.path.name: item.reason for item in rejected}
    assert reasons == {"a.glb": "not-a-model", "c.fbx": "unsupported-format", "d.glb": "unsafe-uri"}


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        scan_models(tmp_path / "absent")
    assert refused.value.reason == "missing-file"


# ---- Amazon Berkeley Objects


def gz(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))


def add_abo(root: Path) -> None:
    for name in ("A/B07AAAAAAA.glb", "B/B07BBBBBBB.glb", "C/B07CCCCCCC.glb"):
        add_model(root / "3dmodels" / "original" / name)
    (root / "LICENSE-CC-BY-4.0.txt").write_text(CC_BY)
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["3dmodel_id", "path", "meshes"])
    rows.writerow(["B07AAAAAAA", "A/B07AAAAAAA.glb", "1"])
    rows.writerow(["B07BBBBBBB", "B/B07BBBBBBB.glb", "1"])
    gz(root / "3dmodels" / "metadata" / "3dmodels.csv.gz", table.getvalue().encode())

    def listing(item: str, model: str, kind: str, **names: str) -> dict[str, Any]:
        return {
            "item_id": item,
            "3dmodel_id": model,
            "item_name": [{"language_tag": tag, "value": name} for tag, name in names.items()],
            "product_type": [{"value": kind}],
        }

    lines = [
        listing("I3", "B07AAAAAAA", "CHAIR", en_US="Later Chair"),
        listing("I2", "B07AAAAAAA", "CHAIR", de_DE="Stuhl", en_GB="Velvet  Chair,\nBlue"),
        listing("I1", "B07AAAAAAA", "CHAIR", de_DE="Stuhl"),
        {"item_id": "I4", "item_name": "no model"},
    ]
    gz(root / "listings" / "metadata" / "listings_0.json.gz", "\n".join(map(json.dumps, lines)).encode())
    more = json.dumps(listing("I5", "B07BBBBBBB", "DRINKING_CUP", fr_FR="Tasse")).encode()
    gz(root / "listings" / "metadata" / "listings_1.json.gz", b"{broken\n" + more + b"\n[1]\n")
    (root / "listings" / "metadata" / "listings_2.json.gz").write_bytes(gzip.compress(b"x" * 5000)[:30])


@pytest.mark.parametrize("below", [".", "collections/abo"])
def test_amazon_berkeley_objects_are_named_by_their_listings(tmp_path: Path, below: str) -> None:
    add_abo(tmp_path / below)
    found, rejected = scan_models(tmp_path)
    assert not rejected
    named = {model.path.name[3:4]: (model.title, model.category) for model in found}
    assert named["A"] == ("Velvet Chair, Blue", "chair")
    assert named["B"] == ("Tasse", "drinking cup")
    assert named["C"][0] == "B07CCCCCCC"
    assert all(model.licence == "CC-BY-4.0" and "Amazon.com" in model.attribution for model in found)
    assert load_model(found[0]).title == "Velvet Chair, Blue"


# ---- Google Scanned Objects


def add_scan(folder: Path, licence: str = 'license: "Creative Commons Attribution 4.0 International"') -> Path:
    corners, faces = cube()
    corners = corners @ np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    lines = ["# a scan", "mtllib model.mtl", "usemtl material_0"]
    lines += [f"v {x} {y} {z}" for x, y, z in corners]
    lines += [f"vt {u} {v}" for u, v in ((0, 0), (1, 0), (1, 1))]
    lines += ["f {}/1 {}/3 {}/2".format(*(face + 1)) for face in faces.astype(int)]
    (folder / "meshes").mkdir(parents=True)
    (folder / "meshes" / "model.obj").write_text("\n".join(lines))
    (folder / "meshes" / "model.mtl").write_text("newmtl material_0\nKd 0.6 0.6 0.6\nmap_Kd texture.png\n")
    (folder / "materials" / "textures").mkdir(parents=True)
    picture = np.random.default_rng(3).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    (folder / "materials" / "textures" / "texture.png").write_bytes(png(picture))
    (folder / "metadata.pbtxt").write_text(
        f'name: "Red_Mug_10oz"\n{licence}\ncopyright: "Copyright 2020 Google LLC"\ncategories {{\n  first: "Mug"\n}}\n'
    )
    (folder / "model.config").write_text("<model><name>Red_Mug_10oz</name></model>")
    return folder


def test_scanned_objects_are_loaded_with_their_picture(tmp_path: Path) -> None:
    add_scan(tmp_path / "gso" / "Red_Mug_10oz")
    model = only(tmp_path)
    assert (model.title, model.category, model.licence) == ("Red Mug 10oz", "mug", "CC-BY-4.0")
    assert "Google LLC" in model.attribution
    product = load_model(model)
    low, high = product.bounds()
    assert np.allclose(high - low, [1 / 3, 1, 2 / 3]), "scans have z up"
    assert isinstance(product.parts[0].material.colour, Texture)
    assert np.allclose(np.unique(product.parts[0].mesh.uv, axis=0), [[0, 1], [1, 0], [1, 1]]), "v runs down"


def test_scanned_objects_need_a_licence_too(tmp_path: Path) -> None:
    folder = add_scan(tmp_path / "mug", licence="")
    assert scan_models(tmp_path)[1][0].reason == "no-licence"
    (tmp_path / "LICENSE").write_text(CC_BY)
    assert only(tmp_path).licence == "CC-BY-4.0"
    (folder / "metadata.pbtxt").unlink()
    (folder / "model.config").unlink()
    model = only(tmp_path)
    assert (model.title, model.category) == ("Mug", "products")


def test_scanned_objects_change_with_their_picture_and_have_no_links(tmp_path: Path) -> None:
    folder = add_scan(tmp_path / "library" / "mug")
    before = only(tmp_path / "library").product_id
    picture = folder / "materials" / "textures" / "texture.png"
    picture.write_bytes(png(np.zeros((2, 2, 3), np.uint8)))
    assert only(tmp_path / "library").product_id != before
    picture.rename(tmp_path / "texture.png")
    picture.symlink_to(tmp_path / "texture.png")
    assert scan_models(tmp_path / "library")[1][0].reason == "unsafe-uri"


def test_files_that_are_too_large_are_not_hashed(tmp_path: Path) -> None:
    add_scan(tmp_path / "mug")
    _, rejected = scan_models(tmp_path, replace(DEFAULT_MODEL_LIMITS, max_file_bytes=100))
    assert [item.reason for item in rejected] == ["too-large"]


# ---- OBJ

BOX = "\n".join(f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1))


def obj(folder: Path, text: str, **more: Any) -> Any:
    (folder / "model.obj").write_text(text)
    return read_obj(folder / "model.obj", folder, **more)


def test_polygons_and_counting_from_the_end_are_understood(tmp_path: Path) -> None:
    model = obj(tmp_path, f"{BOX}\nf 1 2 4 3\nf -4 -2 -1 -3\nf 1 5 6 2\nf 3 4 8 7\n")
    assert sum(len(part.mesh.faces) for part in model.parts) == 8


def test_seams_of_the_picture_do_not_show_in_the_shading(tmp_path: Path) -> None:
    plain = obj(tmp_path, f"{BOX}\nf 1 2 4 3\nf 1 5 6 2\nf 1 3 7 5\n")
    seamed = obj(tmp_path, f"{BOX}\nvt 0 0\nvt 1 1\nf 1/1 2/1 4/1 3/1\nf 1/2 5/2 6/2 2/2\nf 1/1 3/2 7/1 5/2\n")
    for mesh in (plain.parts[0].mesh, seamed.parts[0].mesh):
        corner = mesh.normals[np.linalg.norm(mesh.vertices - mesh.vertices[mesh.faces[0, 0]], axis=1) < 1e-9]
        assert np.allclose(corner, corner[0])


def test_materials_give_colours_films_and_roughness(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl red\nKd 1 0 0\nPr 0.3\nPm 1\nnewmtl foil\nKd 1 1 1\nd 0.2\n")
    model = obj(tmp_path, f"mtllib a.mtl\n{BOX}\nusemtl red\nf 1 2 4 3\nusemtl foil\nf 5 6 8 7\nusemtl x\nf 1 5 6 2\n")
    red, foil, plain = (part.material for part in model.parts)
    assert (red.colour, red.roughness, red.metallic) == ((1, 0, 0), 0.3, 1.0)
    assert foil.thin and foil.transmission == 1
    assert plain.colour == (0.8, 0.8, 0.8)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v 0 0\nf 1 1 1", "broken-model"),
        ("v 0 0 x\n", "broken-model"),
        (BOX + "\nf 1 2 9", "bad-geometry"),
        (BOX + "\nf 1 2 -9", "bad-geometry"),
        (BOX + "\nf 1/1 2/1 3/1", "bad-geometry"),
        (BOX + "\nf a b c", "broken-model"),
        (BOX + "\nf 0 1 2", "broken-model"),
        ("v nan 0 0\nv 1 0 0\nv 0 1 1\nf 1 2 3", "bad-geometry"),
        (BOX, "no-geometry"),
        ("", "no-geometry"),
        ("\0\xff" * 50, "no-geometry"),
        ("x" * 70_000, "broken-model"),
        (BOX + "\nmtllib ../a.mtl\nf 1 2 3", "unsafe-uri"),
        (BOX + "\nmtllib a.mtl\nusemtl up\nf 1 2 4 3\nf 1 5 6 2", "unsafe-uri"),
        (BOX + "\nmtllib a.mtl\nusemtl gone\nf 1 2 4 3\nf 1 5 6 2", "missing-file"),
        (BOX + "\nmtllib a.mtl\nusemtl nan\nf 1 2 4 3\nf 1 5 6 2", "broken-model"),
        (BOX + "\nf 1 2 4 3", "bad-proportions"),
    ],
)
def test_broken_and_hostile_obj_files_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "a.mtl").write_text(
        "newmtl up\nmap_Kd /etc/passwd\nnewmtl gone\nmap_Kd a.png\nnewmtl nan\nKd nan 0 0\n"
    )
    with pytest.raises(InputError) as refused:
        obj(tmp_path, text)
    assert refused.value.reason == reason


@pytest.mark.parametrize("limits", [{"max_vertices": 2}, {"max_triangles": 1}, {"max_file_bytes": 40}])
def test_obj_files_obey_the_limits(tmp_path: Path, limits: dict[str, int]) -> None:
    with pytest.raises(InputError) as refused:
        obj(tmp_path, f"{BOX}\nf 1 2 4 3\nf 1 5 6 2", limits=replace(DEFAULT_MODEL_LIMITS, **limits))
    assert refused.value.reason in ("too-complex", "too-large")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.sampled_from(["v 1 1 1", "v 0 0 0", "v 1e300 0 1", "vt 0 1", "vn 0 0 0", "f 1 2 3", "f 1/1/1 2/1/1 3/1/1"])
        | st.text(max_size=20)
        | st.lists(st.sampled_from(["f", "v", "vt", "vn", "usemtl", "1", "-1", "1/", "//1", "0", "9"]), max_size=6).map(
            " ".join
        ),
        max_size=12,
    )
)
def test_any_text_is_refused_with_a_reason_or_harmless(tmp_path: Path, lines: list[str]) -> None:
    text = "\n".join([BOX, *lines])
    (tmp_path / "model.obj").write_bytes(text.encode(errors="replace"))
    try:
        model = read_obj(tmp_path / "model.obj", tmp_path)
    except InputError as error:
        assert error.reason and error.message
    else:
        assert all(np.isfinite(part.mesh.normals).all() for part in model.parts)


def test_real_models_load_from_a_library(test_data: Path, tmp_path: Path) -> None:
    for name in ("soda-can", "expresso-cup", "Avocado"):
        source = test_data / "models3d" / f"{name}.glb"
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "LICENSE").write_text("CC0")
    found, rejected = scan_models(tmp_path)
    assert not rejected
    assert [model.title for model in found] == ["Avocado", "Expresso Cup", "Soda Can"]
    assert all(load_model(model).licence == "CC0-1.0" for model in found)
