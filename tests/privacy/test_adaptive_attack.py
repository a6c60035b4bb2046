import numpy as np
import pytest

from perface_jax import privacy
from perface_jax.privacy import adaptive_attack

PEOPLE = 90


@pytest.fixture(scope="module")
def random():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def originals(random):
    return random.normal(size=(PEOPLE, 16))


@pytest.fixture(scope="module")
def turned(random, originals):
    """An anonymizer that fixed recognizers miss and that undoing reveals: it turns the space."""
    turn = np.linalg.qr(random.normal(size=(16, 16)))[0]
    return originals @ turn + 0.2 * random.normal(size=originals.shape)


def test_who_learns_finds_people_that_the_fixed_recognizer_misses(originals, turned):
    found = adaptive_attack(turned, originals, resamples=100)
    assert found.fixed.re_identified.value < 0.1
    assert found.learned.re_identified.low > 0.9
    assert found.learned.true_accept_rate.value > 0.8
    assert found.gain.low > 0.8
    assert {kind for kind, _ in found.heads} == {"across"}
    assert (found.pictures, found.persons, found.gallery, found.chance) == (PEOPLE, PEOPLE, 30, pytest.approx(1 / 30))


def test_noise_that_is_strong_in_few_directions_is_learned_from_few_people():
    random = np.random.default_rng(0)
    originals, directions = random.normal(size=(36, 32)), np.linalg.qr(random.normal(size=(32, 4)))[0].T
    hidden = originals + 8 * random.normal(size=(36, 4)) @ directions
    found = adaptive_attack(hidden, originals, resamples=100)
    assert found.fixed.re_identified.value < 0.7 < 0.9 < found.learned.re_identified.value
    assert {kind for kind, _ in found.heads} == {"within"}


def test_what_has_nothing_of_the_original_stays_at_chance(random, originals):
    """Over twelve anonymizers that draw new faces: the mean is chance, and the intervals cover it."""
    found = [adaptive_attack(random.normal(size=originals.shape), originals, resamples=10) for _ in range(12)]
    shares = np.array([one.learned.re_identified for one in found])
    assert shares[:, 0].mean() == pytest.approx(1 / 30, abs=0.02)
    assert np.mean((shares[:, 1] <= 1 / 30) & (1 / 30 <= shares[:, 2])) >= 0.8
    assert np.mean([one.learned.true_accept_rate.value for one in found]) < 0.01


def test_nobody_is_attacked_by_a_head_that_has_seen_them(originals, turned):
    """Whose own pictures do not follow the method is not found, though everybody else's do."""
    mixed = turned.copy()
    mixed[0] = turned[1] * 0.5 - turned[2]
    whole = adaptive_attack(turned, originals, resamples=10)
    found = adaptive_attack(mixed, originals, resamples=10)
    assert found.learned.re_identified.value == pytest.approx(whole.learned.re_identified.value - 1 / PEOPLE)


def test_vectors_of_two_spaces_have_no_fixed_recognizer(random, originals):
    other = np.tanh(originals @ random.normal(size=(16, 24)) / 4)
    found = adaptive_attack(other, originals, resamples=10)
    assert np.isnan([*found.fixed, found.gain]).all()
    assert found.learned.re_identified.value > 0.8


def test_the_gallery_may_hold_other_pictures_and_other_people(random, originals, turned):
    persons = np.array([f"p{i}" for i in range(PEOPLE)])
    order = random.permutation(PEOPLE)
    gallery = np.concatenate([originals[order], originals + 0.1 * random.normal(size=originals.shape), -originals[:9]])
    owners = np.concatenate([persons[order], persons, [f"stranger {i}" for i in range(9)]])
    found = adaptive_attack(turned, gallery, persons, original_persons=owners, resamples=100)
    assert found.learned.re_identified.value > 0.9
    assert found.gallery == 63  # two pictures of thirty people, and three strangers
    assert found.chance == pytest.approx(2 / 63)
    assert found.persons == PEOPLE


def test_the_rates_are_those_of_verification_and_identification_in_one_gallery(originals, turned):
    """With the head of one fold, by the functions of other rooms."""
    found = adaptive_attack(turned, originals, resamples=10, false_accept_rate=0.05, seed=3)
    again = adaptive_attack(turned, originals, resamples=10, false_accept_rate=0.05, seed=3)
    assert found == again
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (turned, originals)]
    order = np.random.default_rng(3).permutation(PEOPLE)
    hits, scores, same = np.empty(PEOPLE), [], []
    for fold in range(3):
        rows = order[fold::3]
        hits[rows] = privacy.found_within(privacy.ranks(turned[rows], originals[rows]), k=1)
        similarity = unit[0][rows] @ unit[1][rows].T
        own = np.eye(len(rows), dtype=bool)
        scores.append(((similarity - similarity[~own].mean()) / similarity[~own].std()).ravel())
        same.append(own.ravel())
    rate = privacy.true_accept_rate(np.concatenate(scores), np.concatenate(same), false_accept_rate=0.05)
    assert found.fixed.re_identified.value == pytest.approx(hits.mean())
    assert found.fixed.true_accept_rate.value == pytest.approx(rate)


def test_equal_pictures_of_all_people_are_chance(originals):
    found = adaptive_attack(np.ones_like(originals), originals, resamples=10)
    assert found.learned.re_identified.value == pytest.approx(1 / 30, abs=1e-6)


def test_what_does_not_fit_is_refused(originals, turned):
    with pytest.raises(ValueError, match="11 persons with anonymized pictures; .* needs 12"):
        adaptive_attack(turned[:11], originals[:11])
    with pytest.raises(ValueError, match="folds is 23 for 90 persons; wanted 2 to 22"):
        adaptive_attack(turned, originals, folds=23)
    with pytest.raises(ValueError, match="false_accept_rate is 1"):
        adaptive_attack(turned, originals, false_accept_rate=1)
    with pytest.raises(ValueError, match="90 anonymized pictures and 80 originals"):
        adaptive_attack(turned, originals[:80])
    with pytest.raises(ValueError, match="original_persons without persons"):
        adaptive_attack(turned, originals, original_persons=np.arange(PEOPLE))
