"""Words of the card in its two languages, for what samples and tables call by a slug."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "zh"]

STAGES = (
    "mine", "measure", "transitions", "split", "filter", "fingerprint", "compare", "dedup", "normalise", "text_overlay",
    "clip_review", "segment", "mask_numbers", "mask_qc", "listing_pictures", "clip_pictures", "photo_text",
    "assign_split", "picture_looks", "track_looks", "pair", "synthesise", "crosspair", "panzoom", "render_plan",
    "render", "triple_numbers", "triple_qc", "judge", "shard",
)  # fmt: skip
"""Stages in the order in which data flows, for tables; an unknown one comes last."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What one engine makes, in one language.

    Attributes:
        source: what the source shows.
        target: what the target shows.
        limit: what it cannot teach, or what looks wrong; empty where there is nothing to say.
    """

    source: str
    target: str
    limit: str


ENGINES: Mapping[Language, Mapping[str, Engine]] = {
    "en": {
        "composite": Engine(
            "a real clip of B in which B was removed and A pasted, tracked, relit and shadowed",
            "the real clip",
            "the source is synthetic: pasted products are mostly stills that follow the motion of B, and edges, light"
            " and shadows of A are estimates",
        ),
        "crosspair": Engine(
            "the real clip of B itself, byte for byte",
            "the real clip of B",
            "A is never seen, so it teaches nothing about removing a product; mask the source when you train on it",
        ),
        "panzoom": Engine(
            "a listing picture of B with A pasted in B's place, under a moving window",
            "the listing picture, under the same window",
            "stills under a moving window: no parallax, no motion of their own, no change of light",
        ),
        "render": Engine(
            "a rendered scene with A",
            "the same scene with B",
            "rendered products, materials and light; masks and motion are exact, the look is not that of a camera",
        ),
    },
    "zh": {
        "composite": Engine(
            "B 的真实片段：抹去 B，贴入 A，并做跟踪、重打光和阴影",
            "该真实片段",
            "源视频是合成的：贴入的商品多为静态图，随 B 的运动而动；A 的边缘、光照和阴影均为估计值",
        ),
        "crosspair": Engine(
            "B 的真实片段本身（逐字节相同）",
            "B 的真实片段",
            "画面中从未出现 A，学不到“移除原商品”；训练时请先遮住源视频的掩码区域",
        ),
        "panzoom": Engine(
            "B 的商品图，A 贴在 B 的位置，配移动取景窗",
            "同一张商品图，同样的取景窗",
            "静态图加移动取景窗：没有视差、没有物体自身的运动，光照不变",
        ),
        "render": Engine(
            "含 A 的渲染场景",
            "同一场景，换成 B",
            "商品、材质和光照都是渲染的；掩码与运动完全准确，但画面观感不同于真实拍摄",
        ),
    },
}

LICENCE_KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "public-domain": "nothing",
        "attribution": "naming the author",
        "share-alike": "naming the author, and sharing under the same licence",
        "non-commercial": "naming the author, and no commercial use",
        "non-commercial-share-alike": "naming the author, no commercial use, and sharing under the same licence",
        "no-redistribution": "not sharing what was made from it",
        "": "not known",
    },
    "zh": {
        "public-domain": "无要求",
        "attribution": "署名",
        "share-alike": "署名、相同方式共享",
        "non-commercial": "署名、非商业性使用",
        "non-commercial-share-alike": "署名、非商业性使用、相同方式共享",
        "no-redistribution": "不得分享衍生内容",
        "": "未知",
    },
}

SUBJECTS: Mapping[Language, Mapping[str, str]] = {
    "en": {"source": "sources", "clip": "clips", "mask": "masks", "triple": "triples"},
    "zh": {"source": "源素材", "clip": "片段", "mask": "掩码", "triple": "三元组"},
}

SOURCE_KINDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "video": "videos",
        "frames": "folders of frames",
        "photo": "listing pictures that became clips",
        "render": "rendered products",
    },
    "zh": {"video": "视频", "frames": "帧图片目录", "photo": "转为片段的商品图", "render": "渲染的商品"},
}


def duration(seconds: float, language: Language) -> str:
    """A length of video for people."""
    units = {"en": (" h", " min", " s"), "zh": (" 小时", " 分钟", " 秒")}[language]
    for size, unit in ((3600, units[0]), (60, units[1])):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}{unit}"
    return f"{seconds:.0f}{units[2]}"
