"""What a small build leaves behind, made without running one: tables, stage results, and blobs with real videos."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from pvtt_data.backends import ChosenBackend
from pvtt_data.build import BuildOutcome
from pvtt_data.images import write_png
from pvtt_data.line import STAGES, Tables
from pvtt_data.media import encode_clip, encode_masks
from pvtt_data.recipe import Recipe
from pvtt_data.records import (
    Article,
    Assignment,
    Blob,
    Clip,
    Cut,
    MaskTrack,
    Measurement,
    Pair,
    Picture,
    Rectangle,
    RenderPlan,
    Shot,
    Source,
    Swap,
    Triple,
    content_id,
)
from pvtt_data.report import write_report
from pvtt_data.series import Series, to_parquet
from pvtt_data.shards import Publication
from pvtt_data.stage import StageResult, reject
from pvtt_data.workspace import Workspace

MACHINE = {"machine": "x86_64, 2 processors", "system": "Linux", "python": "3.11.9"}
RECIPE = Recipe.model_validate({"name": "little-shop", "mine": {"folder": "feed"}})
SPLITS = ("train", "train", "validation", "test", "train")
COLOURS = ((196, 68, 60), (58, 120, 186), (226, 176, 64), (76, 150, 96), (140, 92, 168))

Mark = Callable[[str], str]


def as_is(text: str) -> str:
    """The text that a well-behaved feed gives."""
    return text


def series_of_grey(frames: int, every: int = 8) -> Series:
    """What measuring keeps of a video whose picture is as bright as the number of the frame."""
    rows = np.arange(0, frames, every, dtype=np.int32)
    floats = np.zeros(frames, np.float32)
    return Series(
        width_px=1080, height_px=1920, fps=Fraction(30), end_s=frames / 30, decode_errors=0,
        frame=np.arange(frames, dtype=np.int32), time_s=np.arange(frames) / 30, content_score=np.zeros(frames),
        luma_mean=floats, luma_std=floats, sharpness=floats, flow_from=np.full(frames, -1, np.int32),
        pan_x_px_per_s=floats, pan_y_px_per_s=floats, motion_px_per_s=floats, residual_px_per_s=floats,
        bars_px=np.full((frames, 4), -1, np.int32), edges_px=np.full((frames, 4), -1, np.int32),
        thumbnail_row=rows, thumbnails=np.repeat(rows.astype(np.uint8), 64 * 64).reshape(-1, 64, 64),
    )  # fmt: skip


@dataclass
class FakeBuild:
    """The stages of a build of five products with two windows each, and one source that does not decode.

    Args:
        mark: applied to every text that comes from a feed or a tool's message.
        size: (width, height) of clips in pixels, even.
        frames: of each clip.
    """

    root: Path
    mark: Mark = as_is
    size: tuple[int, int] = (64, 96)
    frames: int = 9
    tables: Tables = field(default_factory=Tables)
    results: list[StageResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    publication: Publication | None = None

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.root / "work")
        self.sources = [self._source(index) for index in range(6)]
        self.shots = [self._shot(self.sources[number // 2], number) for number in range(10)]
        self.clips = [self._clip(shot, number) for number, shot in enumerate(self.shots[:7])]
        self.tracks = [self._track(clip, number) for number, clip in enumerate(self.clips[:5])]
        self.pictures = [self._picture(index) for index in range(5)]
        self.pairs = [self._pair(number) for number in range(8)]
        self.swaps = [self._swap(pair) for pair in self.pairs[:7]]
        self.triples = [self._triple(number) for number in range(6)]
        self._run_stages()
        self.notes.append(self.mark("segmentation by u2net: the recipe names it"))
        self.publication = Publication("published", 3, self.root / "shards" / "v3", "ab" * 32, None)

    def stopped_after(self, stage: str) -> FakeBuild:
        """The same build, told to stop: later stages did not run, and tables that were not booked are empty."""
        self.results = self.results[: STAGES.index(stage) + 1]
        self.tables = Tables(sources=self.tables.sources)
        self.publication = None
        return self

    def write(self, path: Path, seconds: float = 83.0) -> str:
        """Write the report and return its text."""
        outcome = BuildOutcome(
            tables=self.tables,
            results=self.results,
            publication=self.publication,
            run_folder=self.root / "work" / "runs" / "20260314-150926",
            report=None,
            seconds=seconds,
            backend=ChosenBackend("u2net", "1", {"u2net": "cd" * 32}, {"u2net": "/somewhere"}),
            notes=self.notes,
            weights={"u2net": "cd" * 32},
        )
        write_report(outcome, self.workspace, RECIPE, {key: self.mark(text) for key, text in MACHINE.items()}, path)
        return path.read_text(encoding="utf-8")

    def result(self, stage: str) -> StageResult:
        """The books of one stage."""
        return next(result for result in self.results if result.stage == stage)

    def blob_path(self, blob: Blob) -> Path:
        """Where a blob lies, to damage it."""
        return self.workspace.store.path(blob)

    def _videos(self, product: int) -> tuple[Blob, Blob]:
        video, mask = video_and_mask(product, self.size, self.frames)
        return self.workspace.store.put(video, "mp4"), self.workspace.store.put(mask, "mp4")

    def _source(self, index: int) -> Source:
        mark = self.mark
        return Source(
            source_id=content_id("source", index),
            sha256=hashlib.sha256(f"source {index}".encode()).hexdigest(),
            size_bytes=1000 + index,
            kind="video",
            declared_fps=None,
            feed="folder",
            path=mark(f"shop/{index}-video.mp4"),
            product_id=mark(f"P{index}"),
            title=mark(f"Product number {index}"),
            category=mark("mugs" if index % 2 else "boxes"),
            licence=mark("CC-BY-4.0"),
            url=mark(f"https://shop.example/{index}"),
            platform=mark("shopsite"),
            shop=mark("Corner shop"),
            images=(),
        )

    def _shot(self, source: Source, number: int) -> Shot:
        return Shot(
            shot_id=content_id("shot", number),
            source_id=source.source_id,
            media_sha256=source.sha256,
            source_width_px=1080,
            source_height_px=1920,
            first_frame=100 * (number % 2),
            last_frame=100 * (number % 2) + 98,
            start_s=4.0 * (number % 2),
            duration_s=3.1,
            shot_index=number % 2,
            letterbox=Rectangle(0, 0, 1080, 1920),
            numbers={"luma": 120.0},
        )

    def _clip(self, shot: Shot, number: int) -> Clip:
        video, _ = self._videos(number // 2)
        width, height = self.size
        cut = Cut(
            shot.first_frame, shot.last_frame, Rectangle(0, 0, 1080, 1920), Rectangle(0, 0, width, height),
            width, height, self.frames, 16.0,
        )  # fmt: skip
        return Clip(
            content_id("clip", number), shot.source_id, shot.media_sha256, None, 1080, 1920, shot.start_s, cut, video,
            {"luma": 120.0},
        )  # fmt: skip

    def _track(self, clip: Clip, number: int) -> MaskTrack:
        _, mask = self._videos(number // 2)
        flagged = number == 3
        return MaskTrack(
            track_id=content_id("track", number),
            clip_id=clip.clip_id,
            backend="u2net u2net@cdcdcdcdcdcd",
            weights={"u2net": "cd" * 32},
            mask=mask,
            verdict="flag" if flagged else "accept",
            reasons=("boundary-flickers",) if flagged else (),
            numbers={
                "warped_iou_median": 0.97,
                "warped_iou_p05": 0.91,
                "boundary_flicker": 0.011,
                "components_max": 1.0,
            },
        )

    def _picture(self, product: int) -> Picture:
        frame, mask = picture_of(product, 0.0, self.size)
        cutout = np.dstack([frame, mask.astype(np.uint8) * 255])
        return Picture(
            picture_id=content_id("picture", product),
            product_id=self.sources[product].product_id,
            origin="listing",
            image_sha256="ef" * 32,
            source_id="",
            time_s=-1.0,
            cutout=self.workspace.store.put(write_png(cutout), "png"),
            backend="u2net",
            numbers={"area_share": 0.1},
        )

    def _pair(self, number: int) -> Pair:
        track = self.tracks[number // 2]
        product_b = number // 4
        product_a = (product_b + 1 + number % 3) % 5
        return Pair(
            pair_id=content_id("pair", number),
            engine="composite",
            kind="swap",
            split=SPLITS[product_b],  # type: ignore[arg-type]
            difficulty="easy" if number % 2 else "hard",
            product_a=self.sources[product_a].product_id,
            product_b=self.sources[product_b].product_id,
            clip_id=track.clip_id,
            track_id=track.track_id,
            cutout_id=self.pictures[product_a].picture_id,
            reference_ids=(self.pictures[product_b].picture_id,),
            heldout_ids=(),
            seed=number,
        )

    def _swap(self, pair: Pair) -> Swap:
        product_a = next(i for i, source in enumerate(self.sources) if source.product_id == pair.product_a)
        video, mask = self._videos(product_a)
        return Swap(pair.pair_id, video, mask, mask, (), {"extent_ratio": 1.1})

    def _triple(self, number: int) -> Triple:
        pair, swap = self.pairs[number], self.swaps[number]
        clip = next(clip for clip in self.clips if clip.clip_id == pair.clip_id)
        track = next(track for track in self.tracks if track.track_id == pair.track_id)
        flagged = number in (2, 5)
        width, height = self.size
        return Triple(
            triple_id=content_id("triple", number),
            engine=pair.engine,
            kind=pair.kind,
            split=pair.split,
            difficulty=pair.difficulty,
            product_a=pair.product_a,
            product_b=pair.product_b,
            source_id=clip.source_id,
            clip_id=clip.clip_id,
            track_id=track.track_id,
            source=swap.source,
            source_mask=swap.source_mask,
            target=clip.video,
            target_mask=track.mask,
            effect_mask=swap.effect_mask,
            references=tuple(p.cutout for p in self.pictures if p.picture_id in pair.reference_ids),
            reference_source=("listing",),
            heldout=(),
            prompt=self.mark("A product video of a mug."),
            source_prompt=self.mark("A product video of a box."),
            captioner=self.mark("template"),
            judge="",
            frames=self.frames,
            fps=16.0,
            width_px=width,
            height_px=height,
            segmenter=track.backend,
            models=(),
            verdict="flag" if flagged else "accept",
            reasons=("too-alike",) if flagged else (),
            numbers={"background_psnr_db": 43.21, "residue": 0.12, "centroid_agreement": 0.99, "extent_ratio": 1.1},
        )

    def _render_plan(self) -> RenderPlan:
        mark = self.mark
        a, b = (
            Article(
                mark(name), mark("rings"), "jewellery", "loop", "", 0, 0, 0, "ab" * 32, "cd" * 32, mark(title), "CC0"
            )
            for name, title in (("ring-1", "A gold ring"), ("P1", "as its source says"))
        )
        return RenderPlan(content_id("render", 1), 1, a, b, "train", "hard", "finish", *self.size)

    def _run_stages(self) -> None:
        """Book what every stage took, made and dropped."""
        mark, book = self.mark, self._book
        tracks, shots, clips, pairs = self.tracks, self.shots, self.clips, self.pairs
        series = self.workspace.store.put(to_parquet(series_of_grey(240)), "parquet")
        measurements = [
            Measurement(source.sha256, 1080, 1920, 240, 29.97, 8.008, "h264", 0, series) for source in self.sources[:5]
        ]
        book(
            "mine", 7, self.sources, [("source", "", "broken.mov", "not-media", "the file is no video", "")], table=True
        )
        bad = self.sources[5]
        book("measure", 6, measurements, [("source", bad.sha256, bad.path, "decode-error", "damaged", "")], cached=4)
        book("transitions", 5, [], [])
        book("split", 5, shots, [])
        book(
            "filter", 10, shots[:8],
            [
                ("shot", shots[8].shot_id, "", "too-dark", "luma 12 is below 28", ""),
                ("shot", shots[9].shot_id, "", "blurred", "sharpness 3 is below 12", ""),
            ],
            table=True,
        )  # fmt: skip
        book("fingerprint", 5, [], [])
        book("compare", 3, [], [])
        book(
            "dedup", 8, shots[:7],
            [("shot", shots[7].shot_id, "", "near-duplicate", "the same footage as one that stays", shots[0].shot_id)],
            table=True,
        )  # fmt: skip
        book("normalise", 7, clips, [])
        book("clip_review", 7, clips, [], table=True)
        book("segment", 7, tracks, [("clip", clips[5].clip_id, "", "track-lost", "the product goes missing", "")])
        self.result("segment").faults.append((mark("clip six"), mark("Traceback\nRuntimeError: the model is broken")))
        book("mask_numbers", 5, [], [])
        book("text_overlay", 5, [], [])
        book("listing_pictures", 5, self.pictures, [])
        book("listing_likeness", 5, [], [])
        book(
            "mask_qc", 5, tracks[:4],
            [("track", tracks[4].track_id, "", "mask-unsteady", "iou 0.7 is below 0.85", clips[4].clip_id)],
            table=True,
        )  # fmt: skip
        book("clip_pictures", 4, [], [])
        assignments = [
            Assignment(source.source_id, source.product_id, content_id("component", index), split)  # type: ignore[arg-type]
            for index, (source, split) in enumerate(zip(self.sources, SPLITS, strict=False))
        ]
        book("assign_split", 6, assignments, [], table=True)
        book("picture_looks", 5, [], [])
        book("track_looks", 4, [], [])
        book("photo_text", 4, [], [])
        book("pair", 4, pairs, [], table=True)
        book(
            "synthesise",
            8,
            self.swaps,
            [("pair", pairs[7].pair_id, "", "lost-track", "the plane cannot be followed", "")],
        )
        book("crosspair", 0, [], [])
        book("panzoom", 0, [], [])
        plan = self._render_plan()
        book("render_plan", 1, [plan], [], table=True)
        book("render", 1, [], [("render", plan.sample_id, "", "no-near-identity", "shows no difference", "")])
        book("triple_numbers", 7, [], [])
        book(
            "triple_qc", 7, self.triples,
            [("pair", pairs[6].pair_id, "", "residue", "residue 0.6 is above 0.35", pairs[6].clip_id)],
            table=True,
        )  # fmt: skip
        book("judge", 6, self.triples, [], table=True)
        self.tables = Tables(
            sources=self.sources, measurements=measurements, shots=shots[:7], clips=clips, tracks=tracks[:4],
            pictures=self.pictures, assignments=assignments, pairs=pairs, swaps=self.swaps, triples=self.triples,
            rejections=[rejection for result in self.results for rejection in result.rejections],
        )  # fmt: skip

    def _book(
        self,
        stage: str,
        items: int,
        rows: Sequence[object],
        dropped: Sequence[tuple[str, str, str, str, str, str]],
        cached: int = 0,
        table: bool = False,
    ) -> None:
        rejections = [
            dataclasses.replace(
                reject(stage, kind, subject_id, subject, reason, message, {"value": 0.5}, linked_to),
                message=self.mark(message),
            )
            for kind, subject_id, subject, reason, message, linked_to in dropped
        ]
        seconds = 0.0 if table else 1.5 + len(self.results)
        self.results.append(StageResult(stage, list(rows), rejections, [], items, cached, seconds, table))


def picture_of(product: int, time: float, size: tuple[int, int]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """A frame with a product that drifts over a soft backdrop as ``time`` goes from 0 to 1, and its mask."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    backdrop = np.dstack([216 - 70 * y / height, 206 - 60 * y / height, 190 - 40 * x / width])
    mask = np.zeros((height, width), np.uint8)
    centre_x, centre_y = round(width * (0.4 + 0.2 * time)), round(height * (0.55 - 0.05 * time))
    if product % 2:
        axes = (round(width * (0.16 + 0.02 * product)), round(height * 0.2))
        cv2.ellipse(mask, (centre_x, centre_y), axes, 20 * time, 0, 360, 1, -1)
    else:
        half_x, half_y = round(width * 0.16), round(height * (0.14 + 0.02 * product))
        mask[centre_y - half_y : centre_y + half_y, centre_x - half_x : centre_x + half_x] = 1
    shade = (0.75 + 0.5 * x / width)[..., None]
    frame = np.where(mask[..., None] > 0, np.array(COLOURS[product], np.float32) * shade, backdrop)
    return np.clip(frame, 0, 255).astype(np.uint8), mask > 0


@cache
def video_and_mask(product: int, size: tuple[int, int], frames: int) -> tuple[bytes, bytes]:
    """A clip of a product and its mask track, as MP4 files; made once, because most tests want the same ones."""
    made = [picture_of(product, time, size) for time in np.linspace(0, 1, frames)]
    with tempfile.TemporaryDirectory() as folder:
        video, mask = Path(folder) / "video.mp4", Path(folder) / "mask.mp4"
        encode_clip([frame for frame, _ in made], 16, video)
        encode_masks(np.stack([mask for _, mask in made]), 16, mask)
        return video.read_bytes(), mask.read_bytes()
