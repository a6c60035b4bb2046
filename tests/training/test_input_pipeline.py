"""Pictures from disk and pictures on the device give the same batches, one step a call or several."""

import types

import jax
import numpy as np
import pytest

from benchmarks.runs import configure, random_triplets
from perface_jax import annotations, parallel
from perface_jax.datasets.plans import gather
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.training import input_pipeline, sweeps


@pytest.fixture(scope="module")
def triplets():
    return random_triplets(20, image_size=4)


@pytest.fixture
def mesh():
    return parallel.make_mesh(devices=jax.devices()[:2])


def _open(triplets, mesh, *, rows=None, **fields):
    config = configure("r18-4", image_size=4, batch_size=4)
    config.evaluation_batch_size = 4
    config.update_from_flattened_dict(fields)
    labels = annotations.majority(annotations.Votes(ids=triplets.ids, votes=triplets.votes)).label
    split = rows and types.SimpleNamespace(rows=rows)
    data = LabeledTriplets(triplets, labels, labels, np.arange(14), {"validation": np.arange(14, 20)}, split)
    replicas = sweeps.replicas(config)
    return input_pipeline.open_triplets(replicas, [data] * len(replicas), mesh)


def _pictures(pipeline, batch):
    """The images of every step of a batch, `[K, B, 3, H, W, C]`."""
    if "images" in batch:
        return np.asarray(batch["images"][0])
    (pictures,) = map(np.asarray, pipeline.shared)
    steps = [jax.tree.map(lambda x: np.asarray(x[0, k]), batch) for k in range(batch["weight"].shape[1])]  # noqa: B023
    return np.stack([gather(pictures, step) for step in steps])


@pytest.mark.parametrize("count", [1, 3])
def test_disk_and_device_give_the_same_steps_in_calls_of_any_length(triplets, mesh, count):
    disk, device = (_open(triplets, mesh, feed=feed, steps_per_call=count) for feed in ("disk", "on_device"))
    assert disk.epochs == device.epochs == (3,)
    for step in (0, count, 7):  # the last one does not follow: training goes on from a checkpoint
        one, other = disk.training(step, count), device.training(step, count)
        assert one["images"].shape == (1, count, 4, 3, 4, 4, 3)
        np.testing.assert_array_equal(_pictures(disk, one), _pictures(device, other))
        for name in ("votes", "weight"):
            np.testing.assert_array_equal(one[name], other[name])


def test_disk_and_device_validate_the_same_rows(triplets, mesh):
    disk, device = (_open(triplets, mesh, feed=feed) for feed in ("disk", "resident"))
    for one, other in zip(disk.validation(), device.validation(), strict=True):
        np.testing.assert_array_equal(_pictures(disk, one), _pictures(device, other))
    assert np.asarray(one["weight"]).sum() == 2  # of 4 rows: six triplets in batches of four


@pytest.mark.parametrize("feed", ["disk", "on_device"])
def test_every_validation_triplet_comes_as_reference_a_b_with_a_label_or_without(triplets, mesh, feed):
    pipeline = _open(triplets, mesh, feed=feed, rows={"validation": np.arange(12, 20)})
    seen = np.concatenate([_pictures(pipeline, batch)[0] for batch in pipeline.validation(every=True)])
    np.testing.assert_array_equal(seen, np.stack([triplets[i][[2, 0, 1]] for i in range(12, 20)]))
    assert len([*pipeline.validation()]) == 2  # six with a label, in batches of four


def test_the_score_is_the_share_of_rows_whose_positive_is_nearer_and_padding_does_not_count(triplets, mesh):
    cosines = np.tile(np.float32([[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 3 + [[0.9, 0.1]] * 2), (1, 1, 1))
    assert _open(triplets, mesh).score(cosines) == pytest.approx([0.5])


def test_the_right_rows_of_each_source_are_counted_and_unknown_sources_are_none(mesh):
    triplets = random_triplets(20, image_size=4)
    cosines = np.tile(np.float32([[0.9, 0.1]] * 3 + [[0.1, 0.9], [0.5, 0.5], [0.1, 0.9]]), (1, 1, 1))
    for sources, wanted in (([7, 7, 3, 3, 3, 9], {"3": (1.5, 3), "7": (2.0, 2), "9": (0.0, 1)}), ([-1] * 6, {})):
        object.__setattr__(triplets, "source_id", np.array([0] * 14 + sources))
        for feed in ("disk", "on_device"):
            assert _open(triplets, mesh, feed=feed).by_source(cosines) == [wanted]
    assert _open(triplets, mesh).by_source(np.full_like(cosines, np.nan)) == [{}]


@pytest.mark.parametrize("fields", [{"steps_per_call": 0}, {"sweep.seed": (0, 1)}])
def test_disk_serves_one_replica_and_calls_of_a_known_length(triplets, mesh, fields):
    with pytest.raises(ValueError, match="need config.feed=on_device"):
        _open(triplets, mesh, feed="disk", **fields)
