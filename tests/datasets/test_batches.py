import dataclasses
import itertools
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest

from perface_jax.datasets import batches, plans

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Source:
    """Pictures in memory; a picture's values tell triplet, role and column."""

    pictures: np.ndarray
    votes: np.ndarray
    annotator: np.ndarray | None = None

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, position):
        return self.pictures[position]


def make_source(triplets=23, size=4):
    triplet = np.arange(triplets)[:, None, None, None, None]
    role = np.arange(3)[None, :, None, None, None]
    column = np.arange(size)[None, None, None, :, None]
    pictures = np.broadcast_to(triplet * 10 + role + 3 * (column == 0), (triplets, 3, size, size, 3)).astype(np.uint8)
    votes = np.random.default_rng(0).integers(0, 2, (triplets, 3)).astype(np.int8)
    return Source(pictures, votes)


def majority(source):
    return (source.votes.sum(axis=1) >= 2).astype(np.int8)


def equal(one, other):
    return all(np.array_equal(one[name], other[name]) for name in ("images", "votes", "weight", "triplet"))


def training(source=None, indices=range(23), **options):
    source = source or make_source()
    return batches.training_batches(source, majority(source), indices, **{"batch_size": 6, "seed": 0, **options})


def test_the_label_decides_which_picture_is_positive_and_c_is_the_reference():
    source = Source(make_source(2).pictures, np.array([[0, 0, 1], [1, 1, 1]], np.int8))
    (batch,) = batches.evaluation_batches(source, np.array([0, 1]), [0, 1], batch_size=2)
    # Triplet 0 is labeled a: reference c = 2, positive a = 0, negative b = 1. Triplet 1 is labeled b: c, b, a.
    assert batch["images"][..., -1, -1, 0].tolist() == [[2, 0, 1], [12, 11, 10]]
    assert batch["votes"].tolist() == [[2, 1], [3, 0]]
    assert {name: batch[name].dtype for name in batch} == {
        "images": np.uint8, "votes": np.float32, "weight": np.float32, "triplet": np.int32}  # fmt: skip


def test_a_missing_vote_counts_for_nobody():
    source = Source(make_source(1).pictures, np.array([[1, -1, -1]], np.int8))
    (batch,) = batches.evaluation_batches(source, np.array([1]), [0], batch_size=1)
    assert batch["votes"].tolist() == [[1, 0]]


def test_a_source_that_knows_who_voted_gives_every_vote_with_its_annotator():
    votes, who = np.array([[0, 1, -1], [1, 0, 1]], np.int8), np.array([[7, 3, -1], [2, -1, 7]], np.int32)
    source = Source(make_source(2).pictures, votes, who)
    (batch,) = batches.evaluation_batches(source, np.array([0, 1]), [0, 1], batch_size=3)
    assert batch["annotator"].tolist() == [[7, 3, 0], [2, 0, 7], [0, 0, 0]]
    assert batch["sides"].tolist() == [[1, -1, 0], [1, 0, 1], [0, 0, 0]]  # of nobody, and of the padding: no vote


def test_an_epoch_holds_no_triplet_twice_and_the_next_epoch_has_another_order():
    steps = list(itertools.islice(training(), 6))  # 23 // 6 = 3 steps an epoch
    epochs = [np.concatenate([batch["triplet"] for batch in steps[i : i + 3]]) for i in (0, 3)]
    assert [len(set(epoch.tolist())) for epoch in epochs] == [18, 18]
    assert epochs[0].tolist() != epochs[1].tolist()
    assert set(np.concatenate(epochs).tolist()) <= set(range(23))


def test_only_the_given_triplets_are_drawn():
    chosen = [1, 4, 5, 9, 16, 20, 22]
    seen = np.concatenate([batch["triplet"] for batch in itertools.islice(training(indices=chosen), 5)])
    assert set(seen.tolist()) <= set(chosen)


def test_one_integer_resumes():
    straight = list(itertools.islice(training(), 9))
    resumed = list(itertools.islice(training(start_step=4), 5))
    assert all(equal(one, other) for one, other in zip(straight[4:], resumed, strict=True))
    assert not equal(straight[0], straight[1])


def test_another_seed_gives_another_order():
    assert next(training(seed=1))["triplet"].tolist() != next(training(seed=2))["triplet"].tolist()


def test_a_flip_is_shared_by_the_three_roles_and_hits_about_half():
    steps = list(itertools.islice(training(), 60))
    images = np.concatenate([batch["images"] for batch in steps])
    # Column 0 of a stored picture is 3 brighter: after a flip the last column is.
    brighter_left = images[:, :, 0, 0, 0] > images[:, :, 0, -1, 0]
    assert (brighter_left.all(axis=1) | ~brighter_left.any(axis=1)).all()
    assert 0.4 < brighter_left[:, 0].mean() < 0.6  # 360 draws: 4 standard deviations
    unflipped = next(training(flip=False))["images"]
    assert (unflipped[..., 0, 0] > unflipped[..., -1, 0]).all()


def test_flips_of_a_triplet_change_from_epoch_to_epoch():
    drawn = [
        plans.training_plan(make_source(), np.zeros(23, int), range(23), batch_size=23, seed=0, step=step)
        for step in range(8)
    ]
    flips = np.stack([plan["flip"][np.argsort(plan["triplet"])] for plan in drawn])
    assert (flips.any(axis=0) & ~flips.all(axis=0)).mean() > 0.9


@pytest.mark.parametrize("process_count", [1, 2, 3])
def test_processes_share_one_global_batch(process_count):
    whole = list(itertools.islice(training(), 5))
    parts = [
        list(itertools.islice(training(process_index=p, process_count=process_count), 5)) for p in range(process_count)
    ]
    joined = [{name: np.concatenate([part[i][name] for part in parts]) for name in whole[0]} for i in range(5)]
    assert all(equal(one, other) for one, other in zip(whole, joined, strict=True))


PROCESS = """
import itertools, sys
import numpy as np
from tests.datasets import test_batches
p, count, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
steps = list(itertools.islice(test_batches.training(process_index=p, process_count=count), 8))
np.savez(out, **{name: np.stack([batch[name] for batch in steps]) for name in steps[0]})
"""


def test_two_real_processes_see_the_order_of_one(tmp_path):
    runs = [(0, 1, tmp_path / "whole.npz"), (0, 2, tmp_path / "first.npz"), (1, 2, tmp_path / "second.npz")]
    started = [subprocess.Popen([sys.executable, "-c", PROCESS, *map(str, run)], cwd=ROOT) for run in runs]
    assert [process.wait(timeout=120) for process in started] == [0, 0, 0]
    whole, first, second = (np.load(path) for _, _, path in runs)
    for name in whole:
        assert np.array_equal(whole[name], np.concatenate([first[name], second[name]], axis=1))


def test_evaluation_takes_every_triplet_once_and_pads_with_weight_zero():
    source, indices = make_source(), [3, 1, 4, 15, 9, 2, 6]
    steps = list(batches.evaluation_batches(source, majority(source), indices, batch_size=4))
    triplet, weight = (np.concatenate([batch[name] for batch in steps]) for name in ("triplet", "weight"))
    assert triplet.tolist() == [3, 1, 4, 15, 9, 2, 6, -1]
    assert weight.tolist() == [1] * 7 + [0]
    assert np.concatenate([batch["votes"] for batch in steps])[-1].tolist() == [0, 0]
    assert {batch["images"].shape for batch in steps} == {(4, 3, 4, 4, 3)}


def test_evaluation_on_two_processes_takes_every_triplet_once():
    source = make_source()
    seen = [
        [
            batch["triplet"]
            for batch in batches.evaluation_batches(
                source, majority(source), range(23), batch_size=8, process_index=p, process_count=2
            )
        ]
        for p in range(2)
    ]
    assert [len(steps) for steps in seen] == [3, 3]  # every process takes part in every step
    triplets = np.concatenate([np.concatenate(steps) for steps in seen])
    assert sorted(triplets[triplets >= 0].tolist()) == list(range(23))


def test_pictures_resident_on_the_device_give_the_batches_of_the_disk():
    source = make_source()
    resident = jax.device_put(source.pictures.reshape(-1, *source.pictures.shape[2:]))
    gather = jax.jit(plans.gather)
    for step, batch in enumerate(itertools.islice(training(source), 5)):
        plan = plans.training_plan(source, majority(source), range(23), batch_size=6, seed=0, step=step)
        assert np.array_equal(gather(resident, plan), batch["images"])
        assert equal({**plan, "images": batch["images"]}, batch)


def test_reading_processes_give_the_same_batches():
    threads = list(itertools.islice(training(), 5))
    processes = list(itertools.islice(training(workers=2), 5))
    assert all(equal(one, other) for one, other in zip(threads, processes, strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0, expected at least 1"),
        ({"indices": [-1, *range(22)]}, "1 of 23 indices are outside of 0..22, the first is -1"),
        ({"indices": [*range(22), 23]}, "1 of 23 indices are outside of 0..22, the first is 23"),
        ({"batch_size": 24}, "23 triplets do not fill one batch of 24"),
        ({"batch_size": 5, "process_count": 2}, "batch_size 5 must divide by process_count 2"),
        ({"process_index": 2, "process_count": 2}, "process_index 2 must be in 0..1"),
    ],
)
def test_what_cannot_be_batched_is_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        training(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"indices": [0, -1], "batch_size": 2}, "1 of 2 indices are outside of 0..22, the first is -1"),
        ({"indices": [0, 23], "batch_size": 2}, "1 of 2 indices are outside of 0..22, the first is 23"),
        ({"indices": [0], "batch_size": -2}, "batch_size is -2, expected at least 1"),
    ],
)
def test_an_evaluation_and_a_plan_refuse_indices_and_sizes_out_of_range(options, message):
    source = make_source()
    with pytest.raises(ValueError, match=message):
        batches.evaluation_batches(source, majority(source), **options)
    with pytest.raises(ValueError, match=message):
        plans.training_plan(source, majority(source), seed=0, step=0, **options)


def test_a_triplet_without_label_is_refused_and_named():
    source = make_source()
    labels = majority(source)
    labels[17] = -1
    message = "1 of 23 triplets have no label 0 or 1, the first at position 17"
    for iterator in (batches.training_batches, batches.evaluation_batches):
        options = {"seed": 0} if iterator is batches.training_batches else {}
        with pytest.raises(ValueError, match=message):
            iterator(source, labels, range(23), batch_size=6, **options)
