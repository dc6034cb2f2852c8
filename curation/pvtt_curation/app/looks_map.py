"""The map of looks: masks and triples on a plane, those whose products look alike side by side.

The vectors are those that pairing measured, of the embedder that the build used: nothing is downloaded, and no model
runs.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pvtt_curation.app.context import ReviewContext
from pvtt_curation.app.documents import object_id

if TYPE_CHECKING:
    import fiftyone as fo

MAP, LIKENESS = "looks", "looks_likeness"
"""Names of the two runs: the plane for the embeddings panel, and the one that sorts by likeness."""
SLICE = "overlay"
"""Of a group, the sample that stands on the map."""

_FEWEST = 3
_MOST_TSNE = 3000
"""Beyond it a plane by t-SNE takes minutes; principal components take seconds."""
_VERSION = "1"

Reals = npt.NDArray[np.float32]


def looks_of_samples(context: ReviewContext) -> dict[str, Reals]:
    """Sample id → vector of unit length, of masks and of triples, whose look is that of their mask of B."""
    looks = context.reviewed.looks
    of_mask = {s.key: looks[s.row_id] for s in context.subjects if s.kind == "mask" and s.row_id in looks}
    found = {}
    for subject in context.subjects:
        key = subject.parts.get("mask") if subject.kind in ("mask", "triple") else None
        if key in of_mask:
            found[str(object_id(subject.kind, subject.key, SLICE))] = of_mask[key]
    return found


def plane(vectors: Reals) -> Reals:
    """Points on a plane, the same for the same vectors.

    Args:
        vectors: ``(N, D) float32``.

    Returns:
        ``(N, 2) float32``: by t-SNE (van der Maaten and Hinton, 2008) from principal components, or those alone where
        there are too few or too many.
    """
    different, place = np.unique(vectors, axis=0, return_inverse=True)
    if 4 * _FEWEST <= len(different) <= _MOST_TSNE:
        from sklearn.manifold import TSNE

        perplexity = min(30.0, (len(different) - 1) / 3)
        points = TSNE(2, perplexity=perplexity, init="pca", random_state=0, n_jobs=1).fit_transform(different)
    else:
        centred = different - different.mean(axis=0)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        points = np.zeros((len(different), 2), np.float32)
        points[:, : min(2, len(axes))] = centred @ axes[:2].T
    return np.asarray(points, np.float32)[place.reshape(-1)]


def draw_map(dataset: fo.Dataset, context: ReviewContext) -> int:
    """Put the map and the index of likeness into the dataset, unless they are there already.

    Returns:
        How many samples stand on it; 0 where the build left no looks.
    """
    import fiftyone.brain as fob

    looks = looks_of_samples(context)
    digest = hashlib.sha256(_VERSION.encode())
    for sample, vector in sorted(looks.items()):
        digest.update(sample.encode() + vector.tobytes())
    known = {MAP, LIKENESS} & set(dataset.list_brain_runs())
    if len(looks) >= _FEWEST and len(known) == 2 and dataset.info.get("pvtt_map") == digest.hexdigest():
        return len(looks)
    for name in known:
        dataset.delete_brain_run(name)
    if len(looks) < _FEWEST:
        return 0
    ids = sorted(looks)
    vectors = np.stack([looks[name] for name in ids])
    view = dataset.select_group_slices(SLICE).select(ids)
    fob.compute_visualization(view, points=dict(zip(ids, plane(vectors), strict=True)), method="manual", brain_key=MAP)
    fob.compute_similarity(
        view, embeddings=dict(zip(ids, vectors, strict=True)), backend="sklearn", metric="cosine", brain_key=LIKENESS
    )
    dataset.info = {**dataset.info, "pvtt_map": digest.hexdigest()}
    dataset.save()
    return len(looks)
