"""Renders: what is asked for makes sense or is refused, and what comes out fits the tables that all engines share."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import pvtt_data.stages.render as render_stage
from pvtt_data.build import portable_recipe
from pvtt_data.errors import InputError, PreflightError, RecipeError
from pvtt_data.recipe import Recipe, read_recipe
from pvtt_data.records import (
    Article,
    Assignment,
    Blob,
    Clip,
    MaskTrack,
    Pair,
    Picture,
    Rendered,
    RenderedView,
    RenderPlan,
    Source,
    Swap,
    from_arrow,
    sort_records,
    to_arrow,
)
from pvtt_data.render.casting import procedural_articles
from pvtt_data.render.variant import ChosenVariant
from pvtt_data.stage import StageResult
from pvtt_data.stages.assign_split import SplitAssignmentConfig
from pvtt_data.stages.normalise import NormaliseConfig
from pvtt_data.stages.render import (
    DifficultyShares,
    Render,
    RenderConfig,
    RenderedRows,
    collect_articles,
    collect_hdris,
    plan_renders,
    rows_of,
    variant_for,
)
from pvtt_data.store import BlobStore

NORMALISE = NormaliseConfig(sizes=("480x848", "848x480"), frames=9, fps=8)
SPLITS = SplitAssignmentConfig(validation_share=0.3, test_share=0.3)
LLVM = ChosenVariant("llvm_ad_rgb", "found", "/lib/libLLVM.so.19.1")
SCALAR = ChosenVariant("scalar_rgb", "no LLVM 17 or newer was found")


# ---- settings


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"count": 3, "share": 0.2},
        {"count": 0},
        {"share": 1.0},
        {"count": 3, "min_ratio": 1.2},
        {"count": 3, "max_ratio": 0.9},
        {"count": 3, "variant": "vulkan"},
        {"count": 3, "preset": "best"},
        {"count": 3, "near_identity_share": 1.1},
        {"count": 3, "difficulty": {"easy": 0, "medium": 0, "hard": 0, "expert": 0}},
        {"count": 3, "difficulty": {"easy": -1}},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RenderConfig.model_validate(settings)


def test_a_count_is_taken_as_it_is_and_a_share_is_one_of_all_triples() -> None:
    assert RenderConfig(count=7).wanted(1000) == 7
    half = RenderConfig(share=0.5)
    assert half.wanted(40) == 40
    quarter = RenderConfig(share=0.25).wanted(300)
    assert quarter / (300 + quarter) == pytest.approx(0.25)
    assert RenderConfig(share=0.001).wanted(10) == 1, "a wish is never rounded away"


def test_difficulties_are_weights_by_name() -> None:
    assert DifficultyShares(easy=2, medium=0, hard=1, expert=1).weights() == {
        "easy": 2, "medium": 0, "hard": 1, "expert": 1,
    }  # fmt: skip


def test_a_share_without_mined_videos_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nrender: {share: 0.2}\n")
    with pytest.raises(RecipeError, match=r"render\.count"):
        read_recipe(path)


def test_the_recipe_in_a_dataset_names_no_folders_of_this_machine(tmp_path: Path) -> None:
    folders = {"models": tmp_path / "models", "hdris": tmp_path / "skies"}
    recipe = Recipe(name="x", render=RenderConfig(count=2, **folders))  # type: ignore[arg-type]
    plain = portable_recipe(recipe)
    assert "models" not in plain["render"] and "hdris" not in plain["render"]
    assert plain["render"]["count"] == 2
    assert str(tmp_path) not in str(plain)
    assert portable_recipe(Recipe(name="x", render=RenderConfig(count=2))) == plain


# ---- variants


def test_the_variant_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_stage, "choose_variant", lambda wanted: LLVM)
    variant, why = variant_for(RenderConfig(count=1, preset="high"))
    assert variant == LLVM
    assert "llvm_ad_rgb" in why and "high" in why and "found" in why


def test_where_nothing_renders_the_build_stops_unless_renders_are_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(wanted: str) -> ChosenVariant:
        raise PreflightError("rendering needs mitsuba, not installed: pip install 'pvtt[render]'")

    monkeypatch.setattr(render_stage, "choose_variant", nothing)
    with pytest.raises(PreflightError, match="mitsuba"):
        variant_for(RenderConfig(count=1))
    variant, why = variant_for(RenderConfig(count=1, optional=True))
    assert variant is None
    assert "render.optional" in why and "pip install" in why


def test_optional_renders_are_left_out_where_they_would_take_ages_but_not_where_that_is_wished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(render_stage, "choose_variant", lambda wanted: SCALAR)
    assert variant_for(RenderConfig(count=1))[0] == SCALAR
    variant, why = variant_for(RenderConfig(count=1, optional=True))
    assert variant is None and "scalar_rgb" in why
    assert variant_for(RenderConfig(count=1, optional=True, variant="scalar_rgb"))[0] == SCALAR


def test_what_a_render_is_cached_under_is_what_changes_its_pixels() -> None:
    def key(config: RenderConfig, variant: ChosenVariant = LLVM) -> tuple[object, str]:
        stage = Render(config, 14, variant)
        return stage.config, stage.numeric_class

    plain = RenderConfig(count=1, preset="draft")
    assert key(plain) == key(RenderConfig(count=9, preset="draft", identities=5, optional=True))
    assert key(plain) == key(plain, ChosenVariant("llvm_ad_rgb", "named", "/elsewhere/libLLVM.so.20"))
    assert key(plain) != key(RenderConfig(count=1, preset="high"))
    assert key(plain) != key(RenderConfig(count=1, preset="draft", max_ratio=2.0))
    assert key(plain) != key(plain, SCALAR)


# ---- products and plans


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(str(tmp_path / "blobs"), tmp_path / "local")


def planned(
    count: int, config: RenderConfig, articles: list[Article], result: StageResult | None = None
) -> StageResult:
    return plan_renders(articles, result or StageResult("render_plan", table=True), count, config, NORMALISE, SPLITS)


def test_plans_are_the_first_of_a_list_that_has_no_end(store: BlobStore) -> None:
    config = RenderConfig(count=30, identities=60)
    articles, result = collect_articles(config, store)
    assert len(articles) == 60 and not result.rejections
    few, many = planned(5, config, articles), planned(30, config, articles)
    assert few.rows == many.rows[:5] and few.items == 5
    assert {(plan.width_px, plan.height_px) for plan in many.rows} == {(480, 848), (848, 480)}
    assert from_arrow(RenderPlan, to_arrow(RenderPlan, many.rows)) == sort_records(many.rows)


def test_only_the_families_that_are_asked_for_are_products(store: BlobStore) -> None:
    articles, _ = collect_articles(RenderConfig(count=1, identities=20, families=("mug", "ring")), store)
    assert {article.family for article in articles} == {"mug", "ring"}


def model(path: Path, height: float = 1.0) -> Path:
    """A box as a model, with a licence beside it."""
    trimesh = pytest.importorskip("trimesh", reason="the extra render is not installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.creation.box((1, 1, height)).export(path)
    (path.parent / "LICENSE").write_text("CC0 1.0 Universal")
    return path


def test_broken_models_are_dropped_with_their_reasons_and_the_others_play(tmp_path: Path, store: BlobStore) -> None:
    folder = tmp_path / "models"
    model(folder / "box.glb")
    (folder / "torn.glb").write_bytes(b"glTF but torn")
    config = RenderConfig(count=4, identities=0, models=folder)
    articles, result = collect_articles(config, store)
    assert [article.family for article in articles] == [""]
    assert articles[0].model_sha256 and articles[0].licence == "CC0-1.0"
    assert store.original(articles[0].model_sha256).name == "box.glb"
    assert [rejection.subject for rejection in result.rejections] == ["torn.glb"]
    assert result.rejections[0].reason and result.rejections[0].message
    plans = planned(4, config, articles, result)
    assert not plans.rows and plans.items == 5
    reasons = [rejection.reason for rejection in plans.rejections]
    assert reasons.count("no-partner") == 4, "a model alone has no partner"


def test_a_model_that_was_changed_after_it_was_planned_is_not_rendered(tmp_path: Path, store: BlobStore) -> None:
    path = model(tmp_path / "models" / "box.glb")
    articles, _ = collect_articles(RenderConfig(count=1, identities=0, models=path.parent), store)
    assert render_stage.product_of(articles[0], store).parts
    model(path, height=2.0)
    with pytest.raises(InputError) as caught:
        render_stage.product_of(articles[0], store)
    assert caught.value.reason == "original-changed"


def test_a_model_in_a_subfolder_lives_by_the_licence_of_the_library(tmp_path: Path, store: BlobStore) -> None:
    path = model(tmp_path / "models" / "box.glb")
    deep = path.parent / "boxes" / "small" / "box.glb"
    deep.parent.mkdir(parents=True)
    path.rename(deep)
    articles, _ = collect_articles(RenderConfig(count=1, identities=0, models=path.parent), store)
    product = render_stage.product_of(articles[0], store)
    assert product.parts and product.product_id == articles[0].product_id and product.licence == "CC0-1.0"


def test_a_folder_of_skies_must_hold_some(tmp_path: Path, store: BlobStore) -> None:
    assert collect_hdris(RenderConfig(count=1), store) == ()
    for folder, words in ((tmp_path / "gone", "not a folder"), (tmp_path, "no .hdr file")):
        with pytest.raises(PreflightError, match=words):
            collect_hdris(RenderConfig(count=1, hdris=folder), store)
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE one")
    (tmp_path / "copy.hdr").write_bytes(b"#?RADIANCE one")
    (found,) = collect_hdris(RenderConfig(count=1, hdris=tmp_path), store)
    assert store.original(found).suffix == ".hdr"


def test_shadowless_targets_are_other_results_and_no_part_of_a_dataset_s_recipe() -> None:
    plain, more = RenderConfig(count=1), RenderConfig(count=1, shadowless=True)
    prints = [Render(config, 12, LLVM).fingerprint() for config in (plain, more)]
    assert "shadowless" not in prints[0]["config"], "or all older renders would be made again"
    assert prints[1]["config"].pop("shadowless") is True and prints[0] == prints[1]
    recipes = [Recipe(name="renders", render=config) for config in (plain, more)]
    assert portable_recipe(recipes[0]) == portable_recipe(recipes[1])


# ---- rows


def blob(name: str, suffix: str = "mp4") -> Blob:
    return Blob(name.encode().hex().ljust(64, "0")[:64], 100 + len(name), suffix)


def rendered(plan: RenderPlan) -> Rendered:
    def view(name: str, azimuth: float) -> RenderedView:
        return RenderedView(blob(f"{plan.sample_id[:8]}{name}", "png"), azimuth, 12.5)

    videos = {
        name: blob(f"{plan.sample_id[:12]}{name[:3]}{name[-3:]}")
        for name in ("source", "source_mask", "target", "target_mask", "effect_mask")
    }
    return Rendered(
        plan.sample_id, f"A {plan.a.family}", f"A {plan.b.family}", **videos,
        references=(view("r0", -30.0), view("r1", 40.0), view("r2", 90.0)), heldout=(view("h0", 120.0),),
        style="paper", camera="orbit", motion="rest", geometry=None, numbers={"size_ratio": 1.1, "effect_share": 0.4},
    )  # fmt: skip


@pytest.fixture(scope="module")
def plans() -> list[RenderPlan]:
    rows = planned(40, RenderConfig(count=40, near_identity_share=0.3), procedural_articles(0, 50)).rows
    return [row for row in rows if isinstance(row, RenderPlan)]


@pytest.fixture(scope="module")
def rows(plans: list[RenderPlan]) -> RenderedRows:
    by_id = {plan.sample_id: plan for plan in plans}
    return rows_of([rendered(plan) for plan in plans], by_id, 9, 8.0, {"open-image-denoise": "2.5"})


TABLES = {
    "sources": Source,
    "clips": Clip,
    "tracks": MaskTrack,
    "pictures": Picture,
    "assignments": Assignment,
    "pairs": Pair,
    "swaps": Swap,
}


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_stored_and_read_back_whole_and_no_key_comes_twice(name: str, rows: RenderedRows) -> None:
    record, made = TABLES[name], getattr(rows, name)
    assert made
    table = to_arrow(record, made)
    assert from_arrow(record, table) == sort_records(made)
    keys = table.column(record.key_field).to_pylist()  # type: ignore[attr-defined]
    assert len(set(keys)) == len(keys)


def test_all_rows_of_a_render_belong_together(plans: list[RenderPlan], rows: RenderedRows) -> None:
    sources = {row.source_id: row for row in rows.sources}
    products = {row.product_id for row in rows.sources}
    clips = {row.clip_id: row for row in rows.clips}
    tracks = {row.track_id: row for row in rows.tracks}
    pictures = {row.picture_id: row for row in rows.pictures}
    splits = {row.product_id: row.split for row in rows.assignments}
    swaps = {row.pair_id: row for row in rows.swaps}
    by_id = {plan.sample_id: plan for plan in plans}
    assert set(swaps) == {row.pair_id for row in rows.pairs} == set(by_id)
    for pair in rows.pairs:
        plan, clip = by_id[pair.pair_id], clips[pair.clip_id]
        render = rendered(plan)
        assert pair.engine == "render" and pair.difficulty == plan.difficulty
        assert {pair.product_a, pair.product_b} <= products
        assert splits[pair.product_a] == splits[pair.product_b] == pair.split == plan.split
        assert sources[clip.source_id].product_id == pair.product_b, "the target shows B"
        assert clip.video == render.target and tracks[pair.track_id].mask == render.target_mask
        assert tracks[pair.track_id].clip_id == clip.clip_id
        assert (clip.cut.width_px, clip.cut.height_px, clip.cut.frames) == (plan.width_px, plan.height_px, 9)
        swap = swaps[pair.pair_id]
        assert (swap.source, swap.source_mask, swap.effect_mask) == (
            render.source, render.source_mask, render.effect_mask,
        )  # fmt: skip
        assert swap.numbers["near_identity"] == float(bool(plan.near_identity))
        assert {pictures[name].product_id for name in (*pair.reference_ids, *pair.heldout_ids)} == {pair.product_b}
        assert [pictures[name].cutout for name in pair.reference_ids] == [view.cutout for view in render.references]


def test_pictures_are_held_out_for_evaluation_only(rows: RenderedRows) -> None:
    assert {pair.split for pair in rows.pairs} == {"train", "validation", "test"}
    for pair in rows.pairs:
        assert len(pair.heldout_ids) == (0 if pair.split == "train" else 1)
        assert not set(pair.heldout_ids) & set(pair.reference_ids)


def test_a_product_is_listed_as_a_shop_would(plans: list[RenderPlan], rows: RenderedRows) -> None:
    titles = {row.product_id: (row.title, row.category, row.licence) for row in rows.sources}
    for plan in plans:
        assert titles[plan.b.product_id] == (f"A {plan.b.family}", plan.b.category, "Apache-2.0")
    assert all(row.kind == "render" and row.feed == "render" for row in rows.sources)


def test_nothing_rendered_makes_no_rows() -> None:
    rows = rows_of([], {}, 9, 8.0, {})
    assert all(getattr(rows, name) == [] for name in TABLES)
