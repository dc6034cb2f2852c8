"""What speaks against publishing is found before anything is sent, and told all at once."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image, PngImagePlugin
from shard_samples import encode, key_of, luma, png

from pvtt_data.models import ModelRegistry
from pvtt_data.publish import preflight
from pvtt_data.publish.config import PublishConfig
from pvtt_data.publish.faces import THRESHOLD, FaceFinder
from pvtt_data.publish.licences import LicenceBook
from pvtt_data.publish.preflight import check_version
from pvtt_data.publish.private import private_bytes, private_in

UNSEEN = PublishConfig(faces="allow")


def checks(version: Path, config: PublishConfig = UNSEEN, **options: Any) -> dict[str, list[str]]:
    """Check → what was found."""
    found: dict[str, list[str]] = {}
    for obstacle in check_version(version, config, **options).obstacles:
        found.setdefault(obstacle.check, []).append(str(obstacle))
    return found


def test_a_clean_version_may_be_published_and_says_what_it_is(make_version: Any) -> None:
    findings = check_version(make_version([1, 2, 3]), UNSEEN)
    assert findings.ok, findings.obstacles
    assert findings.licences is not None and findings.licences.strictest is not None
    assert findings.licences.strictest.spdx == "CC-BY-4.0"
    text = "\n".join(findings.notes)
    assert "3 samples (3 train), 2 shards" in text and "faces were not looked for" in text


def test_everything_is_found_in_one_go(make_version: Any) -> None:
    version = make_version(
        [1, 2, 3, 4, 5],
        {
            1: {"licences": ["mystery licence"]},
            2: {"verdict": "flag", "reasons": ["residue"]},
            3: {"title_a": "write to jo@shop.example now"},
            4: {"licences": ["CC-BY-ND-4.0"]},
            5: {"licences": ["CC-BY-SA-4.0", "CC-BY-NC-4.0"]},
        },
    )
    found = checks(version)
    assert set(found) == {"licence", "flagged", "private"}
    licences = "\n".join(found["licence"])
    assert "'mystery licence' is not known" in licences and key_of(1) in licences
    assert "CC-BY-ND-4.0 does not allow" in licences and key_of(4) in licences
    assert "cannot both be kept" in licences and key_of(5) in licences
    assert "residue" in found["flagged"][0] and key_of(2) in found["flagged"][0]
    assert "e-mail address j…@shop.example in json, title_a" in found["private"][0] and key_of(3) in found["private"][0]
    allowed = UNSEEN.model_copy(
        update={
            "flagged": "allow",
            "licences": {"mystery licence": "CC-BY-4.0"},
            "allowed_texts": ("jo@shop.example",),
        }
    )
    assert [text.partition(":")[0] for text in checks(version, allowed).get("licence", [])] == ["licence", "licence"]
    assert set(checks(version, allowed)) == {"licence"}


def test_a_damaged_version_is_not_looked_at_further(make_version: Any) -> None:
    version = make_version([1, 2])
    shard = next((version / "data").iterdir())
    shard.chmod(0o644)
    data = bytearray(shard.read_bytes())
    data[2000] ^= 1
    shard.write_bytes(data)
    assert set(checks(version)) == {"verify"}


def test_a_member_that_was_not_decoded_to_verify_it_is_refused_if_it_is_no_picture(make_version: Any) -> None:
    version = make_version([1, 2, 3], pictures={2: b"no picture at all"})
    skipped = {verify_count for verify_count in (1, 2) if set(checks(version, decode=verify_count)) == {"verify"}}
    assert skipped == {1, 2} and set(checks(version)) == {"verify"}


@pytest.mark.parametrize(
    ("card", "licences", "said"),
    [
        ("cc0-1.0", ["CC-BY-4.0"], "grants more than CC-BY-4.0"),
        ("cc-by-4.0", ["CC-BY-NC-4.0"], "grants more than CC-BY-NC-4.0"),
        ("cc-by-nc-4.0", ["CC-BY-SA-4.0"], "grants more than"),
        ("mine", ["CC-BY-4.0"], "none that is known"),
        ("cc-by-nc-4.0", ["CC-BY-4.0"], ""),
        ("cc-by-4.0", ["CC0-1.0", "Apache-2.0"], ""),
        ("other", ["CC-BY-4.0"], ""),
    ],
)
def test_the_card_may_not_grant_more_than_the_parts(
    make_version: Any, card: str, licences: list[str], said: str
) -> None:
    version = make_version([1], {1: {"licences": licences, "models": []}}, card_licence=card)
    found = checks(version).get("licence", [])
    assert (said in found[0]) if said else not found


def test_the_licence_of_a_model_counts(make_version: Any) -> None:
    version = make_version([1], {1: {"models": ["somebodys-net@0123456789ab"]}})
    assert "the licence of model somebodys-net is not known" in checks(version)["licence"][0]
    told = UNSEEN.model_copy(update={"licences": {"model:somebodys-net": "CC-BY-NC-4.0"}})
    assert "grants more than CC-BY-NC-4.0" in checks(version, told)["licence"][0]
    captioned = make_version([2], {2: {"captioner": "qwen2.5-vl-7b"}})
    assert "model qwen2.5-vl-7b" in checks(captioned)["licence"][0]


def test_private_texts_are_found_wherever_they_hide(
    make_version: Any, tmp_path: Path, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "tulip-garden-7")
    note = PngImagePlugin.PngInfo()
    note.add_text("Comment", "made by ann@home.example")
    picture = io.BytesIO()
    Image.open(io.BytesIO(png(5))).save(picture, "PNG", pnginfo=note)
    table = tmp_path / "sources.parquet"
    secret = "hf_" + "abcdefgh" * 4
    pq.write_table(pa.table({"row": [{"path": "/home/ann/videos/a.mp4"}, {"path": f"x {secret}"}]}), table)
    folder = tmp_path / "shards" / ".b"
    version = make_version(
        [1, 2],
        {2: {"title_b": "the tulip-garden-7 vase"}},
        pictures={1: picture.getvalue()},
        recipe={"name": "mugs", "note": "see /srv/data/shop/list.csv"},
    )
    assert not folder.exists()
    found = "\n".join(checks(version)["private"])
    assert "a…@home.example in reference_0.png, Comment" in found
    assert "value of SHOP_PASSWORD in json, title_b" in found
    assert "/srv/data/shop/list.csv in manifest.json, recipe.note" in found
    texts = [what for _, text in preflight.texts_of_table(table) for what in private_in(text)]
    assert any("/home/ann" in what for what in texts) and any("hf_a…" in what for what in texts)
    assert secret not in "".join(texts), "a secret is never repeated"


def test_what_presents_a_version_is_searched_and_the_contact_is_meant_to_be_read(make_version: Any) -> None:
    card = {
        "contact": "rights@shop.example",
        "summary": "Ask jo@home.example.",
        "citation": "@misc{a, note={/home/ann/b}}",
    }
    version = make_version([1], recipe={"name": "mugs", "card": card})
    found = "\n".join(checks(version)["private"])
    assert "j…@home.example in manifest.json, recipe.card.summary" in found
    for name in ("README.md", "README.zh-CN.md", "croissant.json"):
        assert f"/home/ann in {name}" in found or f"/home/ann/b in {name}" in found, found
    assert "r…@shop.example" not in found
    assert "<rights@shop.example>" in (version / "README.md").read_text(encoding="utf-8")


def test_tables_are_searched_and_reviewers_who_become_public_are_named(make_version: Any, tmp_path: Path) -> None:
    table = tmp_path / "verdicts.parquet"
    pq.write_table(pa.table({"reviewer": ["ann", "bob", "ann"], "comment": ["", "ask jo@shop.example", ""]}), table)
    findings = check_version(make_version([1], tables={"verdicts": table}), UNSEEN)
    assert "tables/verdicts.parquet names 2 reviewers (ann, bob): they become public" in findings.notes
    assert [str(obstacle).partition(";")[0] for obstacle in findings.obstacles] == [
        "private: e-mail address j…@shop.example in tables/verdicts.parquet, comment"
    ]


def test_tokens_and_home_folders_are_found_among_the_bytes_of_media(members: dict[str, bytes]) -> None:
    video = members["source.mp4"]
    assert private_bytes(video) == []
    assert private_bytes(video + b"\0/home/ann/videos/a.mp4\0") == ["folder /home/ann/videos"]
    assert private_bytes(video + b"\0hf_" + b"A1b2" * 9) == ["token hf_A… (39 characters)"]
    tagged = encode(luma(3))
    assert private_bytes(tagged) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "write to jo@müller.example or jö@shop.example",
            ["e-mail address j…@müller.example", "e-mail address j…@shop.example"],
        ),
        ("联系jo@shop.example联系我们", ["e-mail address j…@shop.example"]),
        ("邮箱：店主＠商店.中国", ["e-mail address 店…@商店.中国"]),
        (
            "https://cdn.example/v.mp4?w=480&auth_key=1700000000-0-0-0123",
            ["address that lets in, auth_key=1700… (19 characters)"],
        ),
        (
            "https://x.example/?X-Amz-Signature=0123456789abcdef&a=b",
            ["address that lets in, X-Amz-Signature=0123… (16 characters)"],
        ),
    ],
)
def test_addresses_of_people_and_those_that_let_in_are_private(text: str, found: list[str]) -> None:
    assert private_in(text, {}) == found


@pytest.mark.parametrize(
    "text",
    [
        "https://www.example.com/listing/12?logging_key=68b1f0ad3c1e4f5a&spm=a2g0o.home.15001&token=1",
        "x=1&sign=plus-size",
        "Vase @ 30 cm", "a/b/c", "https://example.com/a/b?c=d", "10 @ 2.50", "mug@0123456789ab", "u2net@8d10d2f3bb75",
        "青花瓷 mug / vase", "1/2 and 3/4", "data/train-00000-of-00008.tar",
    ],
)  # fmt: skip
def test_texts_of_shops_are_not_taken_for_private(text: str) -> None:
    assert private_in(text, {}) == []


def test_the_settings_that_the_page_shows_are_understood() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "publish.md").read_text()
    shown = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])["publish"]
    config = PublishConfig.model_validate(shown)
    assert LicenceBook(config.licences).model_terms("qwen2.5-vl-7b", None).shareable
    assert set(shown) == set(PublishConfig.model_fields)


def test_what_the_hub_does_not_take_is_said_before(make_version: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    version = make_version([1, 2, 3])
    monkeypatch.setattr(preflight, "MOST_FILE_BYTES", 1000)
    monkeypatch.setattr(preflight, "MOST_FOLDER_FILES", 1)
    monkeypatch.setattr(preflight, "MOST_COMMIT_FILES", 2)
    found = "\n".join(checks(version)["size"])
    assert "the Hub takes 1.0 kB a file" in found and "data/ has 2 files" in found and "one commit takes 2" in found


@pytest.fixture(scope="module")
def face_weights() -> Path:
    return ModelRegistry.default().pull("blazeface")


def test_a_face_is_found_and_named_and_a_vase_is_none(make_version: Any, face_weights: Path) -> None:
    skimage = pytest.importorskip("skimage")
    portrait = Path(skimage.__file__).parent / "data" / "astronaut.png"
    if not portrait.is_file():
        pytest.skip("the portrait that came with scikit-image is not here")
    version = make_version([1, 2], pictures={2: portrait.read_bytes()})
    refused = check_version(version, PublishConfig(), face_weights=face_weights)
    assert [(obstacle.check, obstacle.keys) for obstacle in refused.obstacles] == [("faces", (key_of(2),))]
    noted = check_version(version, PublishConfig(faces="note"), face_weights=face_weights)
    assert noted.ok and any(key_of(2) in note for note in noted.notes)


def test_no_face_is_seen_in_product_clips(face_weights: Path, test_data: Path) -> None:
    from pvtt_data.publish.faces import frames_of

    finder = FaceFinder(face_weights)
    clip = (test_data / "clips" / "bottles.mp4").read_bytes()
    assert max(finder.score(frame) for frame in frames_of(clip)) < THRESHOLD
