"""Batches come in order, whatever the threads do; a bad sample is named, or replaced and counted where allowed."""

from __future__ import annotations

import json
import pickle
import threading
import time
from itertools import islice
from pathlib import Path

import pytest
import torch
from pvtt_train.data.buckets import Bucket
from pvtt_train.data.config import DataConfig
from pvtt_train.data.examples import CorruptSampleError
from pvtt_train.data.loader import Loader
from pvtt_train.lesson import Lesson

from pvtt_data.errors import InputError

CPU = torch.device("cpu")
Seen = list[tuple[tuple[str, ...], float]]


class Toys:
    """Lessons whose numbers tell sample and epoch; some cannot be read, some take longer."""

    name = "toys"

    def __init__(self, count: int = 24, bad: tuple[int, ...] = (), slow_s: float = 0.0) -> None:
        self.count, self.bad, self.slow_s = count, bad, slow_s
        self.made = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.unreadable: dict[str, str] = {}

    def __len__(self) -> int:
        return self.count

    def keys(self) -> tuple[str, ...]:
        return tuple(f"{number:016x}" for number in range(self.count))

    def shape(self, number: int) -> Bucket:
        return Bucket(5, 64, 64, 2)

    def bucket(self, number: int, epoch: int) -> Bucket:
        return Bucket(5, 64, 64, 1 + (number + epoch) % 2)

    def example(self, number: int, epoch: int) -> Lesson:
        assert self.gate.wait(10)
        time.sleep(self.slow_s if number % 3 else 2 * self.slow_s)
        if number in self.bad:
            raise CorruptSampleError(self.keys()[number], "torn")
        references = self.bucket(number, epoch).references
        value = torch.full((1, 2, references + 2, 4, 4), number + epoch / 100)
        weights = torch.full((1, 1, references + 2, 4, 4), 1.25)
        self.made.release()
        return Lesson((self.keys()[number],), value, value, weights, value[:, :, 0, 0], ("grey",))


def data(**changes: object) -> DataConfig:
    return DataConfig.model_validate({"shards": Path("v1"), "global_batch": 4, **changes})


def loader(examples: Toys, config: DataConfig, rank: int = 0, world: int = 1) -> Loader:
    return Loader(examples, config, device=CPU, dtype=torch.float32, rank=rank, world=world)


def taken(made: Loader, count: int) -> Seen:
    return [(lesson.keys, float(lesson.clean.sum())) for lesson in islice(made, count)]


def steps(examples: Toys, count: int, batch: int, world: int) -> list[list[str]]:
    """Keys of each step, over all GPUs, sorted."""
    found: list[list[str]] = [[] for _ in range(count)]
    for rank in range(world):
        with loader(examples, data(batch=batch), rank, world) as made:
            for step in range(count):
                for _ in range(made.micro_batches):
                    found[step] += next(made).keys
    return [sorted(keys) for keys in found]


def test_threads_and_prefetch_change_nothing() -> None:
    with loader(Toys(), data(threads=1, prefetch=1)) as one, loader(Toys(slow_s=1e-3), data(threads=4)) as many:
        assert taken(one, 60) == taken(many, 60)


def test_a_step_is_the_same_however_it_is_shared_out() -> None:
    alone = steps(Toys(), 15, batch=4, world=1)
    assert steps(Toys(), 15, batch=1, world=1) == alone
    assert steps(Toys(), 15, batch=1, world=2) == alone
    assert steps(Toys(), 15, batch=2, world=2) == alone
    assert steps(Toys(), 15, batch=1, world=4) == alone


def test_batches_are_joined_in_order_and_moved() -> None:
    made = Loader(Toys(), data(batch=4), device=CPU, dtype=torch.bfloat16)
    with made:
        lesson = next(made)
    assert lesson.clean.shape[0] == len(lesson.keys) == len(lesson.contents) == 4
    assert lesson.clean.dtype == lesson.text.dtype == torch.bfloat16 and lesson.weights.dtype == torch.float32
    assert [int(key, 16) for key in lesson.keys] == lesson.clean[:, 0, 0, 0, 0].float().round().int().tolist()


@pytest.mark.parametrize("before", [0, 1, 4, 6, 11, 30])
def test_a_stopped_loader_goes_on_with_the_same_batches(before: int) -> None:
    """Within a step, too; what was made ahead is neither lost nor seen twice."""
    with loader(Toys(), data()) as whole:
        taken(whole, before)
        state = json.loads(json.dumps(whole.state_dict()))
        expected = taken(whole, 40)
        later = whole.state_dict()
    with loader(Toys(), data(prefetch=7, threads=3)) as again:
        taken(again, 3)
        again.load_state_dict(state)
        assert again.state_dict() == state
        assert taken(again, 40) == expected
        assert again.state_dict() == later


def test_between_steps_the_number_of_gpus_may_change() -> None:
    with loader(Toys(), data(batch=2)) as alone:
        taken(alone, 6)
        state = alone.state_dict()
        expected = [sorted(key for keys, _ in taken(alone, 2) for key in keys) for _ in range(5)]
    ranks = [loader(Toys(), data(), rank, 2) for rank in range(2)]
    for made in ranks:
        made.load_state_dict(state)
    shared = [sorted(key for made in ranks for keys, _ in taken(made, 2) for key in keys) for _ in range(5)]
    for made in ranks:
        made.close()
    assert shared == expected


def test_states_that_do_not_fit_are_refused() -> None:
    with loader(Toys(), data()) as made:
        taken(made, 1)
        state = made.state_dict()
    with loader(Toys(), data(batch=2)) as other:
        with pytest.raises(InputError, match="within a step"):
            other.load_state_dict(state)
        with pytest.raises(InputError, match="toys, not of others"):
            other.load_state_dict({**state, "examples": "others"})
    with loader(Toys(), data(seed=3)) as other, pytest.raises(InputError, match="seed"):
        other.load_state_dict({**state, "done": 0})


def test_a_corrupt_sample_stops_training_with_its_key() -> None:
    with loader(Toys(bad=(5,)), data()) as made, pytest.raises(CorruptSampleError, match="0005: torn") as told:
        taken(made, 24)
    assert told.value.key == f"{5:016x}"


def test_allowed_corrupt_samples_are_replaced_and_counted() -> None:
    """By another of the same bucket; all threads and a resumed run replace it by the same."""
    bad, config = (5, 7), data(allow_corrupt=2)
    with loader(Toys(bad=bad), config) as made:
        seen = taken(made, 48)
        assert made.corrupt == {f"{5:016x}": "torn", f"{7:016x}": "torn"}
    with loader(Toys(), config) as sound:
        differ = [(one, other) for one, other in zip(seen, taken(sound, 48), strict=True) if one != other]
    assert {int(keys[0], 16) for _, (keys, _) in differ} == set(bad)
    assert all(int(keys[0], 16) % 2 == 1 for (keys, _), _ in differ)
    with loader(Toys(bad=bad), config.model_copy(update={"threads": 5})) as again:
        assert taken(again, 48) == seen
    with loader(Toys(bad=(5, 7, 9)), config) as made, pytest.raises(CorruptSampleError):
        taken(made, 48)


class Lone(Toys):
    """Toys one of which is of a size that no other has."""

    def bucket(self, number: int, epoch: int) -> Bucket:
        return Bucket(5, 64, 128, 1) if number == 5 else super().bucket(number, epoch)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_corrupt_sample_without_its_like_is_replaced_by_one_of_another_size(batch: int) -> None:
    """By the next one in every epoch; and a batch is of one size whatever stands in it."""
    config, lone = data(allow_corrupt=1, batch=batch), f"{5:016x}"
    with loader(Lone(bad=(5,)), config) as made:
        seen = taken(made, 240 // batch)
        assert made.corrupt == {lone: "torn"}
    with loader(Lone(), config) as sound:
        expected = taken(sound, 240 // batch)
    differ = [(one, other) for (one, _), (other, _) in zip(seen, expected, strict=True) if one != other]
    assert [other for _, other in differ] == [(lone,) * batch] * (8 // batch), "eight epochs and more"
    assert {one for one, _ in differ} == {(f"{6:016x}",) * batch}
    with loader(Lone(bad=(5,)), config.model_copy(update={"threads": 5})) as again:
        assert taken(again, 60 // batch) == seen[: 60 // batch]
        state = again.state_dict()
    with loader(Lone(bad=(5,)), config) as resumed:
        resumed.load_state_dict(state)
        assert taken(resumed, 180 // batch) == seen[60 // batch :]


def test_another_of_its_batch_stands_in_for_a_sample_whose_like_have_passed() -> None:
    """A batch may hold turns of two epochs: of the later one no other sample has this bucket."""

    class Turning(Toys):
        def bucket(self, number: int, epoch: int) -> Bucket:
            return Bucket(5, 64, 64 if epoch == 0 or number == 9 else 128, 1)

    config, lone = data(allow_corrupt=1, batch=4), f"{9:016x}"
    bad, sound = loader(Turning(23, bad=(9,)), config), loader(Turning(23), config)
    with bad, sound:
        pairs = [(one, other) for (one, _), (other, _) in zip(taken(bad, 30), taken(sound, 30), strict=True)]
    # 23 samples are five batches and three that wait for the next epoch.
    [(one, other)] = [(one, other) for one, other in pairs[5:] if 0 < other.count(lone) < 4]
    assert other.index(lone) == 3 and one == (*other[:3], other[0])


@pytest.mark.parametrize("allowed", [2, 3])
def test_where_nothing_can_stand_in_the_advice_is_another(allowed: int) -> None:
    """To allow more would not help, whether that many are allowed or one less."""
    said = r"torn; no other sample can be read.*pvtt-data verify v1"
    with (
        loader(Toys(3, bad=(0, 1, 2)), data(allow_corrupt=allowed)) as made,
        pytest.raises(CorruptSampleError, match=said) as told,
    ):
        taken(made, 3)
    assert not told.value.replaceable and not pickle.loads(pickle.dumps(told.value)).replaceable
    with loader(Toys(3, bad=(0, 1)), data()) as made, pytest.raises(CorruptSampleError, match=r"torn$") as told:
        taken(made, 9)
    assert told.value.replaceable


def test_what_was_unreadable_before_counts_too() -> None:
    examples = Toys(bad=(5,))
    examples.unreadable = {"f" * 16: "no JSON"}
    with loader(examples, data(allow_corrupt=1)) as made, pytest.raises(CorruptSampleError, match="0005: torn"):
        taken(made, 24)
    with loader(examples, data(allow_corrupt=2)) as made:
        taken(made, 24)
        assert made.corrupt == {f"{5:016x}": "torn"}


def test_a_fault_names_the_sample_too() -> None:
    class Faulty(Toys):
        def example(self, number: int, epoch: int) -> Lesson:
            if number == 5:
                raise ZeroDivisionError
            return super().example(number, epoch)

    with loader(Faulty(), data(allow_corrupt=9)) as made, pytest.raises(ZeroDivisionError) as told:
        taken(made, 24)
    assert told.value.__notes__ == [f"while sample {5:016x} was loaded"]


def test_corrupt_samples_count_over_a_resumption() -> None:
    with loader(Toys(bad=(5,)), data(allow_corrupt=1)) as made:
        taken(made, 48)
        state = made.state_dict()
    with loader(Toys(bad=(7,)), data(allow_corrupt=1)) as made:
        made.load_state_dict(state)
        with pytest.raises(CorruptSampleError, match="0007"):
            taken(made, 48)


def test_batches_are_made_while_the_step_works() -> None:
    examples = Toys()
    with loader(examples, data(prefetch=2)) as made:
        next(made)
        # One was handed out, and as many as may wait get ready while nobody asks.
        assert all(examples.made.acquire(timeout=10) for _ in range(3))
        assert not examples.made.acquire(timeout=0.05)


def test_what_a_batch_is_waited_for_is_measured() -> None:
    examples = Toys()
    examples.gate.clear()
    with loader(examples, data()) as made:
        threading.Timer(0.1, examples.gate.set).start()
        next(made)
        waited = made.times.last_wait_s
        assert waited == made.times.wait_s > 0.05
        next(made)
        assert made.times.wait_s == waited + made.times.last_wait_s and made.times.batches == 2


def test_nothing_global_is_drawn() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with loader(Toys(), data()) as made:
        taken(made, 10)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_global_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(InputError, match=r"4\) must be divisible by data\.batch \(1\) times the number of GPUs \(3\)"):
        loader(Toys(), data(), 0, 3)
    with pytest.raises(ValueError, match="divisible by batch"):
        data(batch=3)
