"""What presents a version: its card in two languages, licences, facts, preview, Croissant."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import re
import tarfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image
from pydantic import ValidationError
from shard_samples import FPS, FRAMES, HEIGHT, WIDTH, MakeSample, encode, key_of, luma, mask, meta_of, png

from pvtt_data.media import decode_mask_frames, decode_masks, decode_video, decode_video_frames
from pvtt_data.records import Rejection, Source, to_arrow
from pvtt_data.reviews.applied import AgreementRow, AppliedVerdict
from pvtt_data.shards import DatasetSettings, ShardDataset, ShardSample, verify, write_dataset
from pvtt_data.shards.card import facts as card_facts
from pvtt_data.shards.card.choice import PreviewChoice
from pvtt_data.shards.card.config import CardConfig
from pvtt_data.shards.card.facts import CardFacts
from pvtt_data.shards.card.markdown import contact, escaped, link, paragraphs, table
from pvtt_data.shards.format import PICTURE_FILES, PRESENTING_FILES, SampleMeta
from pvtt_data.shards.manifest import build_manifest, manifest_bytes, read_manifest

EVIL = "<img src=x onerror=alert(1)> ![p](javascript:x) [a](http://evil.example) | `c` **b**\n# head ```\n</details>"
CARD = {
    "repository": "shop/mugs",
    "authors": ["Anna", "Ben"],
    "released": "2026-11-30",
    "contact": "rights@shop.example",
}


@pytest.fixture(scope="module", name="tables")
def _tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tables of a build in which people said something and a feed was hostile."""
    folder = tmp_path_factory.mktemp("tables")
    source = Source("s0", "a" * 64, 1, "video", None, "feed", EVIL, "train-vase-0", EVIL, "vase", "CC-BY-4.0",
                    "https://shop.example/0", "", EVIL, ())  # fmt: skip
    sources = [source, dataclasses.replace(source, source_id="s1", url=f"javascript:{EVIL}", product_id="train-mug-1"),
               dataclasses.replace(source, source_id="unused", product_id="unused")]  # fmt: skip
    said = AppliedVerdict("v0", "mask", "k0", "t0", "x", "accept", (), "", (), None, "", "", 2, False, False, ())
    verdicts = [said, dataclasses.replace(said, verdict_id="v1", key="k1", verdict="reject", disagree=True),
                dataclasses.replace(said, verdict_id="v2", key="k2", verdict="flag", reviewers=1)]  # fmt: skip
    rejections = [Rejection(str(n), "mask_qc", "track", str(n), "", "mask-too-large", "", "") for n in range(3)]
    rows: dict[str, tuple[type, list[Any]]] = {
        "sources": (Source, sources),
        "verdicts": (AppliedVerdict, verdicts),
        "agreement": (AgreementRow, [AgreementRow("a0", "mask", 1, 2, 1, 0.5)]),
        "rejections": (Rejection, [*rejections, dataclasses.replace(rejections[0], rejection_id="x", stage="dedup")]),
    }
    for name, (record, content) in rows.items():
        pq.write_table(to_arrow(record, content), folder / f"{name}.parquet")
    return {name: folder / f"{name}.parquet" for name in rows}


@pytest.fixture(scope="module", name="version")
def _version(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, bytes], tables: dict[str, Path]) -> Path:
    """Four training samples, one of them hostile in every text, and one test sample."""
    evil = dict.fromkeys(("category_a", "category_b", "title_a", "title_b", "prompt", "source_prompt"), EVIL)
    evil |= {"licences": ["CC-BY-4.0", EVIL], "source_url": EVIL, "product_b": EVIL, "reference_source": [EVIL, EVIL]}
    videos, masks = clips["target.mp4"], clips["target_mask.mp4"]
    same = {name: masks if "mask" in name else videos for name in clips}
    samples = [
        ShardSample(
            key=key_of(n),
            split="train" if n < 9 else "test",
            members={
                **(same if n == 3 else clips),
                **{f"reference_{i}.png": png(n + i) for i in (0, 1)},
                **({} if n < 9 else {"heldout_0.png": png(99)}),
            },
            meta=meta_of(n, "train" if n < 9 else "test") | changes,
        )
        for n, changes in (
            (0, {}),
            (1, evil),
            (2, {"engine": "panzoom", "verdict": "flag", "reasons": ["reference-leak"]}),
            (
                3,
                {
                    "engine": "crosspair",
                    "kind": "reconstruct",
                    "difficulty": "hard",
                    "product_a": "train-vase-3",
                    "prompt": "一个花瓶",
                },
            ),
            (9, {}),
        )
    ]
    recipe = {"card": CARD, "mine": {}, "assign_split": {"validation_share": 0.05, "test_share": 0.1}}
    settings = DatasetSettings("mugs", recipe, 2, 2, 1, {"pvtt": "0.1.0"}, {"looks@1": "cd" * 32})
    path = tmp_path_factory.mktemp("card") / "v1"
    write_dataset(path, samples, settings, tables)
    return path


def body(version: Path, name: str = "README.md") -> str:
    text = (version / name).read_text(encoding="utf-8")
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text


def rows_of(text: str) -> list[list[str]]:
    """Cells of all tables of a page."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_head_tells_the_hub_what_it_asks_for(version: Path) -> None:
    head = yaml.safe_load((version / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert (head["license"], head["license_name"], head["license_link"]) == ("other", "several-licences", "LICENSE.md")
    assert (version / head["license_link"]).is_file()
    assert head["language"] == ["en", "zh"] and head["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in head["configs"]] == ["default", "preview"]
    assert [config.get("default") for config in head["configs"]] == [True, None]
    hub = pytest.importorskip("huggingface_hub")
    card = hub.DatasetCard.load(version / "README.md")
    assert card.data.task_categories == ["image-to-video"] and "vace" in card.data.tags


def test_every_configuration_loads_as_declared(version: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    ours = ShardDataset(version)
    head = yaml.safe_load((version / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    for info in head["dataset_info"]:
        name = info["config_name"]
        for split in info["splits"]:
            rows = library.load_dataset(str(version), name, split=split["name"], cache_dir=tmp_path)
            assert rows.num_rows == split["num_examples"]
            assert list(rows.features) == [feature["name"] for feature in info["features"]]
    files = str(version / "facts/train.parquet")
    facts = library.load_dataset("parquet", data_files=files, split="train", cache_dir=tmp_path)
    for row in facts:
        assert SampleMeta.model_validate({k: v for k, v in row.items() if k != "key"}) == ours[row["key"]].meta
    preview = library.load_dataset(str(version), "preview", split="preview", cache_dir=tmp_path)
    assert set(preview["__key__"]) == set(ours.keys())
    for row in preview:
        sample, middle = ours[row["__key__"]], (FRAMES - 1) // 2
        assert np.abs(np.asarray(row["target.jpg"]).astype(int) - sample.target[middle]).mean() < 2
        assert np.array_equal(np.asarray(row["target_mask.png"]) > 127, sample.target_mask[middle])
        assert (row["json"]["split"], row["prompt.txt"]) == (sample.split, sample.meta.prompt)


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_examples_of_the_card_run(
    version: Path, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in ("datasets", "webdataset", "huggingface_hub"):
        pytest.importorskip(library)
    monkeypatch.setattr(importlib.import_module("datasets.config"), "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda repo, repo_type: repo)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", body(version, page), re.MULTILINE | re.DOTALL)
    for block in blocks:
        assert "shop/mugs" in block or "verify" in block
        at = re.sub(r"(https://huggingface.co|hf:/)/datasets/shop/mugs(/resolve/main)?", str(version), block)
        exec(compile(at.replace("shop/mugs", str(version)), page, "exec"), names)
    assert len(blocks) == 6
    assert len(list(names["samples"])) == 4
    assert set(names["easy"]["key"]) == {key_of(n) for n in (0, 1, 2)}
    assert "no problem found" in capsys.readouterr().out


def test_texts_of_feeds_stay_texts(version: Path) -> None:
    for name in ("README.md", "README.zh-CN.md", "LICENSE.md"):
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body(version, name))
        assert re.findall(r"<img [^>]*>", html) == [
            i for i in re.findall(r"<img [^>]*>", html) if "preview/strip.jpg" in i
        ]
        links = set(re.findall(r'href="([^"]*)"', html))
        assert not any(one.startswith("javascript") or "evil" in one for one in links), links
        assert "onerror" not in re.sub(r"&lt;img.*?&gt;", "", html)
        assert not re.search(r"<h1>head", html) and html.count("</details>") == html.count("<details>")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80), st.text(alphabet="<>[]()|`*_!#&;:/@.hw \n\\", max_size=40))
def test_no_text_becomes_markup(one: str, other: str) -> None:
    for text in (one, other, one + other):
        html = MarkdownIt("gfm-like", {"linkify": False}).render(str(table(["a", "b"], [(text, 1)])))
        assert html.count("<td") == 2 and not re.search(r"<(?!/?(?:table|thead|tbody|tr|th|td)\b)", html), html
        for made in (escaped(text), str(link(text)), str(paragraphs(text))):
            inline = MarkdownIt("gfm-like", {"linkify": False}).renderInline(made.replace("\n", " "))
            assert not re.search(r"<(?!a href=\"https?://)(?!/a>)", inline), inline


def test_numbers_of_the_card_are_those_of_the_samples(version: Path) -> None:
    cells = rows_of(body(version))
    assert next(row for row in cells if row[0] == "`train`")[:6] == ["`train`", "4", "7", "4", "2 s", "2"]
    assert ["`composite`", "2", "1", "3"] in cells and ["`hard`", "1", "0", "1"] in cells
    assert ["`mask_qc`", "track", "`mask-too-large`", "3"] in cells
    assert ["masks", "3", "1", "1", "1", "2", "1"] in cells, "what people said"
    assert ["masks", "1", "2", "1", "0.50"] in cells, "how far they agree"
    psnr = [float(value) for row in cells if row[0] == "`psnr_background`" for value in row[1:]]
    assert psnr == pytest.approx([5, 2e-8, 2e-7, 7.8e-7])
    assert ["`u2net`", "`0123456789ab`", "unknown", "5"] in cells
    assert ["`looks@1`", "`cdcdcdcdcdcd`", "unknown", "–"] in cells
    assert "<rights@shop.example>" in body(version)
    credits = body(version, "LICENSE.md")
    assert "`s0`" in credits and "`s1`" in credits and "`unused`" not in credits
    assert "<https://shop.example/0>" in credits


def test_both_languages_tell_the_same(version: Path) -> None:
    english, chinese = body(version), body(version, "README.zh-CN.md")
    for pattern in (r"^## ", r"^```", r"^\d\. \*\*", r"^- "):
        found = [len(re.findall(pattern, text, re.MULTILINE)) for text in (english, chinese)]
        assert found[0] == found[1], pattern
    numbers = [
        [c for row in rows_of(text) for c in row if re.fullmatch(r"[\d.,e+-]+%?", c)] for text in (english, chinese)
    ]
    assert numbers[0] == numbers[1]
    assert not re.search(r"[\u4e00-\u9fff]\n[\u4e00-\u9fff]", chinese), "a line break would show as a space"


def test_croissant_is_valid_and_its_records_are_the_samples(
    version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CROISSANT_CACHE", str(tmp_path))
    pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
    for module in ("download", "extract"):  # where it was imported before, its cache is the user's
        found = importlib.import_module(f"mlcroissant._src.operation_graph.operations.{module}")
        for name in ("DOWNLOAD_PATH", "EXTRACT_PATH"):
            for place in (found, found.constants if hasattr(found, "constants") else types.SimpleNamespace()):
                if hasattr(place, name):
                    monkeypatch.setattr(place, name, type(getattr(place, name))(tmp_path / name))
    page = (Path(__file__).resolve().parents[2] / "docs/card.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example.replace("shards/v1", str(version)), "card.md", "exec"), names)
    assert names["record"]["train/key"].decode() in ShardDataset(version, "train")
    dataset = names["version"]
    assert not dataset.metadata.ctx.issues.errors
    assert {w for w in dataset.metadata.ctx.issues.warnings if "schema.org/version" not in w} == set()
    ours = ShardDataset(version)

    def records(name: str) -> dict[str, dict[str, Any]]:
        rows = [{k.partition("/")[2]: v for k, v in row.items()} for row in dataset.records(name)]
        return {row["key"].decode(): row for row in rows}

    for split in ("train", "test"):
        found = records(split)
        assert set(found) == set(ShardDataset(version, split).keys())
        for key, row in found.items():
            facts = ours[key].meta
            assert (row["prompt"].decode(), row["frames"], row["fps"]) == (facts.prompt, facts.frames, facts.fps)
            assert [text.decode() for text in row["licences"]] == facts.licences
            assert {k.rpartition("/")[2]: v for k, v in row["numbers"].items()} == facts.numbers
    for name in ("source", "target_mask"):
        assert {k: row["content"] for k, row in records(name).items()} == {s.key: s.read(f"{name}.mp4") for s in ours}
    for name in ("reference_1", "heldout_0"):
        found = records(name)
        assert set(found) == {s.key for s in ours if f"{name}.png" in s.spans}
        for key, row in found.items():
            assert np.array_equal(
                np.asarray(row["content"]), np.asarray(Image.open(io.BytesIO(ours[key].read(f"{name}.png"))))
            )
    members = list(dataset.records("members"))
    assert len(members) == sum(len(sample.spans) for sample in ours)
    assert members[0]["members/sha256"].decode() == ours[0].spans["source.mp4"].sha256


def resigned(path: Path) -> None:
    """The manifest made anew for what lies there."""
    manifest = read_manifest(path)
    fields = {n: getattr(manifest, n) for n in type(manifest).model_fields}
    for name in ("schema_version", "root", "manifest_sha256"):
        del fields[name]
    fields["files"] = {
        name: entry.model_copy(
            update={"sha256": hashlib.sha256(data := (path / name).read_bytes()).hexdigest(), "bytes": len(data)}
        )
        for name, entry in manifest.files.items()
        if (path / name).is_file()
    }
    (path / "manifest.json").write_bytes(manifest_bytes(build_manifest(**fields)))


def test_verify_finds_facts_that_lie_and_a_preview_of_what_is_withheld(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    path = tmp_path / "d"
    write_dataset(path, [make_sample(0), make_sample(1)], settings)
    facts = pq.read_table(path / "facts/train.parquet")
    lied = facts.set_column(facts.schema.get_field_index("prompt"), "prompt", pa.array(["another", "another"]))
    pq.write_table(lied, path / "facts/train.parquet")
    preview = path / "preview/samples.tar"
    with tarfile.open(preview) as tar, tarfile.open(path / "other.tar", "w") as other:
        for member in tar:
            content = tar.extractfile(member)
            member.name = member.name.replace(key_of(1), key_of(7))
            other.addfile(member, content)
    (path / "other.tar").replace(preview)
    resigned(path)
    found = {(p.file, p.key) for p in verify(path).problems if p.check in ("facts", "preview")}
    assert found == {
        ("facts/train.parquet", key_of(0)), ("facts/train.parquet", key_of(1)), ("preview/samples.tar", key_of(7))
    }  # fmt: skip


def test_a_version_from_before_there_was_more_than_a_card_is_whole(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    path = tmp_path / "d"
    write_dataset(path, [make_sample(0)], settings)
    for name in (*PRESENTING_FILES[1:], *PICTURE_FILES, "facts/train.parquet"):
        (path / name).unlink()
    for folder in ("facts", "preview"):
        (path / folder).rmdir()
    resigned(path)
    problems = [p for p in verify(path).problems if p.check != "lineage"]
    assert problems == []
    assert ShardDataset(path)[0].meta.prompt == "a vase on a table"


def test_pictures_can_be_left_out_and_undecodable_samples_are(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    without = dataclasses.replace(settings, recipe={"card": {"preview_samples": 0}})
    write_dataset(tmp_path / "a", [make_sample(0)], without)
    broken = make_sample(1, members={"source.mp4": b"no video"})
    write_dataset(tmp_path / "b", [make_sample(0), broken], settings)
    write_dataset(tmp_path / "c", [broken], settings)
    for name in ("a", "c"):
        assert not (tmp_path / name / "preview").exists() and "preview/" not in body(tmp_path / name)
        head = yaml.safe_load((tmp_path / name / "README.md").read_text(encoding="utf-8").split("---\n")[1])
        assert [config["config_name"] for config in head["configs"]] == ["default"]
    assert verify(tmp_path / "a").ok
    with tarfile.open(tmp_path / "b/preview/samples.tar") as tar:
        assert {name.partition(".")[0] for name in tar.getnames()} == {key_of(0)}


def meta(number: int, **changes: Any) -> SampleMeta:
    fields = {**meta_of(number, "train"), "heldout_count": 0, "reference_count": 2, **changes}
    return SampleMeta.model_validate(fields)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 400), min_size=2, max_size=40, unique=True), st.data())
def test_the_preview_is_of_every_kind_and_one_sample_moves_one(numbers: list[int], data: st.DataObject) -> None:
    kinds = ("composite", "panzoom", "crosspair")
    metas = [meta(n, engine=kinds[n % 3], category_b=str(n % 2)) for n in numbers]
    chosen = []
    for some in (metas, data.draw(st.permutations(metas)), [m for m in metas if m is not metas[0]]):
        choice = PreviewChoice(12)
        for one in some:
            choice.add(one)
        chosen.append((choice.preview_keys(), choice.strip_keys()))
    assert chosen[0] == chosen[1], "in any order"
    assert len(set(chosen[0][0]) - set(chosen[2][0])) <= 1
    assert {m.engine for m in metas} == {m.engine for m in metas if m.key in chosen[0][0]}
    assert len(chosen[0][0]) == min(12, len(metas)) and len(chosen[0][1]) == min(4, len(metas))


def test_quantiles_of_many_samples_need_no_more_memory_and_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_facts, "MEASURED_SAMPLES", 20)
    metas = [meta(n) for n in range(100)]
    found = []
    for some in (metas, metas[::-1]):
        counted = CardFacts()
        for one in some:
            counted.add(one)
        lines, count = counted.numbers()
        assert count == 20 and len(counted._numbers._kept) < 40
        found.append(lines)
    assert found[0] == found[1]
    psnr = next(line for line in found[0] if line.name == "psnr_background")
    assert 0 < psnr.values[0] < psnr.values[1] < psnr.values[2] < 1e-5


def test_some_frames_are_those_of_the_whole_clip() -> None:
    video, masks = encode(luma(3)), encode(mask(1).astype(np.uint8) * 255)
    assert decode_video(video).shape == (FRAMES, HEIGHT, WIDTH, 3) and FPS == 16
    assert np.array_equal(decode_video_frames(video, {0, 5}), decode_video(video)[[0, 5]])
    assert np.array_equal(decode_mask_frames(masks, (4, 8)), decode_masks(masks)[[4, 8]])
    for read in (decode_video_frames, decode_mask_frames):
        with pytest.raises(Exception, match="has 9 frames"):
            read(video, {FRAMES})


@pytest.mark.parametrize(
    "wrong",
    [
        {"contact": "not an address"},
        {"contact": "a@b.example> <script"},
        {"homepage": "javascript:alert(1)"},
        {"repository": "no-slash"},
        {"released": "yesterday"},
        {"citation": "```\n# head"},
        {"title": "two\nlines"},
        {"tags": ["Upper Case"]},
        {"unknown": 1},
    ],
)
def test_settings_of_the_card_that_could_break_a_page_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CardConfig.model_validate(wrong)


def test_a_summary_and_a_citation_of_ones_own(
    tmp_path: Path, make_sample: MakeSample, settings: DatasetSettings
) -> None:
    card = {"title": "Mugs & more", "summary": "One.\n\nTwo <b>.", "citation": "@misc{own}", "licence_name": "ours"}
    write_dataset(tmp_path / "d", [make_sample(0)], dataclasses.replace(settings, recipe={"card": card}))
    text = body(tmp_path / "d")
    assert text.startswith("\n# Mugs &#38; more\n") and "\nOne.\n\nTwo &#60;b&#62;.\n" in text
    assert "```bibtex\n@misc{own}\n```" in text and "ORG/NAME" in text
    assert str(contact("a@b.example")) == "<a@b.example>"
