"""The specification of the format says what the code writes and a version holds."""

from __future__ import annotations

import io
import re
import subprocess
from fractions import Fraction
from itertools import takewhile
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import av
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from catalogue_builds import Builder
from PIL import Image
from test_docs_links import DOCS, text_of

from pvtt_data.build import BuildOutcome
from pvtt_data.line import TABLE_RECORDS
from pvtt_data.publish.withhold import _SCHEMA as WITHHELD_SCHEMA
from pvtt_data.records import arrow_schema
from pvtt_data.shards import Lineage, Manifest, SampleMeta, ShardDataset
from pvtt_data.shards.format import CLIP_MEMBERS, MASK_MEMBERS, MAX_PICTURES, member_names
from pvtt_data.shards.index import INDEX_SCHEMA

PAGE, CHINESE = DOCS / "format.md", DOCS / "format.zh-CN.md"
both_languages = pytest.mark.parametrize("page", [PAGE, CHINESE], ids=["English", "Chinese"])


def rows(page: Path, *columns: str) -> list[list[str]]:
    """Cells of the one table whose header begins with these columns."""
    header = "| " + " | ".join(columns) + " |"
    found = [part for part in text_of(page).split("\n\n") if part.startswith(header)]
    assert len(found) == 1, f"{len(found)} tables begin with {header}"
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[0].splitlines()[2:]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@both_languages
def test_members_and_their_order(page: Path) -> None:
    table = rows(page, *(("member", "content") if page == PAGE else ("成员", "内容")))
    listed = [names(cells[0])[0].removeprefix("{key}.") for cells in table]
    assert listed == list(member_names("test", 1, 1))
    assert str(MAX_PICTURES) in text_of(page)


@both_languages
def test_fields_of_the_json_and_their_types(page: Path) -> None:
    words = {"text": str, "float": float, "integer": int, "文本": str, "浮点数": float, "整数": int}
    lists = ("texts", "文本列表")
    hints = get_type_hints(SampleMeta)
    listed = []
    for field, kind, _ in rows(page, *(("field", "type", "meaning") if page == PAGE else ("字段", "类型", "含义"))):
        for name in names(field):
            listed.append(name)
            hint = hints[name]
            if name == "numbers":
                assert kind in ("floats by name", "名称到浮点数")
            elif get_origin(hint) is list:
                assert kind in lists, name
            else:
                assert words[kind] is (type(get_args(hint)[0]) if get_origin(hint) is not None else hint), name
    assert sorted(listed) == sorted(SampleMeta.model_fields)


@both_languages
def test_columns_of_the_index(page: Path) -> None:
    table = rows(page, *(("column", "type") if page == PAGE else ("列", "类型")))
    assert [(names(cells[0])[0], cells[1]) for cells in table] == [(f.name, str(f.type)) for f in INDEX_SCHEMA]


@both_languages
def test_fields_of_manifest_and_lineage(page: Path) -> None:
    head, title = (("field", "meaning"), "## Manifest") if page == PAGE else (("字段", "含义"), "## 清单")
    parts = text_of(page).partition(title)[2].split("\n\n")
    tables = [part for part in parts if part.startswith("| " + " | ".join(head) + " |")]
    for part, model in zip(tables, (Manifest, Lineage), strict=True):
        listed = [name for line in part.splitlines()[2:] for name in names(line.split(" | ")[0])]
        assert listed == list(model.model_fields)


def test_tables_and_their_columns(catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    schemas: dict[str, pa.Schema] = {name: arrow_schema(record) for name, record in TABLE_RECORDS.items()}
    schemas["withheld"] = WITHHELD_SCHEMA
    listed = []
    for table, _, key, columns in rows(PAGE, "table", "a row is", "key", "columns besides it"):
        (name,), (key_name,) = names(table), names(key)
        assert schemas[name].names == [key_name, *names(columns)]
        listed.append(name)
    assert [names(cells[0])[0] for cells in rows(CHINESE, "表", "一行是", "主键")] == listed
    builder, _ = catalogue_build
    stored = {path.stem for path in (builder.folder / "shards" / "v1" / "tables").iterdir()}
    assert stored == set(listed) - {"verdicts", "agreement", "withheld"}


@both_languages
def test_files_of_a_version(page: Path, catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    """Every file that a version has is in the page's tree of it."""
    version = catalogue_build[0].folder / "shards" / "v1"
    tree = re.search(r"^    v3/\n((?:      .*\n)+)", text_of(page), re.MULTILINE)
    assert tree is not None
    for path in sorted(path for path in version.rglob("*") if path.is_file()):
        name = path.relative_to(version).as_posix()
        name = re.sub(r"-of-\d{5}", "-of-0000[18]", name) if name.startswith("data/") else re.escape(path.name)
        assert re.search(r"\*\.parquet" if path.parent.name == "tables" else name, tree[1]), path


def test_facts_are_the_json_as_a_table(catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    version = catalogue_build[0].folder / "shards" / "v1"
    samples = list(ShardDataset(version, "train"))
    rows = pq.read_table(version / "facts" / "train.parquet").to_pylist()
    assert [row.pop("key") for row in rows] == [sample.key for sample in samples]
    assert rows == [sample.meta.model_dump() for sample in samples]


def test_videos_and_pictures_of_a_version(catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    """The tables about videos, and what the page says of pictures, in a version of the sample catalogue."""
    dataset = ShardDataset(catalogue_build[0].folder / "shards" / "v1")
    for sample in [dataset[0], dataset[-1]]:
        for member in CLIP_MEMBERS:
            mask = member in MASK_MEMBERS
            data = sample.read(member)
            boxes = list(takewhile(lambda box: box != b"mdat", _boxes(data)))
            assert b"moov" in boxes, "the index does not come first"
            with av.open(io.BytesIO(data)) as container:
                (stream,) = container.streams
                context = stream.codec_context
                assert (context.name, context.profile) == ("h264", "High 4:4:4 Predictive" if mask else "High")
                assert context.pix_fmt == ("yuvj420p" if mask else "yuv420p")
                assert (context.color_range, context.colorspace) == (2 if mask else 1, 1)
                assert (context.color_primaries, context.color_trc) == (1, 1)
                times = [Fraction(frame.pts) * frame.time_base for frame in container.decode(stream)]
            assert times == [Fraction(number) / Fraction(sample.meta.fps) for number in range(sample.meta.frames)]
        for number in range(4):
            with Image.open(io.BytesIO(sample.read(f"reference_{number}.png"))) as picture:
                assert picture.format == "PNG" and picture.mode == "RGBA"


def _boxes(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at + 8 <= len(data):
        found.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    return found


@both_languages
def test_the_shell_line_gives_the_root(page: Path, catalogue_build: tuple[Builder, BuildOutcome]) -> None:
    version = catalogue_build[0].folder / "shards" / "v1"
    (line,) = re.findall(r"^    (find .*)$", text_of(page), re.MULTILINE)
    done = subprocess.run(["bash", "-c", line], cwd=version, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == ShardDataset(version).manifest.root
