"""Image-blind baselines, worked by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import metrics

# Training: source 0 has b, b, a -> b; source 1 has a, b -> tie; source 2 has only a triplet without a label;
# source 3 has a -> a; source 4 is unseen. In all: 3 a, 3 b.
TRAINING = np.array([1, 1, 0, 0, 1, -1, 0], np.int8)
TRAINING_IDS = np.array([0, 0, 0, 1, 1, 2, 3])
LABELS = np.array([1, 0, 0, 1, 0, 1, 0, -1], np.int8)
IDS = np.array([0, 0, 1, 2, 3, 3, 4, 0])
BY_SOURCE = [1, 0, 0.5, np.nan, 1, 0, np.nan, np.nan]


def test_a_look_up_gives_the_answer_of_most_training_triplets_of_the_source():
    np.testing.assert_array_equal(metrics.lookup_baseline(TRAINING, TRAINING_IDS, LABELS, IDS, size=5), BY_SOURCE)


def test_ids_out_of_range_are_ignored_in_training_and_nan_in_the_test():
    training, ids = np.append(TRAINING, [0, 0, 0]), np.append(TRAINING_IDS, [-1, 7, 5])
    scores = metrics.lookup_baseline(training, ids, np.append(LABELS, [0, 0]), np.append(IDS, [-1, 5]), size=4)
    np.testing.assert_array_equal(scores, [*BY_SOURCE, np.nan, np.nan])


def test_test_labels_are_compared_with_and_never_counted():
    # Every test label but one is b; training says a.
    labels = np.array([1, 1, 1, 1, 0])
    np.testing.assert_array_equal(metrics.majority_side(np.array([0, 0, 1]), labels), [0, 0, 0, 0, 1])
    zeros = np.zeros(5, int)
    np.testing.assert_array_equal(
        metrics.lookup_baseline(np.array([0]), np.array([0]), labels, zeros, size=1), [0, 0, 0, 0, 1]
    )


def test_the_majority_side_is_that_of_training_and_a_tie_is_one_half():
    np.testing.assert_array_equal(metrics.majority_side(np.array([1, -1, 1, 0]), LABELS), [1, 0, 0, 1, 0, 1, 0, np.nan])
    np.testing.assert_array_equal(metrics.majority_side(TRAINING, LABELS), [0.5] * 7 + [np.nan])


def test_without_a_training_label_there_is_no_baseline():
    assert np.isnan(metrics.majority_side(np.full(3, -1), LABELS)).all()
    assert np.isnan(metrics.majority_side(np.zeros(0, int), LABELS)).all()
    assert metrics.majority_side(TRAINING, np.zeros(0, int)).shape == (0,)


def test_they_run_under_jit_and_vmap_and_with_leading_dimensions():
    training, other = np.stack([TRAINING, 1 - abs(TRAINING)]), np.stack([LABELS, LABELS[::-1]])
    training_ids, ids = np.stack([TRAINING_IDS, TRAINING_IDS[::-1]]), np.stack([IDS, IDS[::-1]])

    def both(training, training_ids, labels, ids):
        lookup_baseline = metrics.lookup_baseline(training, training_ids, labels, ids, size=5)
        return jnp.stack([lookup_baseline, metrics.majority_side(training, labels)], axis=-2)

    wanted = [both(*(x[i] for x in (training, training_ids, other, ids))) for i in range(2)]
    assert not np.array_equal(wanted[0], wanted[1], equal_nan=True)
    np.testing.assert_array_equal(jax.jit(jax.vmap(both))(training, training_ids, other, ids), wanted)
    np.testing.assert_array_equal(both(training, training_ids, other, ids), wanted)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(TypeError, match="training labels are float32"):
        metrics.majority_side(jnp.ones(3), LABELS)
    with pytest.raises(TypeError, match="ids are float32"):
        metrics.lookup_baseline(TRAINING, TRAINING_IDS, LABELS, jnp.zeros(8), size=5)
    with pytest.raises(ValueError, match=r"labels \(8,\), ids \(7,\)"):
        metrics.lookup_baseline(TRAINING, TRAINING_IDS, LABELS, IDS[1:], size=5)
