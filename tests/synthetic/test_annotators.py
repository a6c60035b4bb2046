import numpy as np
import pytest

from perface_jax.synthetic import annotators


def crowd(features=4, **options):
    return annotators.recruit(0, features, **options)


def test_chance_of_a_is_the_logistic_of_the_margin():
    people = annotators.Annotators(np.ones((2, 1)), np.array([1.0, 2.0]), np.array([0.0, 0.5]), np.array([0.0, 0.1]))
    # by hand: 1 / (1 + exp(-3)) = .95257; .9 / (1 + exp(-6.5)) + .05 = .94865
    chance = annotators.chances(people, np.array([[1.0, 1.0]]), 3.0)
    np.testing.assert_allclose(chance, [[0.95257413, 0.94864892]], atol=1e-7)


def test_margin_is_positive_when_a_is_closer_to_the_reference():
    people = annotators.Annotators(np.array([[0.25, 0.75]]), *np.ones((3, 1)))
    a, b, c = (1.0, 0.0), (0.0, 2.0), (0.0, 0.0)
    # d(a, c) = sqrt(.25) = .5, d(b, c) = sqrt(.75 * 4) = 1.7320508
    np.testing.assert_allclose(annotators.margins(people, [[a, b, c]]), [[1.2320508]], atol=1e-7)


def test_expected_agreement_is_the_mean_over_pairs_of_people():
    # pairs: (.9, .5): .5; (.9, .2): .18 + .08 = .26; (.5, .2): .5
    assert annotators.expected_agreement(np.array([[0.9, 0.5, 0.2]])) == pytest.approx((0.5 + 0.26 + 0.5) / 3)


def test_calibration_reaches_the_agreement_that_is_asked_for():
    people = crowd()
    margin = annotators.margins(people, np.random.default_rng(1).standard_normal((500, 3, 4)))
    gain = annotators.calibrate(people, margin, agreement=0.65)
    assert annotators.expected_agreement(annotators.chances(people, margin, gain)) == pytest.approx(0.65, abs=1e-6)


def test_careless_people_fail_the_dummies_and_give_no_valid_vote():
    people = crowd(careless=2)
    given = annotators.answer(2, people, np.random.default_rng(3).standard_normal((300, 3, 4)))
    careless = np.flatnonzero(people.lapse > 0.5)
    assert not given.kept[careless].any()
    assert not np.isin(given.annotator, np.flatnonzero(~given.kept)).any()
    assert set(given.discarded[:, 1]) == set(np.flatnonzero(~given.kept))
    who, wanted, said = given.dummies.T
    wrong = np.bincount(who, wanted != said, len(people.lapse))
    np.testing.assert_array_equal(wrong <= annotators.MISSES, given.kept)


def test_three_different_people_vote_on_every_triplet_and_share_the_work():
    given = annotators.answer(2, crowd(), np.random.default_rng(3).standard_normal((3000, 3, 4)))
    assert all(len(set(row)) == 3 for row in given.annotator)
    load = np.bincount(given.annotator.ravel(), minlength=18)[given.kept]
    assert load.max() < 1.3 * load.min()


def test_too_few_careful_people_is_an_error_that_counts_them():
    people = crowd(annotators=4, careless=4)
    with pytest.raises(ValueError, match=r"only \d of 4 annotators pass the dummies"):
        annotators.answer(0, people, np.zeros((1, 3, 4)))
