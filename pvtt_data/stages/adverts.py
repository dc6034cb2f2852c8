"""Adverts: videos of several shots and listing pictures of one product, rendered to be mined like any feed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pvtt_data.records import AdvertPlan, AdvertShot, Article, FilmedAdvert, FrameSpan
from pvtt_data.render.casting import cast_adverts
from pvtt_data.render.presets import PresetName
from pvtt_data.render.variant import ChosenVariant
from pvtt_data.stage import Named, StageConfig, StageResult
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.render import RenderConfig, RenderingStage, product_of
from pvtt_data.store import BlobStore

_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True)
class AdvertItem:
    """A plan and what the advert is for.

    Attributes:
        hdris: SHA-256 of the environment maps.
        clip_s: seconds of the clips that shall be cut out of it.
        preview: three frames of every shot are enough.
    """

    plan: AdvertPlan
    hdris: tuple[str, ...]
    clip_s: float
    preview: bool


def plan_adverts(
    articles: Sequence[Article], result: StageResult, count: int, config: RenderConfig, normalise: NormaliseConfig
) -> StageResult:
    """Adverts of ``count`` products, or of all if there are fewer; ``result`` holds the rejected models."""
    sizes = [(int(width), int(height)) for width, height in (size.split("x") for size in normalise.sizes)]
    result.rows.extend(cast_adverts(count, articles, config.seed, sizes))
    result.items = len(result.rows) + len(result.rejections)
    return result


def advert_item(plan: AdvertPlan, hdris: tuple[str, ...], clip: NormaliseConfig, *, preview: bool) -> Named[AdvertItem]:
    """A plan as an item of the stage."""
    item = AdvertItem(plan, hdris, clip.frames / clip.fps, preview)
    return Named(item, plan.advert_id, f"an advert of {plan.article.product_id}")


class _AdvertSettings(StageConfig):
    preset: PresetName
    styles: tuple[str, ...]
    occluder_share: float
    reference_px: int


class Adverts(RenderingStage[AdvertItem]):
    """One advert: a video with its masks, and listing pictures."""

    name = "adverts"
    version = 1
    kind = "advert"

    def __init__(self, config: RenderConfig, variant: ChosenVariant) -> None:
        settings = _AdvertSettings(
            preset=config.preset_on(variant.name),
            styles=config.styles,
            occluder_share=config.occluder_share,
            reference_px=config.reference_px,
        )
        super().__init__(settings, config, variant)

    def run(self, item: AdvertItem, store: BlobStore) -> Sequence[FilmedAdvert]:
        """The `FilmedAdvert` of one plan."""
        from PIL import Image

        from pvtt_data.media import encode_clip, encode_masks
        from pvtt_data.render.advert import AdvertOptions, draw_advert, film, listing_pictures
        from pvtt_data.render.cutting import visibility
        from pvtt_data.render.filming import Quality

        plan = item.plan
        product = product_of(plan.article, store)
        options = AdvertOptions(
            plan.width_px,
            plan.height_px,
            item.clip_s,
            self.settings.styles,
            tuple(store.original(sha256) for sha256 in item.hdris),
            self.settings.occluder_share,
        )
        quality = Quality(self.preset, self.denoiser)
        advert = draw_advert(plan.seed, product, options)
        timeline, footage = film(advert, quality, preview=item.preview)
        masks = footage.masks
        pictures = []
        for picture in listing_pictures(plan.seed, product, quality, self.settings.reference_px):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
            pictures.append(store.put(file.getvalue(), "jpg"))
        with store.scratch_folder() as name:
            video, mask = Path(name) / "video.mp4", Path(name) / "mask.mp4"
            encode_clip(footage.frames, advert.fps, video, crf=advert.crf, preset="medium")
            encode_masks(masks, advert.fps, mask)
            blobs = store.put_file(video, "mp4"), store.put_file(mask, "mp4")
        shots = zip(timeline.spans, advert.scenes, advert.takes, visibility(masks, timeline.spans), strict=True)
        return [
            FilmedAdvert(
                advert_id=plan.advert_id,
                title=product.title,
                video=blobs[0],
                mask=blobs[1],
                pictures=tuple(pictures),
                fps=advert.fps,
                frames=timeline.frame_count,
                cuts=tuple(timeline.cuts),
                dissolves=tuple(FrameSpan(*span) for span in timeline.dissolve_spans),
                shots=tuple(
                    AdvertShot(
                        frames=FrameSpan(*span),
                        style=scene.stage_set.style,
                        camera=scene.move.kind,
                        motion=scene.motion.kind,
                        close=take.zoom > 1,
                        occluded=bool(scene.stage_set.occluders),
                        whole_product=seen.whole,
                        least_area=seen.least_area,
                        most_area=seen.most_area,
                    )
                    for span, scene, take, seen in shots
                ),
            )
        ]
