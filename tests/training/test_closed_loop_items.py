"""Arms differ in what they should differ in, and in nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pvtt_train.closed_loop.augment import Colours, Framing, hue_matrix, mirrored, moved, recolour
from pvtt_train.closed_loop.batch import Scenes, draw, join, teach
from pvtt_train.closed_loop.codec import TinyCodec
from pvtt_train.closed_loop.pool import (
    Items,
    Pool,
    Shown,
    make_entry,
    make_pool,
    partner,
    read_samples,
    smaller,
    smaller_mask,
)
from pvtt_train.closed_loop.setup import SETUPS, arm_items, following_items, rebuilding_items
from torch.utils._python_dispatch import TorchDispatchMode
from toy_triples import ToyTriple, toy_triple, write_toy_dataset

from pvtt_data.errors import InputError

COUNT = 3


@pytest.fixture(scope="module")
def pool() -> Pool:
    entries = [make_entry(f"{n:016x}", toy_triple(n), None, Shown(variants=2, frames=5)) for n in range(COUNT)]
    made, places, reasons = make_pool(entries)
    assert places == [] and reasons == {"not-asked-for": COUNT}
    return made


def scenes(pool: Pool, table: Items, count: int = 16) -> Scenes:
    torch.manual_seed(5)
    return draw(pool, table, count)


def test_masks_of_a_pool_hold_what_they_are_for_and_keep_each_window(pool: Pool) -> None:
    for i in range(COUNT):
        a, b = pool.products[2 * i], pool.products[2 * i + 1]
        for mask in pool.masks[2 * i]:
            assert (mask | ~(a | b)).float().mean() > 0.99
            assert (mask[1:5] == mask[1]).all(), "widened: one mask for a latent's window"
        assert all((mask | ~b).all() for mask in pool.masks[2 * i + 1])


def test_a_hidden_pose_is_one_mask_for_the_clip_that_holds_all_others(pool: Pool) -> None:
    masks = torch.stack([pool.masks[:, :, t].roll(6 * t, dims=-1) for t in range(pool.masks.shape[2])], dim=2)
    moving = Pool(**{name: getattr(pool, name) for name in Pool.__slots__} | {"masks": masks})
    table = arm_items("motion", COUNT, [], [])
    torch.manual_seed(5)
    shown = draw(moving, table, 16)
    torch.manual_seed(5)
    hidden = draw(moving, table, 16, hiding=1.0)
    assert (shown.mask != shown.mask[:, :, :1]).any(), "masks move"
    assert torch.equal(hidden.mask, hidden.mask[:, :, :1].expand_as(hidden.mask))
    assert torch.equal(hidden.mask[:, :, 0], shown.mask.amax(dim=2))
    assert torch.equal(hidden.content, shown.source) and torch.equal(hidden.target, shown.target)


def test_swapped_inputs_do_not_depend_on_the_target(pool: Pool) -> None:
    table = arm_items("swapped", COUNT, [], [])
    codec = TinyCodec(channels=4, width=8)
    other = Pool(**{name: getattr(pool, name) for name in Pool.__slots__} | {"videos": pool.videos.clone()})
    other.videos[1::2] = 255 - other.videos[1::2]
    with torch.no_grad():
        lesson, changed = (teach(scenes(which, table), codec, 0.0) for which in (pool, other))
    assert torch.equal(lesson.context, changed.context)
    assert not torch.equal(lesson.clean, changed.clean)


def test_rebuilding_shows_what_is_to_be_made_and_following_shows_nothing(pool: Pool) -> None:
    rebuilt = scenes(pool, rebuilding_items(COUNT))
    assert torch.equal(rebuilt.content, rebuilt.target) and torch.equal(rebuilt.source, rebuilt.target)
    blank = (rebuilt.references == 1).flatten(1).all(dim=1)
    assert blank.any() and not blank.all(), "A's videos have no reference, B's have their own"
    followed = scenes(pool, following_items(COUNT))
    assert not followed.content.any()
    assert not (followed.references == 1).flatten(1).all(dim=1).any()


def test_following_is_learnt_with_masks_of_b_and_of_another_product() -> None:
    table = following_items(COUNT)
    assert (table.targets % 2 == 1).all() and torch.equal(table.sources, table.targets)
    for place in range(COUNT):
        mine = table.masks[table.references == place].tolist()
        assert sorted(mine) == [2 * place, 2 * place + 1]


def test_references_are_left_out_in_their_share(pool: Pool) -> None:
    torch.manual_seed(2)
    shown = draw(pool, following_items(COUNT), 400, dropout=0.3)
    blank = (shown.references == 1).flatten(1).all(dim=1)
    assert 0.2 < blank.float().mean() < 0.4
    assert not draw(pool, following_items(COUNT), 100).references.eq(1).flatten(1).all(dim=1).any()


def test_self_reconstruction_shows_contents_in_the_shares_of_swapped_pairs(pool: Pool) -> None:
    swapped, own, grey = (arm_items(arm, COUNT, [], []) for arm in ("swapped", "self", "grey"))
    assert swapped.contents == own.contents == (0.45, 0.3, 0.15, 0.1)
    assert grey.contents == (0, 1, 0, 0) and own.rebuilt and not swapped.rebuilt
    shown = scenes(pool, own, 20)
    alike = [torch.equal(content, source) for content, source in zip(shown.content, shown.source, strict=True)]
    empty = [not content.any() for content in shown.content]
    assert (sum(alike), sum(empty)) == (9, 6)


def test_shuffled_references_are_anothers(pool: Pool) -> None:
    table = arm_items("shuffled", COUNT, [], [1, 2, 0])
    assert table.references.tolist() == [1, 2, 0] and table.targets.tolist() == [1, 3, 5]


def test_a_product_keeps_the_colours_of_its_references(pool: Pool) -> None:
    shown = scenes(pool, following_items(COUNT))
    for target, product, pictures in zip(
        shown.target, moved_products(pool, following_items(COUNT)), shown.references, strict=True
    ):
        inside = target[:, product].median(dim=1).values
        picture = pictures[0, :, 0]
        ground = (picture > 0.95).all(dim=0)
        assert (picture[:, ~ground].median(dim=1).values - inside).abs().max() < 0.1


def moved_products(pool: Pool, table: Items, count: int = 16) -> torch.Tensor:
    """The products of the batch that `scenes` draws."""
    torch.manual_seed(5)
    rows = table.rows(torch.randint(0, len(table), (count,)))
    framing = Framing.draw(count, torch.device("cpu"))
    return framing.of(moved(pool.products[rows.targets].unsqueeze(1)).float(), binary=True).squeeze(1).bool()


def test_reference_frames_count_only_where_asked_for(pool: Pool) -> None:
    codec = TinyCodec(channels=4, width=8)
    with torch.no_grad():
        adapting, pretraining = (teach(scenes(pool, following_items(COUNT), 4), codec, w) for w in (0.0, 1.0))
    assert not adapting.weights[:, :, :2].any() and (pretraining.weights[:, :, :2] == 1).all()
    assert torch.equal(adapting.weights[:, :, 2:], pretraining.weights[:, :, 2:])
    assert adapting.clean.shape == (4, 4, 4, 8, 12) and adapting.context.shape == (4, 72, 4, 8, 12)


def test_batches_are_joined(pool: Pool) -> None:
    one = scenes(pool, following_items(COUNT), 4)
    assert len(join(one, one).target) == 8


def test_hues_turn_and_greys_stay() -> None:
    turn = hue_matrix(torch.tensor([2 * torch.pi / 3]))
    assert torch.allclose(turn @ torch.tensor([1.0, 0.0, 0.0]), torch.tensor([[0.0, 1.0, 0.0]]), atol=1e-5)
    assert torch.allclose(turn @ torch.full((3,), 0.4), torch.full((1, 3), 0.4), atol=1e-6)


def test_only_the_product_is_recoloured() -> None:
    torch.manual_seed(0)
    light, where = torch.rand(6, 3, 2, 4, 4), torch.zeros(6, 1, 2, 4, 4)
    where[..., :2] = 1
    changed = recolour(light, where, Colours.draw(6, torch.device("cpu")))
    assert torch.equal(changed[..., 2:], light[..., 2:])
    assert (changed[..., :2] != light[..., :2]).any() and changed.min() >= 0 and changed.max() <= 1


def test_a_batch_holds_each_way_of_moving() -> None:
    clips = torch.arange(6.0).view(1, 1, 2, 1, 3).repeat(8, 1, 1, 1, 1)
    ways = {tuple(clip.flatten().tolist()) for clip in moved(clips)}
    assert ways == {(0, 1, 2, 3, 4, 5), (2, 1, 0, 5, 4, 3), (3, 4, 5, 0, 1, 2), (5, 4, 3, 2, 1, 0)}


def test_a_picture_is_mirrored_where_its_clip_is() -> None:
    clips = torch.arange(6.0).view(1, 1, 2, 1, 3).repeat(8, 1, 1, 1, 1)
    pictures = torch.arange(3.0).repeat(8, 1)
    for clip, picture in zip(moved(clips), mirrored(pictures), strict=True):
        assert (clip[0, 0, 0].diff() > 0).all() == (picture.diff() > 0).all()


def test_a_framing_enlarges_masks_as_it_does_pictures_and_stretches_references() -> None:
    framing = Framing(torch.tensor([[0.5, 1.0]]), torch.tensor([[0.5, 0.0]]))
    mask = torch.zeros(1, 1, 2, 8, 16)
    mask[..., 2:6, 12:14] = 1
    framed = framing.of(mask, binary=True)
    assert framed[0, 0, 1, 3].tolist() == [0] * 8 + [1] * 4 + [0] * 4, "the right half, twice as wide"
    assert framed[0, 0, 0, :, 9].tolist() == mask[0, 0, 0, :, 13].tolist()
    assert (framing.of(mask).round() == framed).float().mean() > 0.9
    picture = torch.ones(1, 1, 1, 16, 16)
    picture[..., 4:12, 4:12] = 0
    columns, rows = ((framing.stretch().of(picture)[0, 0, 0] < 0.5).any(dim=axis).sum() for axis in (0, 1))
    assert (columns, rows) == (8, 4), "as wide and half as high: the product of the framed clip is twice as wide"


def test_drawing_a_batch_copies_nothing_from_the_processor(pool: Pool) -> None:
    """Otherwise a GPU could not capture it."""

    class Copies(TorchDispatchMode):
        found = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            self.found += func in (torch.ops.aten.lift_fresh.default, torch.ops.aten._local_scalar_dense.default)
            return func(*args, **(kwargs or {}))

    codec, tables = TinyCodec(channels=4, width=8), [arm_items("swapped", COUNT, [], []), rebuilding_items(COUNT)]
    for table in tables:
        teach(scenes(pool, table, 8), codec, 0.0)
        with Copies() as mode, torch.no_grad():
            teach(draw(pool, table, 8), codec, 0.0)
        assert mode.found == 0


def test_a_composited_source_is_bs_clip_with_another_product() -> None:
    triple, other = toy_triple(0), np.zeros((60, 60, 4), np.uint8)
    other[4:56, 4:56] = (250, 10, 200, 255)
    entry = make_entry("00000000000000aa", triple, other, Shown(variants=2))
    if isinstance(entry.composite, str):
        assert entry.composite == "background-untrackable", "a smooth ground cannot be followed"
        return
    source, mask, drawn, differs = entry.composite
    assert (source[~differs] == triple.target[~differs]).all() and mask.any() and len(drawn) == 2


def test_a_triple_without_references_is_told() -> None:
    triple = toy_triple(0)
    bare = ToyTriple(*(getattr(triple, name) for name in list(ToyTriple.__annotations__)[:-1]), references=[])
    with pytest.raises(InputError, match="no references"):
        make_entry("00000000000000aa", bare, None, Shown(variants=1))


def test_triples_of_two_sizes_are_told() -> None:
    entries = [make_entry("00000000000000aa", toy_triple(0), None, Shown(variants=1, frames=n)) for n in (1, 5)]
    with pytest.raises(InputError, match="one size"):
        make_pool(entries)


def test_partners_are_others_and_always_the_same() -> None:
    keys = [f"{n:016x}" for n in range(9)]
    found = {key: partner(key, keys) for key in keys}
    assert all(key != other for key, other in found.items())
    assert found[keys[0]] == partner(keys[0], keys[::-1])


def test_videos_shrink_by_means_and_to_sixteenths() -> None:
    video = np.arange(2 * 36 * 70 * 3, dtype=np.uint32).reshape(2, 36, 70, 3).astype(np.uint8)
    small = smaller(video, 2)
    assert small.shape == (2, 16, 32, 3)
    assert small[0, 0, 0, 0] == round(video[0, :2, :2, 0].mean())
    mask = np.zeros((1, 32, 32), np.bool_)
    mask[0, :2, :1] = True
    assert smaller_mask(mask, 2)[0, 0, 0], "half of the pixels are enough"
    assert smaller(video, 1) is video


def test_every_size_asks_for_the_same_arms_of_shorter_courses() -> None:
    whole = SETUPS["gpu"]
    short = whole.scaled(0.5)
    assert short.pretraining.steps == whole.pretraining.steps // 2
    assert short.model == whole.model and short.shown == whole.shown


def test_stills_under_a_moving_window_are_no_videos_to_learn_from(tmp_path: Path) -> None:
    folder = write_toy_dataset(tmp_path / "v1", tmp_path / "media", train=3, test=1, engines={1: "panzoom"})
    assert [sample.meta.engine for sample in read_samples([folder], ["train"])] == ["render", "render"]
    stills = write_toy_dataset(tmp_path / "v2", tmp_path / "more", train=1, test=1, engines={0: "panzoom"})
    with pytest.raises(InputError, match="no swapped triples of train"):
        read_samples([stills], ["train"])
