"""Writes listings, pictures, adverts and truth from rendered frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samples.render import film, truth
from samples.render.frames import Frame, Quality, advert_frames, listing_pictures
from samples.render.products import PRODUCTS, Product
from samples.render.timeline import ADVERTS, REPOSTS, Advert

_JPEG_QUALITY = 86


def write(out: Path, truth_folder: Path, cache: Path, quality: Quality) -> None:
    """The whole catalogue into `out` and its truth into `truth_folder`; frames must be in the cache.

    Files of the same name are overwritten, others are left alone.
    """
    videos: dict[str, dict[str, Any]] = {}
    for product_id, product in sorted(PRODUCTS.items()):
        folder = out / product.category
        pictures = _write_pictures(product, listing_pictures(product_id, quality, cache), folder)
        clips: list[str] = []
        for advert in ADVERTS:
            if advert.product_id == product_id:
                clips += _write_adverts(advert, product, folder, truth_folder, videos, cache, quality)
        _write_listing(product, pictures, clips, folder)
    truth.write(videos, truth_folder / "truth.json")


def _write_pictures(product: Product, pictures: list[Frame], folder: Path) -> list[str]:
    names = []
    for number, picture in enumerate(pictures, start=1):
        name = f"media/images/{product.product_id}_{number}.jpg"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / name, quality=_JPEG_QUALITY, subsampling=0, optimize=True)
        names.append(name)
    return names


def _write_adverts(
    advert: Advert,
    product: Product,
    folder: Path,
    truth_folder: Path,
    videos: dict[str, dict[str, Any]],
    cache: Path,
    quality: Quality,
) -> list[str]:
    """The advert and its reposts; adds their truth to `videos` and returns their names in the listing."""
    name = f"media/videos/{advert.name}.mp4"
    mask_name = f"masks/{advert.name}.mp4"
    key = f"{product.category}/{name}"
    pairs = list(advert_frames(advert, quality, cache))
    masks = np.stack([mask for _, mask in pairs])
    film.encode_advert((frame for frame, _ in pairs), folder / name, advert.fps, advert.crf)
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
        videos[f"{product.category}/{copy}"] = truth.describe(advert, small > 0, key, copy_mask, repost)
        names.append(copy)
    return names


def _scaled_mask(mask: Frame, width_px: int, height_px: int) -> NDArray[np.uint8]:
    shares = Image.fromarray(mask).resize((width_px, height_px), Image.Resampling.BOX)
    return np.where(np.asarray(shares) >= 128, 255, 0).astype(np.uint8)


def _write_listing(product: Product, pictures: list[str], clips: list[str], folder: Path) -> None:
    listing = {
        "product_id": product.product_id,
        "title": product.title,
        "category": product.category,
        "licence": "Apache-2.0",
        "url": f"https://example.com/{product.shop}/{product.product_id}",
        "shop": product.shop,
        "images": pictures,
        "videos": clips,
    }
    text = json.dumps(listing, indent=1, ensure_ascii=False)
    (folder / f"{product.product_id}.json").write_text(text + "\n", encoding="utf-8")
