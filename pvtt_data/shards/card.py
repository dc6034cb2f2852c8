"""The dataset card: `README.md` of a version, with the YAML head that `datasets` and the Hub read.

The head states the features instead of leaving them to be guessed: a guess looks at the first few samples only, and
then a list that is empty there, or a column that comes later, is read wrongly.
"""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pvtt_data.captions.counts import count_prompts
from pvtt_data.records import Split
from pvtt_data.shards.format import JSON_MEMBER, MASK_MEMBERS, SCHEMA_VERSION, SampleMeta, member_names
from pvtt_data.shards.manifest import ShardEntry, SplitCounts

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST = "1M<n<10M"
_MARKUP = "&<>|[]`*_\\"


class CardFacts:
    """What the card counts over all samples."""

    def __init__(self) -> None:
        self.samples = 0
        self.number_names: set[str] = set()
        self.engines: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.difficulties: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.segmenters: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.captioners: Counter[str] = Counter()
        self.judges: Counter[str] = Counter()
        self.prompts: Counter[str] = Counter()
        self.products: set[str] = set()
        self.sources: set[str] = set()

    def add(self, meta: SampleMeta) -> None:
        """Count one sample."""
        self.samples += 1
        self.number_names.update(meta.numbers)
        self.engines[meta.engine] += 1
        self.kinds[meta.kind] += 1
        self.difficulties[meta.difficulty] += 1
        self.verdicts[meta.verdict] += 1
        self.segmenters[meta.segmenter or "none"] += 1
        self.licences.update(set(meta.licences))
        self.models.update(set(meta.models))
        self.captioners[meta.captioner or "unknown"] += 1
        self.judges[meta.judge or "none"] += 1
        self.prompts[meta.prompt] += 1
        self.sizes[f"{meta.width}×{meta.height}, {meta.frames} frames at {meta.fps:g} fps"] += 1
        self.products.update((meta.product_a, meta.product_b))
        self.sources.update(filter(None, (meta.source_id, meta.source_id_a)))


def dataset_card(
    *,
    name: str,
    licence: str,
    counts: Mapping[Split, SplitCounts],
    shards: Mapping[str, ShardEntry],
    tables: Sequence[str],
    reference_count: int,
    heldout_count: int,
    number_names: Sequence[str],
    facts: CardFacts,
) -> str:
    """Text of the card."""
    head = yaml.safe_dump(
        _head(name, licence, counts, shards, reference_count, heldout_count, number_names),
        sort_keys=False,
        allow_unicode=True,
        width=1000,
    )
    rows = [
        f"| {split} | {c.samples} | {c.shards} | {c.members_per_sample} | {c.bytes} |" for split, c in counts.items()
    ]
    sections = [
        f"---\n{head}---",
        f"# {name}",
        "Training triples for Product Video Template Transfer: a source video that shows product A, pictures of"
        " product B, and the target video, which is the source with B in A's place.",
        "| split | samples | shards | members per sample | bytes |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows),
        f"{facts.samples} samples, {len(facts.products)} products, {len(facts.sources)} source videos."
        " Splits share no product and no source video; `pvtt_data.shards.verify` checks it.",
        _members_text(reference_count, heldout_count),
        "## How the samples were made",
        _counted("engine", facts.engines),
        _counted("kind", facts.kinds),
        _counted("difficulty", facts.difficulties),
        _counted("verdict", facts.verdicts),
        _counted("segmenter", facts.segmenters),
        _counted("size", facts.sizes),
        "## Prompts",
        "`prompt` describes the target and `source_prompt` the source; they differ in the product's name alone."
        " Texts come from shops and templates, or from the model that is named here.",
        _prompts_text(facts),
        _counted("worded by", facts.captioners),
        *([_counted("judged by", facts.judges)] if set(facts.judges) != {"none"} else []),
        "## Licences",
        "A sample carries the licence of everything that went into it; the same sample may count in several rows."
        " The JSON member of each sample lists its own licences, source URL and models.",
        _counted("licence", facts.licences),
        _counted("model (weights' SHA-256 begins with)", facts.models) if facts.models else "No model took part.",
        _reading_text(tables),
    ]
    return "\n\n".join(sections) + "\n"


def _head(
    name: str,
    licence: str,
    counts: Mapping[Split, SplitCounts],
    shards: Mapping[str, ShardEntry],
    reference_count: int,
    heldout_count: int,
    number_names: Sequence[str],
) -> dict[str, Any]:
    samples = sum(c.samples for c in counts.values())
    return {
        "pretty_name": name,
        "license": licence,
        "task_categories": ["image-to-video"],
        "tags": ["webdataset", "video", "video-editing", "product-video"],
        "size_categories": [next((text for limit, text in _SIZES if samples < limit), _LARGEST)],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": _data_files(split, counts[split], shards)} for split in counts],
            }
        ],
        "dataset_info": {
            "config_name": "default",
            "features": card_features(list(counts), reference_count, heldout_count, number_names),
            "splits": [{"name": split, "num_bytes": c.bytes, "num_examples": c.samples} for split, c in counts.items()],
            "dataset_size": sum(c.bytes for c in counts.values()),
            "download_size": sum(c.bytes for c in counts.values()),
        },
    }


def _data_files(split: Split, counts: SplitCounts, shards: Mapping[str, ShardEntry]) -> str | list[str]:
    """A pattern; where shards are empty, the list of those that are not."""
    filled = [p for p, entry in sorted(shards.items()) if p.startswith(f"data/{split}-") and entry.samples]
    return f"data/{split}-*-of-{counts.shards:05d}.tar" if len(filled) == counts.shards else filled


def card_features(
    splits: Sequence[Split], reference_count: int, heldout_count: int, number_names: Sequence[str]
) -> list[dict[str, Any]]:
    """The features of the whole dataset in the notation of a card's YAML head.

    Media are declared undecoded, so that loading needs no decoder; cast a column to decode it.
    """
    members: dict[str, None] = {}
    for split in splits:
        members.update(dict.fromkeys(member_names(split, reference_count, heldout_count)))
    features: list[dict[str, Any]] = []
    for member in members:
        if member == JSON_MEMBER:
            continue
        medium = "video" if member.endswith(".mp4") else "image"
        features.append({"name": member, "dtype": {medium: {"decode": False}}})
    features.append({"name": JSON_MEMBER, "struct": _json_features(number_names)})
    features += [{"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]
    return features


def _json_features(number_names: Sequence[str]) -> list[dict[str, Any]]:
    hints = typing.get_type_hints(SampleMeta)
    features: list[dict[str, Any]] = []
    for name in sorted(SampleMeta.model_fields):
        kind = hints[name]
        if name == "numbers":
            numbers = [{"name": number, "dtype": "float64"} for number in sorted(number_names)]
            features.append({"name": name, "struct": numbers})
        elif typing.get_origin(kind) is list:
            features.append({"name": name, "list": "string"})
        else:
            features.append({"name": name, "dtype": _dtype(kind)})
    return features


def _dtype(hint: Any) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return "string"
    return {str: "string", int: "int64", float: "float64"}[hint]


def _counted(what: str, counter: Counter[str]) -> str:
    rows = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"| {_cell(value)} | {count} |" for value, count in rows]
    return "\n".join([f"| {what} | samples |", "| --- | --- |", *lines])


def _prompts_text(facts: CardFacts) -> str:
    """How many prompts differ, and those that repeat most."""
    counts = count_prompts(facts.prompts)
    line = f"{counts.distinct} different prompts of {counts.samples}."
    if not counts.most_frequent:
        return line
    rows = [f"| {_cell(prompt)} | {count} |" for prompt, count in counts.most_frequent]
    return "\n".join([line, "", "| most frequent prompt | samples |", "| --- | --- |", *rows])


def _cell(text: str) -> str:
    """Text that cannot leave its table cell or become markup: it may come from a web page."""
    flat = " ".join(text.split())
    for mark, escaped in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ("|", "&#124;"),
        ("[", "&#91;"),
        ("`", "&#96;"),
    ):
        flat = flat.replace(mark, escaped)
    return flat


def _members_text(reference_count: int, heldout_count: int) -> str:
    heldout = (
        f"; validation and test samples also have {heldout_count} held-out pictures of B (`heldout_k.png`)"
        if heldout_count
        else ""
    )
    masks = ", ".join(f"`{name}`" for name in MASK_MEMBERS)
    return (
        f"Format version {SCHEMA_VERSION}. Each sample has `source.mp4`, `target.mp4`, the masks {masks} (lossless"
        f" H.264, luma 0 or 255), {reference_count} references of B (`reference_k.png`, the last repeats where fewer"
        f" exist: `reference_count` in the JSON){heldout}, and `json`."
    )


def _reading_text(tables: Sequence[str]) -> str:
    lines = [
        "## Reading",
        "```python",
        "from pvtt_data.shards import ShardDataset  # random access, decoded arrays",
        'dataset = ShardDataset("path/of/this/folder", split="train")',
        "sample = dataset[0]",
        "sample.source, sample.source_mask, sample.target, sample.references, sample.meta",
        "",
        "import datasets  # undecoded bytes; cast a column to datasets.Video() to decode it",
        'datasets.load_dataset("path/of/this/folder", split="train", streaming=True)',
        "```",
        "`index.parquet` gives offset, length and SHA-256 of every member; `manifest.json` gives the hash of every"
        " file, the recipe and the versions of the tools.",
    ]
    if tables:
        lines.append("Tables of the build: " + ", ".join(f"`{path}`" for path in tables) + ".")
    return "\n".join(lines)
