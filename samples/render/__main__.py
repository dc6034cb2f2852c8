"""`python -m samples.render --out samples/catalogue`: render what the cache lacks, then write the catalogue."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from samples.render import catalogue, frames, renderer
from samples.render.products import PRODUCTS
from samples.render.timeline import ADVERTS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m samples.render", description="Render the sample catalogue.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the catalogue")
    parser.add_argument("--truth", type=Path, help="folder of the truth; default: 'truth' beside the catalogue")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sample-frames",
        help="folder that keeps rendered frames between runs (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=2, help="rendering processes (default: %(default)s)")
    arguments = parser.parse_args()

    quality = frames.Quality()
    jobs = frames.jobs(ADVERTS)
    with ProcessPoolExecutor(
        arguments.workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=renderer.start,
        initargs=(1,),
    ) as pool:
        pending: dict[Future[Any], str] = {}
        for job in jobs:
            future = pool.submit(frames.render_job, job, quality, arguments.cache)
            pending[future] = f"{job.advert.name} shot {job.shot_index}"
        for product_id in PRODUCTS:
            pictures = pool.submit(frames.listing_pictures, product_id, quality, arguments.cache)
            pending[pictures] = f"{product_id} listing"
        for done, finished in enumerate(as_completed(pending), start=1):
            finished.result()
            print(f"{done}/{len(pending)} {pending[finished]}", flush=True)
    catalogue.write(arguments.out, arguments.truth or arguments.out.parent / "truth", arguments.cache, quality)


if __name__ == "__main__":
    main()
