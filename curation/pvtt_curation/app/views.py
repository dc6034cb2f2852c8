"""What a reviewer finds ready in the app: saved views, the order of fields, and which of them stand on the pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pvtt_curation.subjects import Subject

if TYPE_CHECKING:
    import fiftyone as fo

FIRST_VIEW = "flagged first"
"""The view that the app opens with."""
NEAR_LEAK = 0.9
"""Share of the way to a threshold from which on a triple is a likely leak."""

_MOST_GROUPS = 40
"""Categories, and engines, that get a view of their own: those with the most subjects."""
_NAME_CHARS = 60
_OWN_COLOR, _REVIEW_COLOR = "#FF6D04", "#0288D1"
_ON_PICTURES = ["kind", "verdict", "reasons", "review", "category"]
_GROUPS = {
    "review": ["review", "review_reasons", "review_of", "reviewers", "conflict", "resegment", "relabel"],
    "build": ["verdict", "reasons", "stage", "message", "leak", "nearest_likeness"],
    "what it is": [
        *("kind", "engine", "triple_kind", "category", "product", "product_a", "product_b", "title_a", "title_b"),
        *("split", "difficulty", "prompt", "source_prompt", "name"),
    ],
    "identity": ["key", "row_id", "nearest", "order", "id", "filepath", "created_at", "last_modified_at"],
}


def save_views(dataset: fo.Dataset, subjects: Iterable[Subject]) -> None:
    """Put our views in their latest form; those that people saved stay as they are."""
    mine = dataset.info.get("pvtt_views", [])
    names: list[str] = []
    slugs: set[str] = set()
    for wanted, text, color, view in _views(dataset, list(subjects)):
        name, number = wanted[:_NAME_CHARS], 2
        # Addresses keep plain letters only, and not two may be the same: categories of feeds may be in any script.
        while view_slug(name) in slugs:
            name, number = f"{wanted[:_NAME_CHARS]} ({number})", number + 1
        slugs.add(view_slug(name))
        dataset.save_view(name, view, description=text, color=color, overwrite=True)
        names.append(name)
    for name in set(mine) - set(names):
        if dataset.has_saved_view(name):
            dataset.delete_saved_view(name)
    dataset.info = {**dataset.info, "pvtt_views": names}
    dataset.save()


def view_slug(name: str) -> str:
    """What an address calls a view, as FiftyOne makes it of the name."""
    return re.sub("[^a-z0-9]+", "-", re.sub(r"[^a-z0-9\s+_.-]", "", name.lower())).strip("-")


def show_fields(dataset: fo.Dataset) -> None:
    """Order the sidebar, and choose what stands on the pictures."""
    import fiftyone as fo
    from fiftyone.core.odm.dataset import ActiveFields

    numbers = sorted(path for path in dataset.get_field_schema(flat=True) if path.startswith("numbers."))
    metadata = sorted(path for path in dataset.get_field_schema(flat=True) if path.startswith("metadata."))
    groups = {**_GROUPS, "numbers": numbers, "tags": ["tags"], "metadata": metadata}
    order = ["review", "build", "what it is", "numbers", "tags", "identity", "metadata"]
    dataset.app_config.sidebar_groups = [
        fo.SidebarGroupDocument(name=name, paths=groups[name], expanded=name in ("review", "build", "what it is"))
        for name in order
    ]
    dataset.app_config.active_fields = ActiveFields(exclude=False, paths=_ON_PICTURES)
    dataset.save()


def _views(dataset: fo.Dataset, subjects: list[Subject]) -> Iterator[tuple[str, str, str, fo.DatasetView]]:
    """Name, text, colour and content of each view."""
    from fiftyone import ViewField as F

    kind, verdict, review = F("kind"), F("verdict"), F("review")
    yield FIRST_VIEW, "everything: flagged, then rejected, then accepted", _OWN_COLOR, dataset.sort_by("order")
    for name, text, condition in (
        ("flagged", "what the build was not sure of", verdict == "flag"),
        ("flagged masks", "masks that the build was not sure of", (kind == "mask") & (verdict == "flag")),
        ("rejected", "what the build dropped", verdict == "reject"),
        ("masks", "all mask tracks", kind == "mask"),
        ("triples", "all triples", kind == "triple"),
        ("clips", "all clips", kind == "clip"),
    ):
        yield name, text, _OWN_COLOR, dataset.match(condition).sort_by("order")
    yield (
        "likely leaks",
        "triples in which a reference was copied or A is left, and those near to it, the nearest first",
        _OWN_COLOR,
        dataset.match(F("leak") >= NEAR_LEAK).sort_by("leak", reverse=True),
    )
    yield (
        "nearest duplicates",
        "what looks most like another clip, mask or triple, the most alike first",
        _OWN_COLOR,
        dataset.match(F("nearest_likeness") > 0).sort_by("nearest_likeness", reverse=True),
    )
    for name, text, condition in (
        ("not reviewed", "nobody has said anything yet", F("reviewers").length() == 0),
        ("rejected by people", "somebody rejected it, or a part of it", review == "reject"),
        ("flagged by people", "somebody flagged it, or a part of it", review == "flag"),
        ("accepted by people", "somebody accepted it", review == "accept"),
        ("conflicts", "reviewers disagree, and no arbiter decided", F("conflict") == True),  # noqa: E712 (an expression)
    ):
        yield name, text, _REVIEW_COLOR, dataset.match(condition).sort_by("order")
    for field in ("engine", "category"):
        counts = Counter(getattr(subject, field) for subject in subjects)
        counts.pop("", None)
        for value, count in sorted(counts.most_common(_MOST_GROUPS)):
            view = dataset.match(F(field) == value).sort_by("order")
            yield f"{field}: {value}", f"{count} of them", _OWN_COLOR, view
