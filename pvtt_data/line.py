"""The line: from mined files to triples, one stage after the other. Read it top to bottom to see how data flows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pvtt_data.backends import ChosenBackend
from pvtt_data.captions.captioner import TASK as CAPTION_TASK
from pvtt_data.captions.counts import count_prompts
from pvtt_data.captions.scene import SceneFacts, render_facts
from pvtt_data.captions.writer import Captioner, Captions
from pvtt_data.embedders.choose import ChosenEmbedder
from pvtt_data.engines import crosspair, panzoom
from pvtt_data.engines.mix import MinedEngine, MixLine, mix_lines
from pvtt_data.footage import sketch_from_parquet
from pvtt_data.items import crosspair_item, listing_items, named_targets, segment_item, swap_item
from pvtt_data.judge.config import JudgeConfig
from pvtt_data.judge.show import TASK as JUDGE_TASK
from pvtt_data.judge.show import product_names
from pvtt_data.recipe import Recipe
from pvtt_data.records import (
    Assignment,
    Blob,
    Clip,
    Fingerprint,
    Link,
    Look,
    MaskTrack,
    Measurement,
    Pair,
    Picture,
    Quality,
    Rejection,
    Shot,
    Source,
    Split,
    Swap,
    TransitionTrack,
    Triple,
    content_id,
    sort_records,
)
from pvtt_data.render.variant import ChosenVariant
from pvtt_data.reviews.applied import AgreementRow, AppliedVerdict
from pvtt_data.reviews.book import ReviewBook
from pvtt_data.reviews.relabel import relabelled
from pvtt_data.reviews.resegment import Resegmentation
from pvtt_data.runner import Runner, StopBuildError
from pvtt_data.stage import Named, NoConfig, library_version
from pvtt_data.stages.assign_split import assign_split, changed_splits, notes_on_families
from pvtt_data.stages.clip_review import clip_review
from pvtt_data.stages.compare import CompareFootage, CompareItem
from pvtt_data.stages.crosspair import Crosspair
from pvtt_data.stages.dedup import dedup
from pvtt_data.stages.filter_shots import filter_shots
from pvtt_data.stages.fingerprint import FingerprintItem, TakeFingerprints
from pvtt_data.stages.judge import NO_ANSWER, NOT_JUDGED, judge_triples
from pvtt_data.stages.listing_likeness import LikenessItem, MeasureListingLikeness
from pvtt_data.stages.looks import MeasurePictureLooks, MeasureTrackLooks, PictureLookItem, TrackLookItem
from pvtt_data.stages.mask_qc import MaskItem, MeasureMasks, mask_qc
from pvtt_data.stages.measure import Measure, MediaItem
from pvtt_data.stages.mine import MineConfig, mine
from pvtt_data.stages.nominate import nominate
from pvtt_data.stages.normalise import Normalise, NormaliseItem
from pvtt_data.stages.pair import PairingTables, notes_on_moving, pair
from pvtt_data.stages.panzoom import Panzoom, panzoom_item, photo_rows
from pvtt_data.stages.pictures import (
    ClipPictureItem,
    ClipPictures,
    ListingPictures,
)
from pvtt_data.stages.render import (
    Render,
    RenderConfig,
    collect_articles,
    collect_hdris,
    plan_renders,
    render_item,
    rows_of,
)
from pvtt_data.stages.segment import Segment
from pvtt_data.stages.split_shots import SplitItem, SplitShots
from pvtt_data.stages.synthesise import Synthesise, draw_distractors
from pvtt_data.stages.text_overlay import MeasurePhotoText, MeasureTextOverlay, PhotoTextItem, TextOverlayItem
from pvtt_data.stages.transitions import DetectTransitions
from pvtt_data.stages.triple_qc import MeasureTriples, MovingTripleItem, Shelf, TripleItem, triple_qc
from pvtt_data.vlm.answerer import describe_model
from pvtt_data.vlm.answers import AnswerBook
from pvtt_data.vocabulary import RULES, NamedTarget, load_vocabulary

STAGES = (
    "mine", "measure", "transitions", "split", "filter", "fingerprint", "compare", "dedup", "normalise", "clip_review",
    "segment", "mask_numbers", "text_overlay", "listing_pictures", "listing_likeness", "mask_qc", "clip_pictures",
    "assign_split", "picture_looks", "track_looks", "photo_text", "pair", "synthesise", "crosspair", "panzoom",
    "render_plan", "render", "triple_numbers", "triple_qc", "judge",
)  # fmt: skip
"""Names of the stages, in the order in which they run; a recipe may leave some out: see `left_out`."""
_STAGE_OF_ENGINE: Mapping[MinedEngine, str] = {
    "composite": "synthesise",
    "crosspair": "crosspair",
    "panzoom": "panzoom",
}
_MOVES_NAMED = 20
_PROMPTS_SHOWN = 5


@dataclass
class Tables:
    """The rows of a build; a table that was not reached is empty."""

    sources: list[Source] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    tracks: list[MaskTrack] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    swaps: list[Swap] = field(default_factory=list)
    triples: list[Triple] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    verdicts: list[AppliedVerdict] = field(default_factory=list)
    agreement: list[AgreementRow] = field(default_factory=list)


TABLE_RECORDS: Mapping[str, type] = {
    "sources": Source,
    "measurements": Measurement,
    "shots": Shot,
    "links": Link,
    "clips": Clip,
    "tracks": MaskTrack,
    "pictures": Picture,
    "assignments": Assignment,
    "pairs": Pair,
    "swaps": Swap,
    "triples": Triple,
    "rejections": Rejection,
    "verdicts": AppliedVerdict,
    "agreement": AgreementRow,
}


def left_out(recipe: Recipe) -> dict[str, str]:
    """Stages that the recipe does not ask for → the setting that would ask for it."""
    settings = {}
    if recipe.split.transitions == "none":
        settings["transitions"] = "split.transitions=transnetv2"
    if recipe.mask_qc.max_text_overlay_share is None:
        settings |= dict.fromkeys(("text_overlay", "photo_text"), "mask_qc.max_text_overlay_share=0.01")
    for engine, stage in _STAGE_OF_ENGINE.items():
        if not recipe.engines.weights()[engine]:
            settings[stage] = f"engines.{engine}=10"
    if not recipe.engines.weights()["panzoom"]:
        settings.setdefault("photo_text", "engines.panzoom=10")
    if recipe.render is None:
        settings |= dict.fromkeys(("render_plan", "render"), "render.count=100")
    if recipe.judge is None:
        settings["judge"] = "judge.local.folder=FOLDER"
    if recipe.mine is None:
        made_without = ("render_plan", "render", "triple_numbers", "triple_qc", "judge")
        settings |= {name: "mine.folder=FOLDER" for name in STAGES if name not in made_without}
    return settings


def engine_mix(recipe: Recipe, pairs: Iterable[Pair], triples: Iterable[Triple]) -> list[MixLine]:
    """Wanted and found shares of the engines."""
    return mix_lines(
        recipe.engines if recipe.mine is not None else None,
        recipe.render.share if recipe.render is not None else None,
        [row.engine for row in pairs],
        [row.engine for row in triples],
    )


def declared_numbers(recipe: Recipe) -> list[str]:
    """Numbers that the engines with smaller shares state, whether or not any of their triples is there."""
    if recipe.mine is None:
        return []
    weights = recipe.engines.weights()
    stated: dict[MinedEngine, tuple[str, ...]] = {"crosspair": crosspair.NUMBERS, "panzoom": panzoom.NUMBERS}
    return sorted({name for engine, names in stated.items() if weights[engine] for name in names})


class Line:
    """One pass of a recipe through all stages.

    Args:
        recipe: the settings.
        run: takes each stage through the build.
        backend: the segmentation backend in use; None where nothing is mined.
        earlier_splits: source id → split of an earlier version.
        limit: keep only so many sources.
        text_detector: the text detector, where the recipe asks for overlay text.
        renderer: the variant that renders, where the recipe asks for renders and they can be made.
        reviews: what people say of the rows.
    """

    def __init__(
        self,
        recipe: Recipe,
        run: Runner,
        backend: ChosenBackend | None,
        earlier_splits: Mapping[str, Split] | None = None,
        limit: int | None = None,
        text_detector: ChosenBackend | None = None,
        renderer: ChosenVariant | None = None,
        reviews: ReviewBook | None = None,
    ) -> None:
        self.recipe = recipe
        self.run = run
        self.backend = backend
        self.earlier_splits = earlier_splits or {}
        self.limit = limit
        self.text_detector = text_detector
        self.renderer = renderer
        self.reviews = reviews or ReviewBook()
        self.tables = Tables()
        self._rendered_scenes: dict[str, SceneFacts] = {}
        self._reviewed_clips: dict[str, str] = {}

    def through(self) -> Tables:
        """Run everything; `tables` holds what was reached even when the build stops early.

        Raises:
            BuildError: a stage failed too often.
            StopBuildError: the runner was told to stop after a stage that is not the last.
        """
        try:
            if self.recipe.mine is not None and self.backend is not None:
                self._clips(self.recipe.mine)
                self._masks(self.backend)
                self._pairs()
                self._swaps(self.backend)
            if self.recipe.render is not None and self.renderer is not None:
                self._renders(self.recipe.render, self.renderer)
            self._triples()
        except StopBuildError:
            self._note_reviews(complete=False)
            raise
        finally:
            self._name_rejections()
        self._note_reviews(complete=self.limit is None and not any(m.items for m in self.run.missing.values()))
        return self.tables

    def _note_reviews(self, complete: bool) -> None:
        for text in self.reviews.notes(complete):
            self.run.note(text)

    def _clips(self, config: MineConfig) -> None:
        recipe, run, tables = self.recipe, self.run, self.tables
        mined, notes = mine(config, run.workspace.store, self.limit)
        for text in notes:
            run.note(text)
        mined.rows, relabelling = relabelled(mined.rows, self.reviews)
        for text in relabelling:
            run.note(text)
        tables.sources = mined.rows
        run.table(mined)

        media = {s.sha256: Named(MediaItem(s.sha256, s.declared_fps), s.sha256, s.path) for s in tables.sources}
        tables.measurements = run.map(Measure(recipe.measure), list(media.values()))

        measured = {m.sha256: m for m in tables.measurements}
        transitions: dict[str, TransitionTrack] = {}
        if recipe.split.transitions != "none":
            seen = [media[sha256] for sha256 in measured]
            transitions = {t.sha256: t for t in run.map(DetectTransitions(recipe.measure), seen)}
        splittable = [
            Named(SplitItem(s.source_id, measured[s.sha256], transitions.get(s.sha256)), s.source_id, s.path)
            for s in tables.sources
            if s.sha256 in measured and (s.sha256 in transitions or recipe.split.transitions == "none")
        ]
        shots = run.map(SplitShots(recipe.split, recipe.normalise.duration_s), splittable)

        tables.shots = run.table(filter_shots(shots, recipe.filter))
        fingerprints = self._fingerprints({shot.media_sha256 for shot in tables.shots}, measured)
        footage = {sha256: fingerprints[sha256].footage for sha256 in fingerprints}
        comparisons = run.map(CompareFootage(), self._comparable(footage))
        footage_of = {sha256: blob.sha256 for sha256, blob in footage.items()}
        deduplicated, tables.links = dedup(tables.shots, footage_of, comparisons, recipe.dedup)
        tables.shots = run.table(deduplicated)

        source_of = {s.source_id: s for s in tables.sources}
        windows = [
            Named(
                NormaliseItem(shot, source_of[shot.source_id].declared_fps),
                shot.shot_id,
                _window(source_of[shot.source_id], shot.first_frame, shot.last_frame),
            )
            for shot in tables.shots
        ]
        tables.clips = run.map(Normalise(recipe.normalise), windows)
        cut = {clip.clip_id: clip.source_id for clip in tables.clips}
        tables.clips = run.table(clip_review(tables.clips, self.reviews, self._clip_names()))
        self._reviewed_clips = {name: cut[name] for name in cut if name in self.reviews.taken}

    def _fingerprints(self, media: set[str], measured: Mapping[str, Measurement]) -> dict[str, Fingerprint]:
        """Medium → its fingerprint."""
        paths = {source.sha256: source.path for source in reversed(self.tables.sources)}
        items = [
            Named(FingerprintItem(sha256, measured[sha256].series), sha256, paths[sha256]) for sha256 in sorted(media)
        ]
        return {row.sha256: row for row in self.run.map(TakeFingerprints(), items)}

    def _comparable(self, footage: Mapping[str, Blob]) -> list[Named[CompareItem]]:
        """Pairs of footage that may have something in common, and each footage with more windows than one."""
        store = self.run.workspace.store
        blobs = {blob.sha256: blob for blob in footage.values()}
        pairs = nominate({name: sketch_from_parquet(store.read(blob)) for name, blob in blobs.items()})
        windows = Counter(footage[s.media_sha256].sha256 for s in self.tables.shots if s.media_sha256 in footage)
        pairs += [(name, name) for name, count in windows.items() if count > 1]
        path_of = {source.sha256: source.path for source in reversed(self.tables.sources)}
        paths = {blob.sha256: path_of[sha256] for sha256, blob in footage.items()}
        return [
            Named(CompareItem(blobs[one], blobs[other]), f"{one}-{other}", f"{paths[one]} and {paths[other]}")
            for one, other in sorted(pairs)
        ]

    def _masks(self, backend: ChosenBackend) -> None:
        recipe, run, tables = self.recipe, self.run, self.tables
        names = self._clip_names()
        targets = self._targets(backend)
        told = self._told_again(backend, targets)
        unsegmented = [
            Named(segment_item(c, targets.get(c.source_id), told.get(c.clip_id)), c.clip_id, names[c.clip_id])
            for c in tables.clips
        ]
        source_of_clip = {c.clip_id: c.source_id for c in tables.clips}
        tracks: list[MaskTrack] = [
            _stated(track, backend, targets.get(source_of_clip[track.clip_id]), told.get(track.clip_id))
            for track in run.map(Segment(backend, recipe.segment.smoothing_px), unsegmented)
        ]

        clip_of = {c.clip_id: c for c in tables.clips}
        measurable = [
            Named(MaskItem(t.track_id, clip_of[t.clip_id].video, t.mask), t.track_id, names[t.clip_id]) for t in tracks
        ]
        qualities: list[Quality] = run.map(MeasureMasks(NoConfig()), measurable)
        overlays: list[Quality] | None = None
        if self.text_detector is not None:
            readable = [
                Named(
                    TextOverlayItem(t.track_id, clip_of[t.clip_id].video, t.mask, clip_of[t.clip_id].cut.fps),
                    t.track_id,
                    names[t.clip_id],
                )
                for t in tracks
            ]
            overlays = run.map(MeasureTextOverlay(self.text_detector), readable)

        listed = listing_items(tables.sources, targets)
        listing = run.map(ListingPictures(recipe.pictures, backend), list(listed.values()))

        likenesses: list[Quality] = run.map(MeasureListingLikeness(NoConfig()), self._comparable_masks(tracks, listing))
        tables.tracks = run.table(
            mask_qc(tracks, qualities, recipe.mask_qc, overlays, likenesses, clip_of, self.reviews)
        )

        source_of = {s.source_id: s for s in tables.sources}
        framed = []
        for track in tables.tracks:
            clip = clip_of[track.clip_id]
            item = ClipPictureItem.of(clip, track, source_of[clip.source_id].product_id)
            framed.append(Named(item, track.track_id, names[clip.clip_id]))
        tables.pictures = sort_records([*listing, *run.map(ClipPictures(recipe.pictures), framed)])

    def _targets(self, backend: ChosenBackend) -> dict[str, NamedTarget]:
        """Source → what to look for in its clips and pictures; nothing for a backend that cannot be told."""
        targets = named_targets(self.tables.sources, backend, self.recipe.segment)
        counts = Counter(target.rule for target in targets.values())
        for rule, words in RULES.items():
            if counts[rule]:
                prompts = sorted({target.prompt for target in targets.values() if target.rule == rule})
                shown = ", ".join(prompts[:_PROMPTS_SHOWN]) + (", …" if len(prompts) > _PROMPTS_SHOWN else "")
                self.run.note(f"what to look for in {counts[rule]} sources: {words} ({shown})")
        return targets

    def _told_again(self, backend: ChosenBackend, targets: Mapping[str, NamedTarget]) -> dict[str, Resegmentation]:
        """Clip → what people say of its product, where they want another mask."""
        told = {}
        for clip in self.tables.clips:
            standing = self.reviews.of_clip(clip)
            if standing is None or standing.resegment is None:
                continue
            again = Resegmentation.of_review(standing.resegment)
            told[clip.clip_id] = again
            # What the backend cannot be told is rejected by the stage: the mask that was found wrong must not stay.
            can = again.is_understood(backend, targets.get(clip.source_id))
            self.reviews.note(standing, clip.clip_id, "resegmented" if can else "dropped")
        return told

    def _comparable_masks(self, tracks: Sequence[MaskTrack], listing: Sequence[Picture]) -> list[Named[LikenessItem]]:
        """Tracks of products that have listing pictures."""
        cutouts: dict[str, set[Blob]] = {}
        for picture in listing:
            cutouts.setdefault(picture.product_id, set()).add(picture.cutout)
        names = self._clip_names()
        clip_of = {c.clip_id: c for c in self.tables.clips}
        product_of = {s.source_id: s.product_id for s in self.tables.sources}
        items = []
        for track in tracks:
            clip = clip_of[track.clip_id]
            shown = sorted(cutouts.get(product_of[clip.source_id], ()), key=lambda blob: blob.sha256)
            if shown:
                item = LikenessItem(track.track_id, clip.video, track.mask, tuple(shown))
                items.append(Named(item, track.track_id, names[track.clip_id]))
        return items

    def _pairs(self) -> None:
        recipe, run, tables = self.recipe, self.run, self.tables
        tables.assignments = run.table(
            assign_split(
                tables.sources,
                [(link.one, link.other) for link in tables.links],
                recipe.assign_split,
                self.earlier_splits,
            )
        )
        for text in notes_on_families(tables.sources, tables.assignments):
            run.note(text)
        moved = changed_splits(tables.assignments, self.earlier_splits)
        for product, before, now, sources in moved[:_MOVES_NAMED]:
            run.note(f"{product} moved from {before} to {now} ({sources} sources): new data joins it to {now}")
        if len(moved) > _MOVES_NAMED:
            run.note(f"and {len(moved) - _MOVES_NAMED} more products changed split; pvtt-data diff lists them")
        embedder, alike, why = recipe.looks_embedder()
        run.note(why)
        looks = self._looks(embedder)
        photo_text = self._photo_text(looks)
        pairable = PairingTables(
            tables.tracks,
            tables.clips,
            tables.sources,
            tables.assignments,
            tables.pictures,
            looks,
            alike,
            load_vocabulary(recipe.segment.vocabulary),
            recipe.synthesise.composite.free_share,
            photo_text,
            1.0 if recipe.mask_qc.max_text_overlay_share is None else recipe.mask_qc.max_text_overlay_share,
            self._reviewed_clips,
        )
        tables.pairs = run.table(pair(pairable, recipe.pair, recipe.engines))
        for text in notes_on_moving(pairable, tables.pairs, recipe.pair):
            run.note(text)

    def _photo_text(self, looks: Sequence[Look]) -> dict[str, float] | None:
        """Listing picture that may be filmed → the share of it that text covers; None where the recipe does not ask."""
        if self.text_detector is None or not self.recipe.engines.weights()["panzoom"]:
            return None
        whole = {look.subject_id for look in looks if not any(view.cut_sides for view in look.views)}
        names = self._picture_names()
        items = [
            Named(PhotoTextItem.of(picture), picture.picture_id, names[picture.picture_id])
            for picture in self.tables.pictures
            if picture.origin == "listing" and picture.picture_id in whole
        ]
        measured: list[Quality] = self.run.map(MeasurePhotoText(self.text_detector), items)
        return {quality.subject_id: quality.numbers["text_overlay_share"] for quality in measured}

    def _looks(self, embedder: ChosenEmbedder) -> list[Look]:
        """What products look like, in pictures and in clips."""
        tables, names = self.tables, self._clip_names()
        clip_of = {c.clip_id: c for c in tables.clips}
        picture_names = self._picture_names()
        pictures = [
            Named(PictureLookItem(p.picture_id, p.cutout), p.picture_id, picture_names[p.picture_id])
            for p in tables.pictures
        ]
        tracks = [
            Named(TrackLookItem(t.track_id, clip_of[t.clip_id].video, t.mask), t.track_id, names[t.clip_id])
            for t in tables.tracks
        ]
        of_pictures: list[Look] = self.run.map(MeasurePictureLooks(embedder), pictures)
        of_tracks: list[Look] = self.run.map(MeasureTrackLooks(embedder), tracks)
        return [*of_pictures, *of_tracks]

    def _swaps(self, backend: ChosenBackend) -> None:
        """Each engine makes its pairs."""
        recipe, run, tables = self.recipe, self.run, self.tables
        names = self._pair_names()
        shelf = Shelf.of(tables.sources, tables.clips, tables.tracks, tables.pictures, tables.pairs)
        weights = recipe.engines.weights()
        composites = [row for row in tables.pairs if row.engine == "composite"]
        distractors = draw_distractors(
            composites, tables.pictures, tables.assignments, recipe.synthesise.composite.distractor_share
        )
        swappable, rebuildable = [], []
        for row in tables.pairs:
            if row.engine == "composite" and row.kind != "reconstruct":
                composite = swap_item(row, shelf, distractors.get(row.pair_id))
                swappable.append(Named(composite, row.pair_id, names[row.pair_id]))
            elif row.engine == "crosspair":
                rebuildable.append(Named(crosspair_item(row, shelf), row.pair_id, names[row.pair_id]))
        if weights["composite"]:
            tables.swaps = run.map(Synthesise(recipe.synthesise, recipe.normalise.crf), swappable)
        if weights["crosspair"]:
            embedder, _, _ = recipe.looks_embedder()
            rebuilt: list[Swap] = run.map(Crosspair(recipe.synthesise.crosspair, embedder), rebuildable)
            tables.swaps = sort_records([*tables.swaps, *rebuilt])
        if weights["panzoom"]:
            self._panzooms(shelf, names, backend)

    def _panzooms(self, shelf: Shelf, names: Mapping[str, str], backend: ChosenBackend) -> None:
        """Pairs from photos, and what comes out as rows of the tables that all engines share."""
        recipe, run, tables = self.recipe, self.run, self.tables
        items = {
            row.pair_id: panzoom_item(row, shelf.pictures, recipe.normalise)
            for row in tables.pairs
            if row.engine == "panzoom"
        }
        named = [Named(item, pair_id, names[pair_id]) for pair_id, item in items.items()]
        swaps: list[Swap] = run.map(Panzoom(recipe.synthesise.panzoom, recipe.normalise.crf), named)
        rows = photo_rows(
            swaps,
            shelf.pairs,
            shelf.pictures,
            items,
            tables.sources,
            tables.assignments,
            backend.weights,
            backend.choice,
        )
        for table in dataclasses.fields(rows):
            setattr(tables, table.name, sort_records([*getattr(tables, table.name), *getattr(rows, table.name)]))
        tables.swaps = sort_records([*tables.swaps, *swaps])

    def _renders(self, config: RenderConfig, variant: ChosenVariant) -> None:
        """Cast, render, and put what comes out into the tables that all engines share."""
        recipe, run, tables = self.recipe, self.run, self.tables
        store = run.workspace.store
        articles, result = collect_articles(config, store)
        hdris = collect_hdris(config, store)
        wanted = config.wanted(len(tables.pairs))
        plans = run.table(plan_renders(articles, result, wanted, config, recipe.normalise, recipe.assign_split))
        items = [render_item(plan, hdris, recipe.normalise, recipe.pair) for plan in plans]
        renders = run.map(Render(config, recipe.normalise.crf, variant), items)
        denoiser = {"open-image-denoise": content_id("open-image-denoise", library_version("pyoidn"))}
        rows = rows_of(
            renders, {plan.sample_id: plan for plan in plans}, recipe.normalise.frames, recipe.normalise.fps, denoiser
        )
        clip_of_sample = {pair.pair_id: pair.clip_id for pair in rows.pairs}
        self._rendered_scenes = {clip_of_sample[render.sample_id]: render_facts(render) for render in renders}
        for table in dataclasses.fields(rows):
            together = [*getattr(tables, table.name), *getattr(rows, table.name)]
            setattr(tables, table.name, sort_records(together))

    def _triples(self) -> None:
        recipe, run, tables = self.recipe, self.run, self.tables
        names = self._pair_names()
        shelf = Shelf.of(tables.sources, tables.clips, tables.tracks, tables.pictures, tables.pairs)
        judgeable = []
        for swap in tables.swaps:
            row = shelf.pairs[swap.pair_id]
            kind_of_item = MovingTripleItem if row.track_id_a else TripleItem
            triple_item = kind_of_item(
                pair_id=swap.pair_id,
                source=swap.source,
                source_mask=swap.source_mask,
                effect_mask=swap.effect_mask,
                target=swap.target or shelf.clips[row.clip_id].video,
                target_mask=shelf.tracks[row.track_id].mask,
                references=tuple(shelf.pictures[name].cutout for name in row.reference_ids),
            )
            judgeable.append(Named(triple_item, swap.pair_id, names[swap.pair_id]))
        embedder, why = recipe.triple_qc.chosen_embedder()
        run.note(why)
        measured: list[Quality] = run.map(MeasureTriples(embedder), judgeable)
        captions = self._captions()
        judged = triple_qc(
            tables.swaps, measured, shelf, captions, recipe.triple_qc, embedder, tables.assignments, self.reviews
        )
        tables.triples = run.table(judged)
        if captions.uncaptioned:
            run.note(
                f"{captions.uncaptioned} triples have prompts from templates, because the captioner was not asked or "
                "said nothing that can be used: pvtt-data caption asks it"
            )
        warning = count_prompts(triple.prompt for triple in tables.triples).warning(recipe.captions.max_repeat_share)
        if warning:
            run.note(warning)
        if recipe.judge is not None:
            self._judge(recipe.judge, shelf)
        if run.executor is not None:
            run.note("engines: " + "; ".join(line.text() for line in engine_mix(recipe, tables.pairs, tables.triples)))

    def _captions(self) -> Captions:
        """What writes prompts, with what the recipe's captioner has said so far."""
        config = self.recipe.captions
        if config.captioner is None:
            return Captions(config, self._rendered_scenes)
        model = describe_model(config.captioner)
        if model.weights:
            self.run.weights["captioner"] = model.weights
        answers = AnswerBook(self.run.workspace.root, CAPTION_TASK).read()
        captioner = Captioner(model.name, answers, model.weights, model.continues)
        return Captions(config, self._rendered_scenes, captioner)

    def _judge(self, config: JudgeConfig, shelf: Shelf) -> None:
        run, tables = self.run, self.tables
        model = describe_model(config)
        if model.weights:
            run.weights["judge"] = model.weights
        answers = AnswerBook(run.workspace.root, JUDGE_TASK).read()
        names = product_names(shelf.sources)
        judged = judge_triples(tables.triples, names, answers, config, model.name, model.weights, self.reviews)
        tables.triples = run.table(judged)
        unasked = sum(NOT_JUDGED in triple.reasons for triple in tables.triples)
        garbled = sum(NO_ANSWER in triple.reasons for triple in tables.triples)
        if unasked:
            run.note(f"{unasked} triples were not shown to the judge ({model.name}) yet: pvtt-data judge asks it")
        if garbled:
            run.note(f"answers of the judge ({model.name}) that have not the form asked for: {garbled}")

    def _clip_names(self) -> dict[str, str]:
        source_of = {s.source_id: s for s in self.tables.sources}
        return {
            c.clip_id: _window(source_of[c.source_id], c.cut.first_frame, c.cut.last_frame) for c in self.tables.clips
        }

    def _picture_names(self) -> dict[str, str]:
        """Picture → the path of its listing image, or its source and the time of its frame."""
        paths = {(s.product_id, image.sha256): image.path for s in self.tables.sources for image in reversed(s.images)}
        source_of = {s.source_id: s for s in self.tables.sources}
        return {
            p.picture_id: f"{source_of[p.source_id].path} at {p.time_s:.2f} s"
            if p.source_id in source_of
            else paths.get((p.product_id, p.image_sha256), p.picture_id)
            for p in self.tables.pictures
        }

    def _pair_names(self) -> dict[str, str]:
        """Pair → what is put into which clip or photo."""
        clips, pictures = self._clip_names(), self._picture_names()
        names = {}
        for row in self.tables.pairs:
            where = pictures.get(row.photo_id) or clips.get(row.clip_id, row.clip_id)
            names[row.pair_id] = where if row.kind == "reconstruct" else f"{row.product_a} into {where}"
        return names

    def _name_rejections(self) -> None:
        """Give rows of table stages, which know identifiers only, the names that people know, and book verdicts."""
        tables = self.tables
        source_of = {s.source_id: s for s in tables.sources}
        names: dict[str, str] = {**self._clip_names(), **self._picture_names(), **self._pair_names()}
        clip_names = self._clip_names()
        for result in self.run.results:
            for row in result.rows:
                if isinstance(row, Shot):
                    names[row.shot_id] = _window(source_of[row.source_id], row.first_frame, row.last_frame)
                elif isinstance(row, Clip):
                    window = row.cut.first_frame, row.cut.last_frame
                    names[row.clip_id] = clip_names[row.clip_id] = _window(source_of[row.source_id], *window)
                elif isinstance(row, MaskTrack):
                    names[row.track_id] = clip_names.get(row.clip_id, row.clip_id)
                elif isinstance(row, Triple):
                    where = clip_names.get(row.clip_id, row.clip_id)
                    names[row.triple_id] = where if row.kind == "reconstruct" else f"{row.product_a} into {where}"
        rejections = []
        for result in self.run.results:
            result.rejections = [
                r if r.subject else dataclasses.replace(r, subject=names.get(r.subject_id, r.subject_id))
                for r in result.rejections
            ]
            rejections += result.rejections
        tables.rejections = sort_records(rejections)
        sources = {source.source_id: source.path for source in tables.sources}
        tables.verdicts = self.reviews.applied({**sources, **names})
        tables.agreement = self.reviews.agreement()


def _stated(
    track: MaskTrack, backend: ChosenBackend, told: NamedTarget | None, again: Resegmentation | None
) -> MaskTrack:
    """A track that says how its backend was chosen and what it was told; neither changes the mask."""
    if again is not None:
        return dataclasses.replace(track, choice=backend.choice, target=again.words, target_rule="review")
    if told is None:
        return dataclasses.replace(track, choice=backend.choice)
    return dataclasses.replace(track, choice=backend.choice, target=told.prompt, target_rule=told.rule)


def _window(source: Source, first_frame: int, last_frame: int) -> str:
    return f"{source.path} [{first_frame}:{last_frame})"
