"""Renders adverts and listing pictures and writes them with listings and truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pvtt_data.render.filming import Footage, Quality, record
from pvtt_data.render.packshots import packshots
from samples.render import film, truth
from samples.render.adverts import ADVERTS, LISTING, REPOSTS, Advert
from samples.render.articles import ARTICLES, Article
from samples.render.cutting import binary, cut_together
from samples.render.staging import stage_shot

_JPEG_QUALITY = 86


def write(out: Path, truth_folder: Path, quality: Quality) -> None:
    """The whole catalogue into `out` and its truth into `truth_folder`.

    Files of the same name are overwritten, others are left alone.
    """
    videos: dict[str, dict[str, Any]] = {}
    for number, (_, article) in enumerate(sorted(ARTICLES.items())):
        folder = out / article.category
        pictures = _write_pictures(article, number, folder, quality)
        clips: list[str] = []
        for advert in ADVERTS:
            if advert.product_id == article.product_id:
                clips += _write_adverts(advert, article, folder, truth_folder, videos, quality)
        _write_listing(article, pictures, clips, folder)
        print(article.product_id, flush=True)
    truth.write(videos, truth_folder / "truth.json")


def _write_pictures(article: Article, seed: int, folder: Path, quality: Quality) -> list[str]:
    names = []
    for number, picture in enumerate(packshots(article.build(), LISTING, quality, seed), start=1):
        name = f"media/images/{article.product_id}_{number}.jpg"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name, quality=_JPEG_QUALITY, subsampling=0, optimize=True)
        names.append(name)
    return names


def _filmed(advert: Advert, article: Article, quality: Quality) -> Footage:
    """The finished advert."""
    _, _, width, height = advert.picture_rect
    shots = [
        record(*stage_shot(shot, article, width, height, advert.fps, advert.seed(index)), quality)
        for index, shot in enumerate(advert.shots)
    ]
    return cut_together(advert, shots)


def _write_adverts(
    advert: Advert,
    article: Article,
    folder: Path,
    truth_folder: Path,
    videos: dict[str, dict[str, Any]],
    quality: Quality,
) -> list[str]:
    """The advert and its reposts; adds their truth to `videos` and returns their names in the listing."""
    name = f"media/videos/{advert.name}.mp4"
    mask_name = f"masks/{advert.name}.mp4"
    key = f"{article.category}/{name}"
    footage = _filmed(advert, article, quality)
    masks = binary(footage.coverage)
    film.encode_advert(footage.frames, folder / name, advert.fps, advert.crf)
    film.encode_mask(masks, truth_folder / mask_name, advert.fps)
    videos[key] = truth.describe(advert, masks > 0, key, mask_name)
    names = [name]
    for repost in REPOSTS:
        if repost.original != advert.name:
            continue
        copy, copy_mask = f"media/videos/{repost.name}.mp4", f"masks/{repost.name}.mp4"
        frames = film.decode_scaled(folder / name, repost.width_px, repost.height_px)
        film.encode_advert(frames, folder / copy, advert.fps, repost.crf, repost.preset)
        small = np.stack([_scaled_mask(mask, repost.width_px, repost.height_px) for mask in masks])
        film.encode_mask(small, truth_folder / copy_mask, advert.fps)
        videos[f"{article.category}/{copy}"] = truth.describe(advert, small > 0, key, copy_mask, repost)
        names.append(copy)
    return names


def _scaled_mask(mask: npt.NDArray[np.uint8], width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    shares = Image.fromarray(mask).resize((width_px, height_px), Image.Resampling.BOX)
    return np.where(np.asarray(shares) >= 128, 255, 0).astype(np.uint8)


def _write_listing(article: Article, pictures: list[str], clips: list[str], folder: Path) -> None:
    listing = {
        "product_id": article.product_id,
        "title": article.build().title,
        "category": article.category,
        "licence": "Apache-2.0",
        "url": f"https://example.com/{article.shop}/{article.product_id}",
        "shop": article.shop,
        "images": pictures,
        "videos": clips,
    }
    text = json.dumps(listing, indent=1, ensure_ascii=False)
    (folder / f"{article.product_id}.json").write_text(text + "\n", encoding="utf-8")
