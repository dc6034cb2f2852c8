"""The tables and phrases of the card in one of its languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pvtt_data.shards.card.markdown import Safe, code, escaped, link
from pvtt_data.shards.card.parts import CardParts
from pvtt_data.shards.card.words import (
    ENGINES,
    LICENCE_KINDS,
    SOURCE_KINDS,
    SUBJECTS,
    Language,
    duration,
)
from pvtt_data.shards.format import (
    CHINESE_CARD_FILE,
    CROISSANT_FILE,
    INDEX_FILE,
    LICENCES_FILE,
    LINEAGE_FILE,
    MANIFEST_FILE,
    PREVIEW_FILE,
    SCHEMA_VERSION,
)
from pvtt_data.words import bytes_text

_CATEGORIES = 20
_DROPS = 40
_REASONS = 20
_SIZES = 4

_PHRASES: Mapping[str, Mapping[Language, str]] = {
    "member:source.mp4": {"en": "the video with product A", "zh": "含商品 A 的视频"},
    "member:source_mask.mp4": {"en": "where A is in the source", "zh": "A 在源视频中的位置"},
    "member:target.mp4": {
        "en": "the video with product B: what should come out",
        "zh": "含商品 B 的视频，即期望的输出",
    },
    "member:target_mask.mp4": {"en": "where B is in the target", "zh": "B 在目标视频中的位置"},
    "member:effect_mask.mp4": {"en": "where source and target may differ", "zh": "源视频与目标视频允许不同的区域"},
    "member:references": {
        "en": "pictures of B for the model, RGB or RGBA with straight alpha; where fewer exist, the last one repeats",
        "zh": "给模型的 B 的参考图，RGB 或 RGBA（非预乘 alpha）；不足时重复最后一张",
    },
    "member:heldout": {
        "en": "pictures of B kept back for metrics; in validation and test only",
        "zh": "留给评测指标的 B 的图片；仅验证集和测试集有",
    },
    "member:json": {"en": "facts, below", "zh": "事实信息，见下表"},
    "json:what": {"en": "what it is", "zh": "样本是什么"},
    "json:products": {"en": "A and B, as the feed names them", "zh": "A 与 B，按数据源的写法"},
    "json:texts": {
        "en": "texts of target and source, and who worded them",
        "zh": "目标与源视频的文本，以及由谁撰写",
    },
    "json:video": {"en": "of all five videos", "zh": "五个视频共同的参数"},
    "json:references": {"en": "how many pictures differ, and what each is", "zh": "不同参考图的张数及各自来源"},
    "json:quality": {
        "en": "verdict of quality control, why it is flagged, and what was measured",
        "zh": "质检结论、被标记的原因，以及测得的数值",
    },
    "json:origin": {
        "en": "the mined video, the clip and its frames there; with `_a` those of a moving A",
        "zh": "所挖掘的视频、片段及其帧范围；带 `_a` 的属于会动的 A",
    },
    "json:rights": {
        "en": "licences of all parts; models, with the first digits of their weights' SHA-256",
        "zh": "所有组成部分的许可证；参与的模型及其权重 SHA-256 的前几位",
    },
    "file:data": {"en": "the samples, WebDataset tars", "zh": "样本，WebDataset tar 包"},
    "file:index": {
        "en": "shard, offset, length and SHA-256 of every member",
        "zh": "每个成员所在的分片、偏移、长度和 SHA-256",
    },
    "file:tables": {
        "en": "tables of the build: sources, clips, masks, pairs, triples, rejections and others",
        "zh": "构建过程的表：来源、片段、掩码、配对、三元组、淘汰记录等",
    },
    "file:facts": {"en": "the JSON of all samples, one file a split", "zh": "全部样本的 JSON，每个划分一个文件"},
    "file:preview": {"en": "pictures of some samples", "zh": "部分样本的图片"},
    "file:licences": {"en": "licences and credits", "zh": "许可证与署名"},
    "file:croissant": {"en": "the dataset in Croissant's words", "zh": "Croissant 元数据"},
    "file:manifest": {
        "en": "recipe, versions of libraries, SHA-256 of every file",
        "zh": "配方、库版本、每个文件的 SHA-256",
    },
    "file:lineage": {"en": "what changed since the version before", "zh": "相对上一版本的变化"},
    "file:card": {"en": "this page in Chinese", "zh": "英文说明"},
    "parquet": {
        "en": "the name that datasets gives to files",
        "zh": "直接读取文件时 datasets 一律命名为 train",
    },
    "all": {"en": "all", "zh": "合计"},
    "none": {"en": "none stated", "zh": "未注明"},
    "several": {"en": "several: each sample states its own", "zh": "多种：每个样本各自注明"},
    "unlisted": {"en": "unknown", "zh": "未知"},
    "template": {"en": "templates", "zh": "模板"},
    "unknown-captioner": {"en": "unknown", "zh": "未知"},
    "made-up": {"en": "an engine that this page does not know", "zh": "本页未收录的引擎"},
}


class Sections:
    """Fills the templates' names.

    Args:
        parts: what is known of the version.
    """

    def __init__(self, parts: CardParts, language: Language) -> None:
        self._parts = parts
        self._language: Language = language

    def _say(self, phrase: str) -> str:
        return _PHRASES[phrase][self._language]

    def all(self) -> dict[str, Any]:
        """Every table and phrase by its name in the templates."""
        parts, language = self._parts, self._language
        facts, build, terms, recipe = parts.facts, parts.build, parts.terms, parts.recipe
        numbers, measured = facts.numbers()
        categories = _ranked(facts.categories)
        return {
            "length": duration(facts.seconds, language),
            "sizes": self._sizes(),
            "kept_back": bool(set(parts.counts) - {"train"}),
            "clip_seconds": self._clip_seconds(),
            "total_bytes": sum(counts.bytes for counts in parts.counts.values()),
            "strictest": terms.strictest or self._say("several"),
            "first_split": Safe(next(iter(parts.counts))),
            "parquet_note": self._say("parquet"),
            "first_pattern": Safe(self._first_pattern()),
            "members": self._members(),
            "json_fields": self._json_fields(),
            "made_from": self._made_from(),
            "clip_setting": self._clip_setting(),
            "engines": self._engines(),
            "engine_limits": self._engine_limits(),
            "models": [
                (code(line.name), code(line.digest), line.licence or self._say("unlisted"),
                 "–" if line.samples is None else line.samples)
                for line in terms.models
            ],
            "worded": Safe(", ".join(self._captioner(name) for name in sorted(facts.captioners))),
            "splits": self._splits(),
            "split_names": [*parts.counts, *([self._say("all")] if len(parts.counts) > 1 else [])],
            "by_engine": self._by_split("engines"),
            "by_difficulty": self._by_split("difficulties"),
            "categories": [(n or self._say("none"), c, _share(c, facts.samples)) for n, c in categories[:_CATEGORIES]],
            "more_categories": max(len(categories) - _CATEGORIES, 0),
            "category_count": len(categories),
            "top_category": self._top_category(categories),
            "numbers": [
                (code(line.name), line.samples, *(f"{value:.4g}" for value in line.values)) for line in numbers
            ],
            "measured": measured,
            "drops": [(code(d.stage), d.kind, code(d.reason), d.count) for d in build.dropped[:_DROPS]],
            "more_drops": max(len(build.dropped) - _DROPS, 0),
            "splits_setting": recipe.get("assign_split") if isinstance(recipe.get("assign_split"), Mapping) else None,
            "verdicts": [(code(name), count) for name, count in sorted(facts.verdicts.items())],
            "reasons": [(code(name), count) for name, count in _ranked(facts.reasons)[:_REASONS]],
            "judges": Safe(", ".join(f"{code(n)} {c}" for n, c in sorted(facts.judges.items()) if n)),
            "calibrations": self._calibrations(),
            "judged": [
                (SUBJECTS[language].get(row.kind, row.kind), row.seen, row.accepted, row.flagged, row.rejected,
                 row.by_several, row.disagree)
                for row in build.judged
            ],
            "agreed": [
                (SUBJECTS[language].get(row.kind, row.kind), row.pair, row.subjects, row.same,
                 "–" if row.kappa is None else f"{row.kappa:.2f}")
                for row in build.agreed
            ],
            "licences": self._licences(),
            "licence_kinds": LICENCE_KINDS[language],
            "licence_texts": [
                (
                    line.stated,
                    line.spdx or self._say("unlisted"),
                    LICENCE_KINDS[language][line.kind],
                    line.samples,
                    link(line.address) if line.address else "–",
                )
                for line in terms.licences
            ],
            "withheld": sum(build.withheld.values()),
            "faces": _setting(recipe, "publish", "faces", "refuse"),
            "citation": citation(parts),
            "files": self._files(),
            "credits": credit_rows(parts),
        }  # fmt: skip

    def _sizes(self) -> str:
        frames_word = "frames" if self._language == "en" else "帧"
        ranked = sorted(self._parts.facts.sizes.items(), key=lambda item: (-item[1], item[0]))
        texts = [f"{w}×{h}, {frames} {frames_word}, {fps:g} fps" for (w, h, frames, fps), _ in ranked]
        shown = "; ".join(texts[:_SIZES])
        return shown if len(texts) <= _SIZES else f"{shown}; …"

    def _clip_setting(self) -> str:
        recipe = self._parts.recipe
        sizes = _setting(recipe, "normalise", "sizes", [])
        frames, fps = _setting(recipe, "normalise", "frames", "?"), _setting(recipe, "normalise", "fps", "?")
        shown = f"{fps:g}" if isinstance(fps, float) else str(fps)
        if self._language == "en":
            return f"{', '.join(str(size) for size in sizes)}, {frames} frames at {shown} fps"
        return f"{'、'.join(str(size) for size in sizes)}，{frames} 帧，{shown} fps"

    def _clip_seconds(self) -> str:
        rates = sorted({round(frames / fps, 2) for _, _, frames, fps in self._parts.facts.sizes})
        text = f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g}–{rates[-1]:g}"
        return f"{text} s" if self._language == "en" else f"{text} 秒"

    def _first_pattern(self) -> str:
        split, counts = next(iter(self._parts.counts.items()))
        last = counts.shards - 1
        numbers = "00000" if not last else f"{{00000..{last:05d}}}"
        return f"{split}-{numbers}-of-{counts.shards:05d}.tar"

    def _members(self) -> list[tuple[Safe, str]]:
        parts = self._parts
        names = ("source.mp4", "source_mask.mp4", "target.mp4", "target_mask.mp4", "effect_mask.mp4")
        rows = [(code(name), self._say(f"member:{name}")) for name in names]
        rows.append((_series("reference", parts.reference_count), self._say("member:references")))
        if parts.heldout_count and set(parts.counts) - {"train"}:
            rows.append((_series("heldout", parts.heldout_count), self._say("member:heldout")))
        return [*rows, (code("json"), self._say("member:json"))]

    def _json_fields(self) -> list[tuple[Safe, Safe]]:
        groups = {
            "what": ("triple_id", "engine", "kind", "split", "difficulty"),
            "products": ("product_a", "product_b", "category_a", "category_b", "title_a", "title_b"),
            "texts": ("prompt", "source_prompt", "captioner"),
            "video": ("fps", "frames", "height", "width"),
            "references": ("reference_count", "reference_source", "heldout_count"),
            "quality": ("verdict", "reasons", "numbers", "segmenter", "judge"),
            "origin": ("source_id", "clip_id", "first_frame", "last_frame", "source_url", "source_id_a", "clip_id_a",
                       "source_url_a"),
            "rights": ("licences", "models"),
        }  # fmt: skip
        return [
            (Safe(", ".join(str(code(name)) for name in names)), Safe(self._say(f"json:{group}")))
            for group, names in groups.items()
        ]

    def _made_from(self) -> Safe:
        mined, kinds = self._parts.build.mined, SOURCE_KINDS[self._language]
        if not mined:
            count = len(self._parts.facts.sources)
            return Safe(f"{count} sources" if self._language == "en" else f"{count} 个来源")
        ranked = sorted(
            mined.items(), key=lambda item: (list(kinds).index(item[0]) if item[0] in kinds else 9, item[0])
        )
        joint = ", " if self._language == "en" else "、"
        space = " " if self._language == "en" else " 个"
        return Safe(joint.join(f"{count}{space}{kinds.get(kind, kind)}" for kind, count in ranked))

    def _engines(self) -> list[tuple[Any, ...]]:
        known = ENGINES[self._language]
        rows: list[tuple[Any, ...]] = []
        for name, count in _ranked(self._parts.facts.engines):
            engine = known.get(name)
            rows.append((
                code(name), count,
                engine.source if engine else self._say("made-up"),
                engine.target if engine else self._say("made-up"),
            ))  # fmt: skip
        return rows

    def _engine_limits(self) -> list[tuple[str, str]]:
        known = ENGINES[self._language]
        return [(name, known[name].limit) for name, _ in _ranked(self._parts.facts.engines) if name in known]

    def _captioner(self, name: str) -> str:
        if name == "template":
            return self._say("template")
        return str(code(name)) if name else self._say("unknown-captioner")

    def _splits(self) -> list[tuple[Any, ...]]:
        facts = self._parts.facts
        rows: list[tuple[Any, ...]] = []
        for split, counts in self._parts.counts.items():
            of = facts.splits[split]
            rows.append((
                code(split), counts.samples, len(of.products), len(of.sources), duration(of.seconds, self._language),
                counts.shards, bytes_text(counts.bytes),
            ))  # fmt: skip
        return rows

    def _by_split(self, name: str) -> list[tuple[Any, ...]]:
        splits = [self._parts.facts.splits[split] for split in self._parts.counts]
        counters: list[Counter[str]] = [getattr(split, name) for split in splits]
        total: Counter[str] = sum(counters, Counter())
        order = {level: rank for rank, level in enumerate(("easy", "medium", "hard", "expert"))}
        ranked = sorted(total, key=lambda value: (order.get(value, 9), -total[value], value))
        if len(counters) > 1:
            counters.append(total)
        return [(code(value), *(counter[value] for counter in counters)) for value in ranked]

    def _top_category(self, categories: list[tuple[str, int]]) -> Safe:
        name, count = categories[0]
        share = _share(count, self._parts.facts.samples)
        shown = escaped(name or self._say("none"))
        if self._language == "en":
            return Safe(f"The most frequent one, {shown}, has {share} of the samples.")
        return Safe(f"占比最高的是“{shown}”，为 {share}。")

    def _calibrations(self) -> Safe:
        found = [
            f"{code(section)} {code(str(digest)[:12])}"
            for section in ("mask_qc", "triple_qc")
            if (digest := _setting(self._parts.recipe, section, "calibration", ""))
        ]
        return Safe((", " if self._language == "en" else "、").join(found))

    def _licences(self) -> list[tuple[Any, ...]]:
        kinds = LICENCE_KINDS[self._language]
        sources = Counter(credit.licence or "unknown" for credit in self._parts.build.credits)
        return [
            (line.stated, kinds[line.kind], line.samples, sources.get(line.stated, "–") if sources else "–")
            for line in self._parts.terms.licences
        ]

    def _files(self) -> list[tuple[Safe, str]]:
        parts = self._parts
        other = CHINESE_CARD_FILE if self._language == "en" else "README.md"
        rows = [(code("data/*.tar"), self._say("file:data")), (code(INDEX_FILE), self._say("file:index"))]
        if parts.tables:
            rows.append((code("tables/*.parquet"), self._say("file:tables")))
        rows.append((code("facts/*.parquet"), self._say("file:facts")))
        if parts.preview is not None:
            rows.append((code(PREVIEW_FILE), self._say("file:preview")))
        return [
            *rows,
            (code(other), self._say("file:card")),
            (code(LICENCES_FILE), self._say("file:licences")),
            (code(CROISSANT_FILE), self._say("file:croissant")),
            (code(MANIFEST_FILE), f"{self._say('file:manifest')} (format {SCHEMA_VERSION})"),
            (code(LINEAGE_FILE), self._say("file:lineage")),
        ]


def citation(parts: CardParts) -> str:
    """BibTeX: the recipe's own, or an entry made of what it says."""
    config = parts.config
    if config.citation.strip():
        return config.citation.strip()
    fields = {"title": _tex(parts.title)}
    if config.authors:
        fields["author"] = " and ".join(_tex(author) for author in config.authors)
    if config.released:
        fields["year"] = config.released[:4]
    address = f"https://huggingface.co/datasets/{config.repository}" if config.repository else config.homepage
    if address:
        fields["howpublished"] = f"\\url{{{_tex(address)}}}"
    version = parts.tools.get("pvtt", "")
    fields["note"] = f"Dataset of video triples made with pvtt {version}".strip()
    lines = ",\n".join(f"  {name:<12} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{parts.name},\n{lines}\n}}"


def credit_rows(parts: CardParts) -> list[tuple[Any, ...]]:
    """Whom to name for what: title, product, shop, licence, address."""
    return [
        (
            credit.title or credit.product_id,
            code(credit.source_id),
            ", ".join(filter(None, (credit.shop, credit.platform))) or "–",
            credit.licence or "unknown",
            link(credit.url) if credit.url else "–",
        )
        for credit in parts.build.credits
    ]


def _ranked(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _series(stem: str, count: int) -> Safe:
    first = code(f"{stem}_0.png")
    return first if count == 1 else Safe(f"{first} … {code(f'{stem}_{count - 1}.png')}")


def _share(count: int, total: int) -> str:
    return f"{count / total:.1%}"


def _setting(recipe: Mapping[str, Any], section: str, key: str, default: Any) -> Any:
    found = recipe.get(section)
    return found.get(key, default) if isinstance(found, Mapping) else default


def _tex(text: str) -> str:
    """Text inside a BibTeX field's braces."""
    return "".join(c for c in text if c not in "{}\\`")
