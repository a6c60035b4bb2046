import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from perface_jax.privacy import Ranks, cumulative_match, found_within, ranks, share

# Cosines to four originals along the axes: the entries. All lengths are 1.
AXES = np.eye(4)
MADE = np.array([[0.8, 0.6, 0, 0], [0.6, 0, 0.8, 0], [0.5, 0.5, 0.5, 0.5], [0, 0.8, 0, 0.6]])
# 1: own .8, nobody above.  2: own 0, above it .6 and .8, and the fourth ties.  3: own .5, all others tie.
# 4: own .6, above it .8.
# Within the first 1: 1, 0, 1/4, 0.  2: 1, 0, 2/4, 1.  3: 1, 1/2, 3/4, 1.  4: all.
WITHIN = np.array([[1, 0, 1 / 4, 0], [1, 0, 2 / 4, 1], [1, 1 / 2, 3 / 4, 1], [1, 1, 1, 1]])


def test_ranks_of_a_table_worked_by_hand():
    found = ranks(MADE, AXES)
    np.testing.assert_array_equal(found.better, [0, 2, 0, 1])
    np.testing.assert_array_equal(found.tied, [0, 1, 3, 0])
    for k, wanted in enumerate(WITHIN, 1):
        np.testing.assert_array_equal(found_within(found, k=k), wanted)
    curve = cumulative_match(found, most=9)
    assert [one.value for one in curve] == [5 / 16, 10 / 16, 13 / 16, 1, 1, 1, 1, 1, 1]


def test_every_rank_of_the_curve_has_its_interval_over_persons():
    random = np.random.default_rng(0)
    originals, persons = random.normal(size=(60, 6)), np.repeat(np.arange(30), 2)
    found = ranks(originals + 1.5 * random.normal(size=originals.shape), originals, persons)
    curve = cumulative_match(found, persons, most=5, seed=3, resamples=200)
    wanted = [share(found_within(found, k=k), persons, seed=3, resamples=200) for k in range(1, 6)]
    assert curve == wanted
    assert all(one.low < one.value < one.high for one in curve)
    assert curve != cumulative_match(found, most=5, seed=3, resamples=200)  # pictures of a person are not independent


def test_ties_are_broken_as_by_chance():
    found = Ranks(np.array([2]), np.array([3]))
    random = np.random.default_rng(0)
    places = 2 + np.argsort(random.uniform(size=(20000, 4)), axis=1).argmin(axis=1)  # places of the own among the tied
    for k in range(1, 8):
        assert found_within(found, k=k)[0] == pytest.approx((places < k).mean(), abs=0.015)


def test_the_most_similar_original_of_the_own_person_counts():
    # The first person has the originals 1 and 3. Of 1, the best of .8 and 0 is .8: the .6 between them is not above.
    # Of 3, both are .5, as are the two of others. 2 and 4 as before.
    found = ranks(MADE, AXES, np.array(["a", "b", "a", "c"]))
    np.testing.assert_array_equal(found.better, [0, 2, 0, 1])
    np.testing.assert_array_equal(found.tied, [0, 1, 2, 0])


def test_the_gallery_may_hold_other_pictures():
    gallery = np.concatenate([AXES, [[0.6, 0.8, 0, 0]]])
    found = ranks(MADE[:2], gallery, [7, 8], original_persons=[9, 9, 8, 10, 7])
    # 1 against person 7: .8 * .6 + .6 * .8 = .96, nothing above; 2 against person 8, axis 3: .8, nothing above
    np.testing.assert_array_equal(found.better, [0, 0])
    found = ranks(MADE[:2], gallery, [8, 7], original_persons=[9, 9, 8, 10, 7])
    # 1 against axis 3: 0, above are .8 .6 .96, axis 4 ties; 2 against the fifth, .36: above are .6 and .8
    np.testing.assert_array_equal(found.better, [3, 2])
    np.testing.assert_array_equal(found.tied, [1, 0])


def test_the_nearest_original_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    originals = random.normal(size=(600, 8))
    made = originals + 0.7 * random.normal(size=originals.shape)
    nearest = NearestNeighbors(n_neighbors=5, metric="cosine").fit(originals).kneighbors(made, return_distance=False)
    found = ranks(made, originals)
    own = nearest == np.arange(600)[:, None]
    np.testing.assert_array_equal(found_within(found, k=1), own[:, 0])
    np.testing.assert_array_equal(found_within(found, k=5), own.any(axis=1))
    assert 0.1 < own[:, 0].mean() < 0.9


def test_copied_originals_tie_and_share():
    random = np.random.default_rng(0)
    originals = np.tile(random.normal(size=(1, 512)), (7, 1))
    found = ranks(random.normal(size=(7, 512)), originals)
    np.testing.assert_array_equal(found.tied, 6)
    np.testing.assert_allclose(found_within(found, k=1), 1 / 7)


def test_unchanged_pictures_are_found_and_the_curve_only_rises():
    random = np.random.default_rng(0)
    originals = random.normal(size=(300, 16))
    assert found_within(ranks(originals, originals), k=1).all()
    found = cumulative_match(ranks(random.normal(size=(300, 16)), originals), most=300, resamples=2)
    curve = np.array([one.value for one in found])
    assert (np.diff(curve) >= 0).all()
    assert curve[0] < 0.05
    assert curve[-1] == 1
    assert curve.mean() == pytest.approx(0.5, abs=0.06)  # of embeddings that say nothing, every rank is as likely


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="anonymized have 4 numbers each, originals 3; wanted the same number"):
        ranks(MADE, AXES[:, :3] + 1)
    with pytest.raises(ValueError, match="4 anonymized pictures and 3 originals; wanted row i of the first"):
        ranks(MADE, AXES[:3])
    with pytest.raises(ValueError, match="original_persons without persons"):
        ranks(MADE, AXES, original_persons=[1, 2, 3, 4])
    with pytest.raises(ValueError, match="2 of 4 anonymized pictures show a person without an original, the first z;"):
        ranks(MADE, AXES, ["a", "z", "y", "b"], original_persons=["a", "b", "c", "d"])
    with pytest.raises(ValueError, match=r"persons have shape \(3,\); wanted \(4,\)"):
        ranks(MADE, AXES, [1, 2, 3, 4], original_persons=[1, 2, 3])
    with pytest.raises(ValueError, match="k is 0; wanted 1 or more"):
        found_within(ranks(MADE, AXES), k=0)
