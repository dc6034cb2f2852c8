"""The order of samples follows from a seed alone, leaves none out, and goes on where it stood."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvtt_train.data.buckets import Bucket, Order, Turn, epoch_order, rank_share

from pvtt_data.errors import InputError

KEYS = st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), min_size=1, max_size=20, unique=True)


def bucket(number: int, epoch: int) -> Bucket:
    """Two sizes; the number of references changes from epoch to epoch."""
    return Bucket(5, 64, 64 + 32 * (number % 2), 1 + (number + epoch) % 3)


def order(keys: list[str], seed: int = 0, size: int = 4) -> Order:
    return Order(keys, bucket, seed, size)


@settings(max_examples=60, deadline=None)
@given(KEYS, st.integers(0, 5), st.integers(1, 6))
def test_batches_are_of_one_bucket_and_every_sample_is_dealt_once_an_epoch(
    keys: list[str], seed: int, size: int
) -> None:
    dealt = order(keys, seed, size)
    turns: list[Turn] = []
    for batch in islice(dealt, 40):
        assert len(batch) == size
        assert len({bucket(turn.number, turn.epoch) for turn in batch}) == 1
        turns += batch
    assert max(Counter(turns).values()) == 1
    begun = Counter(turn.epoch for turn in turns)
    # What an epoch has not given yet waits: never more than five buckets' worth and a batch that is not full.
    waiting = dealt.state_dict()["waiting"]
    assert len(waiting) <= 6 * (size - 1)
    for epoch in range(int(dealt.epochs)):
        assert begun[epoch] + sum(turn[1] == epoch for turn in waiting) == len(keys)


@settings(max_examples=60, deadline=None)
@given(KEYS, st.integers(1, 6), st.integers(0, 30), st.integers(1, 30))
def test_a_state_is_gone_on_from(keys: list[str], size: int, before: int, after: int) -> None:
    whole = order(keys, size=size)
    for _ in range(before):
        next(whole)
    state = json.loads(json.dumps(whole.state_dict()))
    again = order(keys, size=size)
    next(again)
    again.load_state_dict(state)
    assert list(islice(again, after)) == list(islice(whole, after))
    assert again.epochs == whole.epochs


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_ranks_share_a_batch_without_rest(size: int, world: int, rounds: int) -> None:
    batch = list(range(size * world * rounds))
    shares = [rank_share(batch, size, rank, world) for rank in range(world)]
    assert all([len(part) for part in share] == [size] * rounds for share in shares)
    together = [number for step in zip(*shares, strict=True) for part in step for number in part]
    assert together == batch


def test_seed_and_epoch_change_the_order_and_nothing_else_does() -> None:
    keys = [f"{number:04x}" for number in range(50)]
    orders = {tuple(epoch_order(keys, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9
    assert list(islice(order(keys), 20)) == list(islice(order(keys), 20))
    # Which keys come first does not depend on the numbers that they have.
    backwards = keys[::-1]
    assert [backwards[n] for n in epoch_order(backwards, 1, 2)] == [keys[n] for n in epoch_order(keys, 1, 2)]


def test_a_rare_size_is_trained_as_often_as_it_occurs() -> None:
    """One sample of twenty has a size of its own, and batches are of four."""
    dealt = Order(
        [f"{number:04x}" for number in range(20)], lambda number, epoch: Bucket(5, 64, 64 + number // 19 * 16), 0, 4
    )
    seen = Counter(turn.number for batch in islice(dealt, 200) for turn in batch)
    assert seen[19] == 40
    assert all(38 <= seen[number] <= 42 for number in range(20))


@pytest.mark.parametrize(("name", "other"), [("seed", 1), ("size", 8)])
def test_the_state_of_another_order_is_refused(name: str, other: int) -> None:
    with pytest.raises(InputError, match=f"begun with {name} {other}"):
        order(["a", "b"]).load_state_dict({**order(["a", "b"]).state_dict(), name: other})


def test_no_samples_are_told() -> None:
    with pytest.raises(InputError, match="no sample"):
        order([])
