"""Render: pairs whose truth is exact. A table stage casts products, a map stage renders, a function makes rows of it.

What comes out stands in the same tables as what is mined: a product is a source, its target video a clip with an exact
mask track, its pictures are pictures. From there on one path serves all engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, model_validator

from pvtt_data.errors import InputError, PreflightError
from pvtt_data.records import (
    Article,
    Assignment,
    Clip,
    Cut,
    MaskTrack,
    Pair,
    Picture,
    Rectangle,
    Rendered,
    RenderedView,
    RenderPlan,
    Source,
    Split,
    Swap,
    content_id,
)
from pvtt_data.render.casting import Casting, article_of_model, cast, procedural_articles, spec_of
from pvtt_data.render.denoise import Denoiser
from pvtt_data.render.imported.library import model_digest, read_parts, scan_models
from pvtt_data.render.presets import PRESETS, PresetName
from pvtt_data.render.product import Product
from pvtt_data.render.variant import ChosenVariant, Variant, choose_variant
from pvtt_data.stage import MapStage, Named, Resources, StageConfig, StageResult, reject
from pvtt_data.stages.assign_split import SplitAssignmentConfig, split_of
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.pair import DifficultyShares, PairConfig
from pvtt_data.stages.pair_videos import PAIR_VIDEOS, store_videos
from pvtt_data.store import BlobStore, original_sha256

PLAN = "render_plan"
ENGINE = "render"
SHADOWLESS = "shadowless"
"""The video that is kept in the work directory, and not in shards, where the recipe asks for it."""
FEED = "render"
"""Feed of sources that are rendered products."""


class RenderConfig(StageConfig):
    """Rendered triples: how many, of what, how well."""

    count: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    """How many triples; give this or share."""
    share: Annotated[float | None, Field(gt=0, lt=1)] = None
    """Share of all triples that rendered ones shall make up, from the number of all other pairs; this or count."""
    optional: bool = False
    """Go on without renders, and say so, where they cannot be made: the extra is missing, or only the slow scalar
    variant could render."""
    seed: int = 0
    """Another seed casts other products and draws other scenes."""
    identities: Annotated[int, Field(ge=0, le=1_000_000)] = 2000
    """How many procedural products there are."""
    families: tuple[str, ...] = ()
    """Families of procedural products; all if empty: see docs/render.md."""
    models: Path | None = None
    """A folder of models (.glb, .gltf) with licences that are products too: see docs/models.md."""
    hdris: Path | None = None
    """A folder of environment maps (.hdr); procedural skies otherwise."""
    styles: tuple[str, ...] = ()
    """Styles of sets; all if empty: see docs/render.md."""
    preset: Literal["auto"] | PresetName = "auto"
    """draft, standard or high: paths a pixel, and the denoiser; auto is standard on a GPU and draft on processors."""
    variant: Literal["auto"] | Variant = "auto"
    """Mitsuba's variant; auto takes OptiX where it answers, else LLVM, else the slow scalar one."""
    reference_px: Annotated[int, Field(ge=64, le=2048)] = 512
    """Height and width of a reference picture before it is cropped to its product; of adverts, of a listing picture
    before an edge of white is put around it."""
    min_ratio: Annotated[float, Field(gt=0, le=1)] = 0.7
    """Smallest size of A relative to B, largest sides."""
    max_ratio: Annotated[float, Field(ge=1, le=4)] = 1.4
    """Largest size of A relative to B."""
    difficulty: DifficultyShares = Field(default_factory=DifficultyShares)
    """Wished shares of easy, medium, hard and expert pairs."""
    near_identity_share: Annotated[float, Field(ge=0, le=1)] = 0.12
    """Share of samples in which A is B in another finish or with another print."""
    occluder_share: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of clips in which a hand, leaves or cloth pass in front."""
    earlier_generation_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of clips that look encoded once before."""
    shadowless: bool = False
    """Keep in the work directory, too, what each target would be if B cast no shadow, reflection or glow: what
    calibrations of triple QC take away. Shards stay as they are."""

    @model_validator(mode="after")
    def _count_or_share(self) -> RenderConfig:
        if (self.count is None) == (self.share is None):
            raise ValueError("give either count or share")
        return self

    def preset_on(self, variant: Variant) -> PresetName:
        """The preset to render with in a variant."""
        if self.preset != "auto":
            return self.preset
        return "standard" if variant == "cuda_ad_rgb" else "draft"

    def wanted(self, other_pairs: int) -> int:
        """How many renders make up the share beside so many other pairs."""
        if self.count is not None:
            return self.count
        assert self.share is not None
        return max(1, round(other_pairs * self.share / (1 - self.share)))


def variant_for(config: RenderConfig) -> tuple[ChosenVariant | None, str]:
    """The variant to render with, or None to go on without; and, in words, why.

    Raises:
        PreflightError: renders are wanted and cannot be made.
    """
    try:
        chosen = choose_variant(config.variant)
    except PreflightError as error:
        if config.optional:
            return None, f"no renders (render.optional is set): {error}"
        raise
    if config.optional and config.variant == "auto" and chosen.name == "scalar_rgb":
        return None, f"no renders (render.optional is set): only scalar_rgb could render, {chosen.why}"
    return chosen, f"renders by {chosen.name}, preset {config.preset_on(chosen.name)}: {chosen.why}"


def collect_articles(config: RenderConfig, store: BlobStore) -> tuple[list[Article], StageResult]:
    """All products that may be cast, and the rejected models in the result of the casting stage."""
    articles = procedural_articles(config.seed, config.identities, config.families)
    result = StageResult(PLAN, table=True)
    if config.models is not None:
        models, rejected = scan_models(config.models)
        for model in models:
            sha256 = original_sha256(model.path)
            store.add_original(sha256, model.path)
            articles.append(article_of_model(model, sha256))
        for broken in rejected:
            name = broken.path.name
            result.rejections.append(reject(PLAN, "model", content_id(name), name, broken.reason, broken.message))
    return articles, result


def collect_hdris(config: RenderConfig, store: BlobStore) -> tuple[str, ...]:
    """SHA-256 of the environment maps, which the store then knows.

    Raises:
        PreflightError: there is no such folder, or no map in it.
    """
    if config.hdris is None:
        return ()
    if not config.hdris.is_dir():
        raise PreflightError(f"render.hdris = {config.hdris} is not a folder")
    found = []
    for path in sorted(config.hdris.rglob("*.hdr")):
        sha256 = original_sha256(path)
        store.add_original(sha256, path)
        found.append(sha256)
    if not found:
        raise PreflightError(f"render.hdris = {config.hdris} holds no .hdr file")
    return tuple(sorted(set(found)))


def plan_renders(
    articles: Sequence[Article],
    result: StageResult,
    count: int,
    config: RenderConfig,
    normalise: NormaliseConfig,
    splits: SplitAssignmentConfig,
) -> StageResult:
    """The first ``count`` samples; ``result`` holds the rejected models."""
    sizes = tuple((int(w), int(h)) for w, h in (size.split("x") for size in normalise.sizes))
    casting = Casting(config.seed, config.difficulty.weights(), config.near_identity_share, sizes)
    dealt = {article.product_id: split_of(article.product_id, splits) for article in articles}
    result.items = count + len(result.rejections)
    for number in range(count if articles else 0):
        plan = cast(number, articles, dealt, casting)
        if plan is not None:
            result.rows.append(plan)
            continue
        message = "the model drawn as B has no other product in its split; more products or identities mend it"
        result.rejections.append(reject(PLAN, "render", f"{config.seed}:{number}", "", "no-partner", message))
    return result


@dataclass(frozen=True, slots=True)
class RenderItem:
    """A plan and what the clip shall look like.

    Attributes:
        hdris: SHA-256 of the environment maps.
        frames, fps: of the whole clip.
        references, heldout: pictures of B.
        shown: the frames that are rendered, for a preview; all if empty.
        geometry: whether depth and flow are wanted.
    """

    plan: RenderPlan
    hdris: tuple[str, ...]
    frames: int
    fps: float
    references: int
    heldout: int
    shown: tuple[int, ...] = ()
    geometry: bool = False


def render_item(
    plan: RenderPlan,
    hdris: tuple[str, ...],
    clip: NormaliseConfig,
    pair: PairConfig,
    shown: tuple[int, ...] = (),
    geometry: bool = False,
) -> Named[RenderItem]:
    """A plan as an item of the stage; pictures are held back in validation and test only."""
    heldout = pair.heldout if plan.split != "train" else 0
    item = RenderItem(plan, hdris, clip.frames, clip.fps, pair.references, heldout, shown, geometry)
    name = f"{plan.a.product_id} into a render of {plan.b.product_id}"
    return Named(item, plan.sample_id, name)


Item = TypeVar("Item")


class RenderingStage(MapStage[Item]):
    """What stages that render have in common: the variant, the preset, the denoiser.

    Args:
        settings: what results depend on.
        config: of the recipe.
        variant: to render with.
    """

    libraries = ("mitsuba", "drjit", "pyoidn", "av", "opencv-python-headless", "numpy", "pillow", "DracoPy")
    resources = Resources(memory_bytes=24 * 2**30, timeout_s=4 * 3600.0)

    def __init__(self, settings: StageConfig, config: RenderConfig, variant: ChosenVariant) -> None:
        super().__init__(settings)
        self.settings = config
        self.preset = PRESETS[config.preset_on(variant.name)]
        self.variant = variant
        self.numeric_class = variant.name
        if variant.name == "cuda_ad_rgb":
            # Two processes keep a GPU busy; their address space has no bound: CUDA reserves far more than it uses.
            self.resources = Resources(memory_bytes=None, timeout_s=3600.0, processes=2)
        self._denoiser: Denoiser | None = None

    def setup(self) -> None:
        """Start the variant and the denoiser."""
        from pvtt_data.render.variant import start

        start(self.variant)
        self._denoiser = Denoiser(self.preset.denoise, self.variant.name == "cuda_ad_rgb")

    @property
    def denoiser(self) -> Denoiser:
        """The denoiser that `setup` started."""
        if self._denoiser is None:
            raise RuntimeError("setup comes before run")
        return self._denoiser


class _RenderSettings(StageConfig):
    preset: PresetName
    styles: tuple[str, ...]
    min_ratio: float
    max_ratio: float
    occluder_share: float
    earlier_generation_share: float
    reference_px: int
    crf: int


class _ShadowlessSettings(_RenderSettings):
    """Apart, so that renders without it keep their cache keys."""

    shadowless: Literal[True] = True


class Render(RenderingStage[RenderItem]):
    """One rendered triple."""

    name = "render"
    version = 2
    kind = "render"

    def __init__(self, config: RenderConfig, crf: int, variant: ChosenVariant) -> None:
        settings_of = _ShadowlessSettings if config.shadowless else _RenderSettings
        settings = settings_of(
            preset=config.preset_on(variant.name),
            styles=config.styles,
            min_ratio=config.min_ratio,
            max_ratio=config.max_ratio,
            occluder_share=config.occluder_share,
            earlier_generation_share=config.earlier_generation_share,
            reference_px=config.reference_px,
            crf=crf,
        )
        super().__init__(settings, config, variant)
        self.crf = crf

    def run(self, item: RenderItem, store: BlobStore) -> Sequence[Rendered]:
        """The `Rendered` of one plan."""
        from pvtt_data.images import write_png
        from pvtt_data.render.flow import geometry_bytes
        from pvtt_data.render.products.difference import visibly_different
        from pvtt_data.render.scene import SceneOptions
        from pvtt_data.render.triple import View, Wanted, render_triple

        plan = item.plan
        a, b = product_of(plan.a, store), product_of(plan.b, store)
        if plan.near_identity and not visibly_different(a, b):
            raise InputError("no-near-identity", f"another {plan.near_identity} of {b.product_id} shows no difference")
        options = SceneOptions(
            width_px=plan.width_px,
            height_px=plan.height_px,
            frames=item.frames,
            fps=item.fps,
            styles=self.settings.styles,
            hdris=tuple(store.original(sha256) for sha256 in item.hdris),
            min_ratio=self.settings.min_ratio,
            max_ratio=self.settings.max_ratio,
            occluder_share=self.settings.occluder_share,
            earlier_generation_share=self.settings.earlier_generation_share,
        )
        made = render_triple(
            plan.seed,
            (a, b),
            options,
            self.preset,
            self.denoiser,
            Wanted(
                item.references,
                item.heldout,
                item.shown,
                item.geometry,
                self.settings.reference_px,
                self.settings.shadowless,
            ),
        )

        def kept(view: View) -> RenderedView:
            return RenderedView(
                store.put(write_png(view.picture), "png"),
                round(view.direction.azimuth_deg, 3),
                round(view.direction.elevation_deg, 3),
            )

        names = (*PAIR_VIDEOS, SHADOWLESS) if self.settings.shadowless else PAIR_VIDEOS
        threads = len(names) if self.variant.name == "cuda_ad_rgb" else 1
        blobs = store_videos(made, names, item.fps, self.crf, store, threads)
        return [
            Rendered(
                sample_id=plan.sample_id,
                title_a=a.title,
                title_b=b.title,
                **blobs,
                references=tuple(kept(view) for view in made.references),
                heldout=tuple(kept(view) for view in made.heldout),
                style=made.scene.stage_set.style,
                camera=made.scene.move.kind,
                motion=made.scene.motion.kind,
                geometry=store.put(geometry_bytes(made.geometry), "npz") if item.geometry else None,
                numbers=dict(sorted(made.numbers.items())),
            )
        ]


def product_of(article: Article, store: BlobStore) -> Product:
    """The product of a record, largest side 1.

    Raises:
        InputError: the files of a model were changed, or cannot be used.
    """
    from pvtt_data.render.products.library import build_product

    if article.family:
        return build_product(spec_of(article))
    path = store.original(article.model_sha256)
    if model_digest(path) != article.model_digest:
        raise InputError("original-changed", f"the files of model {article.product_id} were changed; build again")
    return Product(article.product_id, article.title, article.category, article.licence, read_parts(path))


@dataclass
class RenderedRows:
    """Renders as rows of the tables that all engines share."""

    sources: list[Source] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    tracks: list[MaskTrack] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    swaps: list[Swap] = field(default_factory=list)


def rows_of(
    renders: Sequence[Rendered], plans: Mapping[str, RenderPlan], frames: int, fps: float, models: Mapping[str, str]
) -> RenderedRows:
    """Rows of all renders.

    Args:
        renders: what was made.
        plans: sample id → what was asked for.
        frames, fps: of the clips.
        models: role → digest of the models that had a hand in the pictures.
    """
    rows = RenderedRows()
    sources: dict[str, Source] = {}
    splits: dict[str, Split] = {}
    for render in renders:
        plan = plans[render.sample_id]
        for article, title in ((plan.a, render.title_a), (plan.b, render.title_b)):
            sources.setdefault(article.product_id, _source(article, title))
            splits[article.product_id] = plan.split
        pictures = [_picture(plan.b.product_id, view) for view in (*render.references, *render.heldout)]
        rows.pictures += pictures
        clip, track = _clip(render, plan, sources[plan.b.product_id], frames, fps), _track(render, models)
        rows.clips.append(clip)
        rows.tracks.append(track)
        count = len(render.references)
        heldout = pictures[count:] if plan.split != "train" else []
        rows.pairs.append(
            Pair(
                pair_id=render.sample_id,
                engine=ENGINE,
                kind="swap",
                split=plan.split,
                difficulty=plan.difficulty,
                product_a=plan.a.product_id,
                product_b=plan.b.product_id,
                clip_id=clip.clip_id,
                track_id=track.track_id,
                cutout_id="",
                reference_ids=tuple(picture.picture_id for picture in pictures[:count]),
                heldout_ids=tuple(picture.picture_id for picture in heldout),
                seed=plan.seed,
            )
        )
        rows.swaps.append(
            Swap(
                render.sample_id,
                render.source,
                render.source_mask,
                render.effect_mask,
                (),
                dict(sorted({**render.numbers, "near_identity": float(bool(plan.near_identity))}.items())),
            )
        )
    rows.sources = list(sources.values())
    rows.assignments = [
        Assignment(source.source_id, product, source.source_id, splits[product]) for product, source in sources.items()
    ]
    rows.pictures = list({picture.picture_id: picture for picture in rows.pictures}.values())
    return rows


def _source(article: Article, title: str) -> Source:
    source_id = content_id("rendered", article.product_id)
    return Source(
        source_id=source_id,
        sha256=article.model_sha256 or content_id("article", article) * 4,
        size_bytes=0,
        kind="render",
        declared_fps=None,
        feed=FEED,
        path=f"{FEED}/{article.product_id}",
        product_id=article.product_id,
        title=title,
        category=article.category,
        licence=article.licence,
        url="",
        platform="",
        shop="",
        images=(),
    )


def _picture(product_id: str, view: RenderedView) -> Picture:
    return Picture(
        picture_id=content_id("render-view", product_id, view.cutout.sha256),
        product_id=product_id,
        origin="render",
        image_sha256=view.cutout.sha256,
        source_id="",
        time_s=-1.0,
        cutout=view.cutout,
        backend=ENGINE,
        numbers={"azimuth_deg": view.azimuth_deg, "elevation_deg": view.elevation_deg},
    )


def rendered_clip_id(sample_id: str) -> str:
    """Identifier of the clip that a render becomes."""
    return content_id("render-clip", sample_id)


def _clip(render: Rendered, plan: RenderPlan, source: Source, frames: int, fps: float) -> Clip:
    whole = Rectangle(0, 0, plan.width_px, plan.height_px)
    return Clip(
        clip_id=rendered_clip_id(render.sample_id),
        source_id=source.source_id,
        media_sha256=source.sha256,
        declared_fps=None,
        source_width_px=plan.width_px,
        source_height_px=plan.height_px,
        start_s=0.0,
        cut=Cut(0, frames, whole, whole, plan.width_px, plan.height_px, frames, fps),
        video=render.target,
        numbers={},
    )


def _track(render: Rendered, models: Mapping[str, str]) -> MaskTrack:
    return MaskTrack(
        track_id=content_id("render-track", render.sample_id),
        clip_id=rendered_clip_id(render.sample_id),
        backend=ENGINE,
        weights=dict(sorted(models.items())),
        mask=render.target_mask,
        verdict="accept",
        reasons=(),
        numbers={},
    )
