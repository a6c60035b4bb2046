"""Pairs of different people and their quantiles, by hand."""

import numpy as np
import pytest

from perface_jax.similarity_scale import different_people, quantiles
from perface_jax.similarity_scale.background import SHARES, share_below
from tests.similarity_scale.simulation import people

VECTORS = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 1.0]])


def test_pictures_of_one_person_are_no_pair():
    pairs = different_people(VECTORS, np.array(["anna", "anna", "bert", "carl"]))
    np.testing.assert_allclose(pairs.cosine, [0, 0.5**0.5, 0, 0.5**0.5, 0.5**0.5], atol=1e-12)
    found = quantiles(pairs, origin="mine")
    assert (found.pictures, found.people, found.pairs, found.origin) == (4, 3, 5, "mine")
    np.testing.assert_allclose(found.quantiles[[0, 100, 200]], [0, 0.5**0.5, 0.5**0.5], atol=1e-6)


def test_swaps_differ_in_source_and_in_target():
    pairs = different_people(VECTORS, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert [*zip(pairs.first, pairs.second, strict=True)] == [(0, 3), (1, 2)]
    with pytest.raises(ValueError, match="none of 4 pictures shows another person"):
        different_people(VECTORS, np.array([0, 0, 1, 1]), np.zeros(4, int))


def test_of_many_pictures_every_person_keeps_some():
    embeddings, person = people(0, count=10, pictures=5)
    pairs = different_people(embeddings, np.append(person[:-5], np.zeros(5, int)), most=20)
    assert len(pairs.clusters[0]) == 20
    assert sorted(np.bincount(pairs.clusters[0])) in ([2] * 7 + [3] * 2, [2] * 8 + [4], [0, *[2] * 7, 3, 3])


def test_the_share_below_a_cosine_is_that_of_the_pairs():
    embeddings, person = people(0)
    pairs = different_people(embeddings, person)
    found = quantiles(pairs)
    for cosine in (-2, -0.1, 0.2, 0.4, 2):
        assert share_below(found, cosine).value == pytest.approx(np.mean(pairs.cosine < cosine), abs=0.003)
    np.testing.assert_allclose(found.quantiles, np.quantile(pairs.cosine, SHARES), atol=1e-6)
    middle = share_below(found, float(np.median(pairs.cosine)))
    assert 0.3 < middle.low < middle.value < middle.high < 0.7
    assert share_below(found, 2).high == 1
    assert share_below(found, 2).low == found.low[-2]
    same = found._replace(quantiles=np.full(201, 0.5))
    assert [share_below(same, cosine).value for cosine in (0.4, 0.5, 0.6)] == [0, 0.5, 1]
