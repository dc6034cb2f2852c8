"""Casting: which products there are, which A meets which B in a rendered sample, and which products are advertised.

Sample number i depends on its number and not on how many there are; partners are dealt by rendezvous hashing, so that
one product more or less changes only the samples that mention it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pvtt_data.records import AdvertPlan, Article, Difficulty, RenderPlan, Split, content_id
from pvtt_data.render.imported.library import ModelFile
from pvtt_data.render.products.family import Seeds
from pvtt_data.render.products.library import FAMILIES, ProductSpec, draw_spec
from pvtt_data.rendezvous import rank

Size = tuple[int, int]
Change = Literal["finish", "label"]

_FORMS: Mapping[str, str] = {
    "bottle": "tall", "dropper": "tall", "tube": "tall", "lipstick": "tall", "can": "tall", "juice": "tall",
    "water": "tall", "wine": "tall", "oil": "tall", "jar": "low", "preserve": "low", "vitamins": "low", "teapot": "low",
    "tin": "low", "sneaker": "low", "perfume": "block", "carton": "block", "pouch": "block", "mug": "block",
    "candle": "block", "soap": "block", "handbag": "block", "ring": "loop", "bracelet": "loop", "watch": "loop",
    "earring": "pair", "necklace": "flat", "sunglasses": "flat", "wallet": "flat",
}  # fmt: skip
"""What a family looks like from afar: with A and B of unlike form, a mask's shape says nothing about B."""


@dataclass(frozen=True, slots=True)
class Casting:
    """How samples are cast.

    Attributes:
        seed: another seed casts other samples.
        difficulty: share of each difficulty; they are wishes: where no partner fits, another is taken.
        near_identity_share: share of samples in which A is B in another finish or with another print.
        sizes: (width, height) of clips, dealt evenly.
    """

    seed: int
    difficulty: Mapping[Difficulty, float]
    near_identity_share: float
    sizes: tuple[Size, ...]


def procedural_articles(seed: int, count: int, families: Sequence[str] = ()) -> list[Article]:
    """The first ``count`` procedural identities of a seed; more of them leave the first ones as they are."""
    chosen = tuple(families) or None
    return [article_of(draw_spec(_number(seed, "identity", str(i)), chosen)) for i in range(count)]


def article_of(spec: ProductSpec) -> Article:
    """The record of a procedural identity."""
    family = FAMILIES[spec.family]
    return Article(
        product_id=spec.product_id,
        category=family.category,
        group=family.group,
        form=_FORMS.get(spec.family, spec.family),
        family=spec.family,
        shape_seed=spec.seeds.shape,
        finish_seed=spec.seeds.finish,
        label_seed=spec.seeds.label,
        model_sha256="",
        model_digest="",
        title="",
        licence="Apache-2.0",
    )


def article_of_model(model: ModelFile, sha256: str) -> Article:
    """The record of an imported model; ``sha256`` is the store's name of its main file or folder."""
    return Article(
        product_id=model.product_id,
        category=model.category,
        group=model.category,
        form="",
        family="",
        shape_seed=0,
        finish_seed=0,
        label_seed=0,
        model_sha256=sha256,
        model_digest=model.digest,
        title=model.title,
        licence=model.licence,
    )


def spec_of(article: Article) -> ProductSpec:
    """The procedural identity of a record."""
    return ProductSpec(article.family, Seeds(article.shape_seed, article.finish_seed, article.label_seed))


_HARDLY_LABELLED = ("jewellery", "fashion")
"""Groups whose labels are too small to tell two products apart: there a near-identity is of another finish."""


def difficulty_of(a: Article, b: Article) -> Difficulty:
    """How far A is from B: same category, related category, same form or neither."""
    if a.category == b.category:
        return "easy"
    if a.group == b.group:
        return "medium"
    return "hard" if a.form == b.form or not (a.form and b.form) else "expert"


def cast(number: int, articles: Sequence[Article], splits: Mapping[str, Split], casting: Casting) -> RenderPlan | None:
    """Who plays in a sample; None where B is a model without any other product in its split.

    Args:
        number: of the sample.
        articles: all products, at least one.
        splits: product id → split.
        casting: the wishes.
    """
    seed = casting.seed
    name = str(number)
    b = max(articles, key=lambda article: rank(seed, name, "b", article.product_id))
    split = splits[b.product_id]
    partner = _partner(b, [x for x in articles if splits[x.product_id] == split], name, casting)
    if partner is None:
        return None
    a, difficulty, change = partner
    size = casting.sizes[_number(seed, "size", name) % len(casting.sizes)]
    sample_seed = _number(seed, "sample", name) % 2**31
    return RenderPlan(
        sample_id=content_id("render", seed, number, a.product_id, b.product_id, list(size)),
        seed=sample_seed,
        a=a,
        b=b,
        split=split,
        difficulty=difficulty,
        near_identity=change or "",
        width_px=size[0],
        height_px=size[1],
    )


def cast_adverts(count: int, articles: Sequence[Article], seed: int, sizes: Sequence[Size]) -> list[AdvertPlan]:
    """Adverts of ``count`` products, or of all if there are fewer; more adverts leave the first ones as they are.

    Args:
        articles: all products.
        seed: another seed draws other products and other adverts.
        sizes: (width, height) of videos, dealt evenly.
    """
    by_id = {article.product_id: article for article in articles}
    first = sorted(by_id, key=lambda product_id: rank(seed, "advert", product_id), reverse=True)[:count]
    plans = []
    for product_id in first:
        width, height = sizes[_number(seed, "advert size", product_id) % len(sizes)]
        plans.append(
            AdvertPlan(
                advert_id=content_id("advert", seed, product_id, width, height),
                seed=_number(seed, "advert seed", product_id) % 2**31,
                article=by_id[product_id],
                width_px=width,
                height_px=height,
            )
        )
    return plans


def _partner(
    b: Article, company: Sequence[Article], name: str, casting: Casting
) -> tuple[Article, Difficulty, Change | None] | None:
    seed = casting.seed
    others = [article for article in company if article.product_id != b.product_id]
    alike = _unit(seed, "alike", name) < casting.near_identity_share
    if b.family and (alike or not others):
        by_finish = b.group in _HARDLY_LABELLED or _unit(seed, "change", name) < 0.5
        change: Change = "finish" if by_finish else "label"
        return _variant(b, change, _number(seed, "variant", name) % 2**31), "hard", change
    if not others:
        return None
    wish = _wish(_unit(seed, "difficulty", name), casting.difficulty)
    wished = [article for article in others if difficulty_of(article, b) == wish]
    a = max(wished or others, key=lambda article: rank(seed, name, "a", article.product_id))
    return a, difficulty_of(a, b), None


def _variant(b: Article, change: Change, value: int) -> Article:
    """B in another finish or with another print; whether that shows is seen when both are built."""
    spec = spec_of(b)
    seeds = (
        dataclasses.replace(spec.seeds, finish=value)
        if change == "finish"
        else dataclasses.replace(spec.seeds, label=value)
    )
    return article_of(ProductSpec(spec.family, seeds))


def _wish(position: float, shares: Mapping[Difficulty, float]) -> Difficulty:
    total = sum(shares.values())
    passed = 0.0
    for difficulty, share in shares.items():
        passed += share / total
        if position < passed:
            return difficulty
    return next(reversed(list(shares)))


def _number(*facts: object) -> int:
    return int(rank(*facts)[:12], 16)


def _unit(*facts: object) -> float:
    return _number(*facts) / 16**12
