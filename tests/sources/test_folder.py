"""The folder feed reads what shops and crawlers leave behind, and nothing outside its folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pvtt_data.sources import FoundProduct, Unusable, clean_text
from pvtt_data.sources.folder import FolderFeed


def lay(root: Path, *names: str) -> None:
    """Make files below ``root``; each holds its own name."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def read(root: Path, **settings: Any) -> tuple[dict[str, FoundProduct], list[Unusable], FolderFeed]:
    feed = FolderFeed(root, **settings)
    found = list(feed.products())
    products = [entry for entry in found if isinstance(entry, FoundProduct)]
    by_id = {product.product_id: product for product in products}
    assert len(by_id) == len(products), "two products have one id"
    return by_id, [entry for entry in found if isinstance(entry, Unusable)], feed


def videos(product: FoundProduct) -> list[str]:
    return [file.name for file in product.videos]


def images(product: FoundProduct) -> list[str]:
    return [file.name for file in product.images]


def frames(folder: str, count: int = 9, suffix: str = "png") -> list[str]:
    return [f"{folder}/{number:05d}.{suffix}" for number in range(count)]


# Layouts


def test_flat_videos_are_products_and_take_the_pictures_with_their_names(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "mug.mp4",
        "mug.jpg",
        "mug_2.jpg",
        "mugs.jpg",
        "lamp.MOV",
        "lamp-red.mp4",
        "lamp-red-1.png",
        "notes.txt",
    )
    write_json(tmp_path / "mug.json", {"title": "A mug", "licence": "CC0"})
    products, unusable, feed = read(tmp_path, licence="unknown")
    assert set(products) == {"mug", "lamp", "lamp-red"}
    assert images(products["mug"]) == ["mug.jpg", "mug_2.jpg"]
    assert images(products["lamp-red"]) == ["lamp-red-1.png"]
    assert images(products["lamp"]) == []
    assert (products["mug"].title, products["mug"].licence) == ("A mug", "CC0")
    assert products["lamp"].licence == "unknown"
    assert unusable == []
    assert feed.notes.ignored == {".jpg": 1, ".txt": 1}


def test_videos_without_metadata_are_noted(tmp_path: Path) -> None:
    lay(tmp_path, "a.mp4", "b.mp4")
    _, _, feed = read(tmp_path)
    assert "2 videos without metadata" in feed.notes.lines[0]


def test_videos_of_one_name_in_two_folders_are_two_products(tmp_path: Path) -> None:
    lay(tmp_path, "shoes/1.mp4", "shoes/2.mp4", "bags/1.mp4", "bags/2.mp4")
    products, _, _ = read(tmp_path)
    assert set(products) == {"shoes/1", "shoes/2", "bags/1", "bags/2"}


def test_a_folder_with_a_description_is_a_product_with_all_that_lies_below(tmp_path: Path) -> None:
    lay(tmp_path, "mug/clip1.mp4", "mug/more/clip2.webm", "mug/front.jpg", "mug/img/back.png", "mug/readme.txt")
    write_json(tmp_path / "mug" / "product.json", {"id": 77, "Name": "A  mug\n", "store": "shop", "link": "https://x"})
    products, _, _ = read(tmp_path)
    (mug,) = products.values()
    assert (mug.product_id, mug.title, mug.shop, mug.url) == ("77", "A mug", "shop", "https://x")
    assert videos(mug) == ["mug/clip1.mp4", "mug/more/clip2.webm"]
    assert images(mug) == ["mug/front.jpg", "mug/img/back.png"]


@pytest.mark.parametrize(
    "names",
    [
        ["mug/a.mp4", "mug/front.jpg"],
        ["mug/a.mp4", "mug/b.mp4", "mug/front.jpg"],
        ["mug/a.mp4", "mug/images/front.jpg"],
        ["mug/videos/a.mp4", "mug/images/front.jpg"],
        ["mug/a.mp4", "mug/metadata.json"],
    ],
)
def test_auto_sees_a_product_folder(tmp_path: Path, names: list[str]) -> None:
    lay(tmp_path, *names)
    products, _, _ = read(tmp_path)
    assert set(products) == {"mug"}
    assert len(products["mug"].videos) == sum(name.endswith(".mp4") for name in names)


def test_the_products_layout_takes_each_folder_as_one(tmp_path: Path) -> None:
    lay(tmp_path, "mug/a.mp4", "mug/b.mp4", "lamp/a.mp4", "empty/notes.txt")
    assert set(read(tmp_path)[0]) == {"mug/a", "mug/b", "lamp/a"}
    products, unusable, _ = read(tmp_path, layout="products")
    assert set(products) == {"mug", "lamp"}
    assert [(entry.name, entry.reason) for entry in unusable] == [("empty", "no-video")]


def test_numbered_listing_pictures_are_no_video(tmp_path: Path) -> None:
    lay(tmp_path, "mug/a.mp4", *frames("mug/images", 12, "jpg"))
    products, unusable, _ = read(tmp_path, frames_fps=24.0)
    assert videos(products["mug"]) == ["mug/a.mp4"]
    assert len(products["mug"].images) == 12
    assert unusable == []


def test_a_catalogue_lists_its_media(tmp_path: Path) -> None:
    lay(tmp_path, "bags/media/x/1.mp4", "bags/media/front.jpg", "bags/media/A1.jpg")
    write_json(tmp_path / "bags/A1.json", {"videos": ["media/x/1.mp4"], "images": ["media/front.jpg"], "title": "Bag"})
    products, unusable, _ = read(tmp_path)
    assert videos(products["A1"]) == ["bags/media/x/1.mp4"]
    assert images(products["A1"]) == ["bags/media/front.jpg"]
    assert (products["A1"].category, products["A1"].title) == ("bags", "Bag")
    assert unusable == []


def test_a_catalogue_without_lists_goes_by_names(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "bags/media/A1.mp4",
        "bags/media/A1_1.jpg",
        "bags/media/A1-b.mp4",
        "bags/media/A10.mp4",
        "bags/media/z.mp4",
    )
    for name in ("A1", "A1-b", "A2"):
        write_json(tmp_path / f"bags/{name}.json", {})
    products, unusable, _ = read(tmp_path, layout="catalogue")
    assert {name: videos(product) for name, product in products.items()} == {
        "A1": ["bags/media/A1.mp4"],
        "A1-b": ["bags/media/A1-b.mp4"],
    }
    assert images(products["A1"]) == ["bags/media/A1_1.jpg"]
    assert {(entry.name, entry.reason) for entry in unusable} == {
        ("bags/A2.json", "no-video"),
        ("bags/media/A10.mp4", "unclaimed-video"),
        ("bags/media/z.mp4", "unclaimed-video"),
    }


def test_a_table_describes_files_and_products(tmp_path: Path) -> None:
    lay(tmp_path, "clips/a.mp4", "clips/b.mp4", "clips/c.mp4", "lamp/v.mp4", "lamp/front.jpg")
    (tmp_path / "products.csv").write_text(
        '\ufefffile,product_id,Title,license\nclips/a.mp4,MUG,"A mug,\nred\u2028one",CC0\n'
        "clips/b.mp4,MUG,,\n,lamp,A lamp,\n",
        encoding="utf-8",
    )
    found = [entry for entry in FolderFeed(tmp_path).products() if isinstance(entry, FoundProduct)]
    described = {videos(entry)[0]: (entry.product_id, entry.title, entry.licence) for entry in found}
    assert described == {
        "clips/a.mp4": ("MUG", "A mug, red one", "CC0"),
        "clips/b.mp4": ("MUG", "", ""),
        "clips/c.mp4": ("clips/c", "", ""),
        "lamp/v.mp4": ("lamp", "A lamp", ""),
    }


@pytest.mark.parametrize(
    "text",
    ["file;title\na.mp4;Mug\n", 'file,title\na.mp4,"open\n', "title\nMug\n", "file\n\xff", "file\n" + "x" * 200_000],
)
def test_a_table_that_cannot_be_read_is_reported_and_the_videos_stay(tmp_path: Path, text: str) -> None:
    lay(tmp_path, "a.mp4")
    (tmp_path / "metadata.csv").write_bytes(text.encode("latin-1"))
    products, unusable, _ = read(tmp_path)
    assert set(products) == {"a"}
    assert [(entry.name, entry.reason) for entry in unusable] == [("metadata.csv", "broken-metadata")]
    assert str(tmp_path) not in unusable[0].message


def test_json_counts_for_more_than_the_table(tmp_path: Path) -> None:
    lay(tmp_path, "a.mp4")
    (tmp_path / "products.csv").write_text("file,title,shop\na.mp4,from table,corner\n")
    write_json(tmp_path / "a.json", {"title": "from json"})
    product = read(tmp_path)[0]["a"]
    assert (product.title, product.shop) == ("from json", "corner")


# Folders of frames


def test_frames_without_a_rate_are_refused(tmp_path: Path) -> None:
    lay(tmp_path, *frames("teapot/video_frames"))
    products, unusable, _ = read(tmp_path)
    assert products == {}
    assert [(entry.name, entry.reason) for entry in unusable] == [("teapot/video_frames", "frames-without-fps")]


@pytest.mark.parametrize(
    ("stated", "fps"),
    [
        (30, 30.0),
        ("12.5", 12.5),
        (None, 24.0),
        ("x", 24.0),
        (0, 24.0),
        (-1, 24.0),
        (True, 24.0),
        (10**400, 24.0),
        ([], 24.0),
    ],
)
def test_frames_take_their_rate_from_the_product_or_the_recipe(tmp_path: Path, stated: object, fps: float) -> None:
    lay(tmp_path, *frames("teapot/frames"), "teapot/front.jpg")
    write_json(tmp_path / "teapot/product.json", {"fps": stated})
    product = read(tmp_path, frames_fps=24.0)[0]["teapot"]
    assert [(file.name, file.kind, file.fps) for file in product.videos] == [("teapot/frames", "frames", fps)]
    assert images(product) == ["teapot/front.jpg"]


def test_frames_masks_and_references_of_one_product(tmp_path: Path) -> None:
    names = [*frames("teapot/video_frames"), *frames("teapot/masks"), *frames("teapot/reference_images", 8)]
    lay(tmp_path, *names)
    products, unusable, feed = read(tmp_path, frames_fps=24.0)
    assert set(products) == {"teapot"}
    assert videos(products["teapot"]) == ["teapot/video_frames"]
    assert len(products["teapot"].images) == 8
    assert unusable == []
    assert any("teapot/masks was passed over" in line for line in feed.notes.lines)


def test_what_is_known_about_videos_is_no_feed(tmp_path: Path) -> None:
    lay(tmp_path, "mugs/media/videos/M1_ad.mp4", "truth/masks/M1_ad.mp4", "sheet.jpg")
    write_json(tmp_path / "mugs/M1.json", {"title": "A mug"})
    write_json(tmp_path / "truth/truth.json", {"videos": {}})
    products, unusable, feed = read(tmp_path)
    assert set(products) == {"M1"} and unusable == []
    assert any("truth was passed over" in line for line in feed.notes.lines)
    assert set(read(tmp_path / "truth")[0]) == {"masks/M1_ad"}, "who names the folder itself means it"


def test_a_feed_that_is_itself_a_folder_of_frames(tmp_path: Path) -> None:
    lay(tmp_path / "walk", *(name.partition("/")[2] for name in frames("x")))
    assert set(read(tmp_path / "walk", frames_fps=24.0)[0]) == {"walk"}


def test_a_few_numbered_pictures_are_no_frames(tmp_path: Path) -> None:
    lay(tmp_path, *frames("pictures", 7), *(f"{name}.jpg" for name in "abcdefghij"))
    assert read(tmp_path, frames_fps=24.0)[0] == {}


# What a feed must not do


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    lay(folder, "secret.mp4", "secret.jpg", *frames("frames"))
    return folder


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    folder = tmp_path / "feed"
    folder.mkdir()
    return folder


def all_paths(root: Path) -> list[Path]:
    products, _, _ = read(root, frames_fps=24.0)
    return [file.path for product in products.values() for file in (*product.videos, *product.images)]


LONG = "x" * 5000


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd", "../../outside/secret.mp4", "/etc/passwd", "{outside}/secret.mp4",
        "media/../../../outside/secret.mp4",
        "media/\0.mp4", "", "\0", "..", "/", "\ud800.mp4", LONG, f"media/{LONG}.mp4", None, 7, {"path": "/etc/passwd"},
        "media/gone.mp4", "https://example.com/a.mp4", "media", "~/x.mp4", "file:///etc/passwd", "media/escape.mp4",
    ],
)  # fmt: skip
def test_a_listed_file_outside_the_feed_is_refused(feed: Path, outside: Path, name: object) -> None:
    lay(feed, "bags/media/A1_own.mp4")
    (feed / "bags/media/escape.mp4").symlink_to(outside / "secret.mp4")
    name = name.replace("{outside}", str(outside)) if isinstance(name, str) else name
    write_json(feed / "bags/A1.json", {"videos": [name, "media/A1_own.mp4"], "images": [name]})
    products, unusable, _ = read(feed)
    assert videos(products["A1"]) == ["bags/media/A1_own.mp4"]
    assert products["A1"].images == ()
    listed = [entry for entry in unusable if entry.name == "bags/A1.json"]
    assert len(listed) == 2
    assert {entry.reason for entry in listed} <= {"path-outside-feed", "missing-file"}
    for entry in unusable:
        entry.message.encode()


def test_links_that_leave_the_feed_are_refused(feed: Path, outside: Path) -> None:
    lay(feed, "own.mp4", "bags/A1.json", "bags/media/A1.mp4", "mug/a.mp4", "mug/front.jpg")
    write_json(feed / "bags/A1.json", {})
    for link, target in (
        ("out.mp4", "secret.mp4"),
        ("own_2.jpg", "secret.jpg"),
        ("folder", "."),
        ("bags/media/A1_2.mp4", "secret.mp4"),
        ("bags/media/deep", "."),
        ("mug/b.mp4", "secret.mp4"),
        ("mug/images", "frames"),
    ):
        (feed / link).symlink_to(outside / target)
    assert all(path.resolve().is_relative_to(feed) for path in all_paths(feed))
    products, unusable, _ = read(feed)
    assert set(products) == {"own", "A1", "mug"}
    assert {entry.name for entry in unusable if entry.reason == "link-refused"} == {
        "out.mp4", "own_2.jpg", "folder", "bags/media/A1_2.mp4", "bags/media/deep", "mug/b.mp4", "mug/images",
    }  # fmt: skip


@pytest.mark.parametrize("hidden", ["", "."])
def test_frames_that_link_out_of_the_feed_are_refused_as_a_whole(feed: Path, outside: Path, hidden: str) -> None:
    lay(feed, *frames("teapot/frames"))
    (feed / f"teapot/frames/{hidden}00009.png").symlink_to(outside / "secret.jpg")
    products, unusable, _ = read(feed, frames_fps=24.0)
    assert products == {}
    assert ("teapot/frames", "link-refused") in {(entry.name, entry.reason) for entry in unusable}


def test_links_within_the_feed_and_loops(feed: Path) -> None:
    lay(feed, "a.mp4")
    (feed / "alias.mp4").symlink_to("a.mp4")
    (feed / "loop.mp4").symlink_to("loop.mp4")
    (feed / "nowhere.mp4").symlink_to("gone.mp4")
    (feed / "again").symlink_to(".")
    os.mkfifo(feed / "pipe.mp4")
    products, unusable, _ = read(feed)
    assert set(products) == {"a", "alias"}
    assert {entry.name: entry.reason for entry in unusable}.items() >= {
        "nowhere.mp4": "not-a-file",
        "again": "link-refused",
        "pipe.mp4": "not-a-file",
    }.items()
    assert "loop.mp4" in {entry.name for entry in unusable}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", '"x"', "nul", '{"a": 1}}', "[" * 100_000, '{"id": ' + "9" * 5000 + "}", "\ufffe",
        '{"a": "' + "x" * 5 * 2**20 + '"}',
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_broken_json_is_reported_and_the_video_stays(tmp_path: Path, text: str) -> None:
    lay(tmp_path, "a.mp4", "mug/v.mp4")
    (tmp_path / "a.json").write_bytes(text.encode("utf-16-le" if text == "\ufffe" else "utf-8"))
    (tmp_path / "mug/product.json").write_bytes((tmp_path / "a.json").read_bytes())
    products, unusable, _ = read(tmp_path)
    assert set(products) == {"a", "mug"}
    assert [(entry.name, entry.reason) for entry in unusable] == [
        ("a.json", "broken-metadata"),
        ("mug/product.json", "broken-metadata"),
    ]


def test_a_file_that_may_not_be_read_does_not_give_this_machine_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, "a.mp4", "a.json")

    def refuse(self: FolderFeed, path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(FolderFeed, "_metadata_text", refuse)
    _, unusable, _ = read(tmp_path)
    assert unusable[0].message == "not a readable JSON object: Permission denied"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["title", "id", "name", "category", "fps", "videos", "images", "url", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=600),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_no_json_breaks_the_feed(tmp_path: Path, value: dict[str, Any]) -> None:
    lay(tmp_path, "bags/media/A1.mp4", "b.mp4")
    write_json(tmp_path / "bags/A1.json", value)
    write_json(tmp_path / "b.json", value)
    for entry in FolderFeed(tmp_path).products():
        if isinstance(entry, FoundProduct):
            assert entry.product_id
            for text in (entry.product_id, entry.title, entry.category, entry.url):
                assert len(text) <= 500
                assert text.encode() is not None
                assert text.splitlines() in ([], [text])


def test_names_that_are_not_utf8_are_written_as_escapes(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9\n\x1b[31m.mp4")
    lay(tmp_path, odd, "größe \U0001f3a5.mp4")
    products, _, _ = read(tmp_path)
    assert set(products) == {"caf\\xe9\\n\\x1b[31m", "größe \U0001f3a5"}
    assert products["caf\\xe9\\n\\x1b[31m"].videos[0].path.read_bytes() == os.fsencode(odd)


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    lay(
        tmp_path,
        ".a.mp4",
        "._b.mp4",
        ".git/c.mp4",
        "bags/media/.d/A1.mp4",
        "bags/media/._A1.mp4",
        "bags/A1.json",
        "e.mp4",
    )
    write_json(tmp_path / "bags/A1.json", {})
    assert set(read(tmp_path)[0]) == {"e"}


def test_folders_without_end_are_cut_off(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
    lay(deep, "buried.mp4")
    lay(tmp_path, "a.mp4", "d/d/b.mp4")
    products, unusable, _ = read(tmp_path)
    assert set(products) == {"a", "d/d/b"}
    assert [entry.reason for entry in unusable] == ["too-deep"]
    products, unusable, _ = read(tmp_path, layout="products")
    assert videos(products["d"]) == ["d/d/b.mp4"]
    assert [entry.reason for entry in unusable] == ["too-deep"]


def test_a_listing_without_end_is_cut_off(tmp_path: Path) -> None:
    lay(tmp_path, "bags/media/A1.mp4")
    write_json(tmp_path / "bags/A1.json", {"videos": ["media/A1.mp4"], "images": ["x"] * 100_000})
    products, unusable, _ = read(tmp_path)
    assert videos(products["A1"]) == ["bags/media/A1.mp4"]
    assert len(unusable) < 1100
    assert any("lists 100000 files" in entry.message for entry in unusable)


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    products, unusable, _ = read(tmp_path / "gone")
    assert products == {}
    assert [entry.reason for entry in unusable] == ["unreadable"]


def test_large_feeds_are_read_in_linear_time(tmp_path: Path) -> None:
    lay(tmp_path, *(f"item{number}{part}" for number in range(700) for part in (".mp4", "_1.jpg")))
    begun = time.process_time()
    products, _, _ = read(tmp_path)
    assert len(products) == 700
    assert all(len(product.images) == 1 for product in products.values())
    assert time.process_time() - begun < 5


def test_a_feed_is_read_the_same_way_twice(tmp_path: Path) -> None:
    lay(tmp_path, "b.mp4", "a.mp4", "shoes/1.mp4", "mug/v.mp4", "mug/x.jpg", "c.txt")
    feed = FolderFeed(tmp_path)
    first, notes = list(feed.products()), feed.notes
    assert list(feed.products()) == first
    assert feed.notes == notes
    assert list(FolderFeed(tmp_path).products()) == first


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  a\tb\r\nc ", "a b c"), ("a\x00\x1b[31mb\x9b", "a[31mb"), ("\ud800x", "x"), (7, "7"), (1.5, "1.5"),
        (True, ""), (None, ""), (["x"], ""), (float("nan"), ""), (float("inf"), ""), ("x" * 600, "x" * 500),
        ("👩‍🚀", "👩‍🚀"),
    ],
)  # fmt: skip
def test_texts_become_one_bounded_line(value: object, text: str) -> None:
    assert clean_text(value) == text
