import numpy as np
import pytest

from perface_jax import privacy

FACES = np.random.default_rng(0).normal(size=(4, 3))


def with_row(row):
    faces = FACES.copy()
    faces[2] = row
    return faces


@pytest.mark.parametrize(
    ("originals", "error", "message"),
    [
        (FACES.astype(int), TypeError, "originals are int64; wanted floating embeddings"),
        (FACES[0], ValueError, r"originals have shape \(3,\); wanted \[N, D\]"),
        (FACES[:0], ValueError, r"originals have shape \(0, 3\); wanted \[N, D\]"),
        (with_row(np.nan), ValueError, "1 of 4 originals are zero or not finite, the first in row 2; leave pictures"),
        (with_row(np.inf), ValueError, "1 of 4 originals are zero or not finite, the first in row 2"),
        (with_row(0), ValueError, "1 of 4 originals are zero or not finite, the first in row 2"),
        (FACES[:3], ValueError, r"originals have shape \(3, 3\), anonymized \(4, 3\); wanted the same, with row i"),
        (FACES[:, :2], ValueError, r"originals have shape \(4, 2\), anonymized \(4, 3\); wanted the same"),
    ],
)
def test_invalid_pairs_of_embeddings_are_refused(originals, error, message):
    with pytest.raises(error, match=message):
        privacy.paired_similarity(originals, FACES)


@pytest.mark.parametrize(
    ("persons", "error", "message"),
    [
        ([0, 1, 2], ValueError, r"persons have shape \(3,\); wanted \(4,\), one per picture"),
        ([[0, 1, 2, 3]], ValueError, r"persons have shape \(1, 4\)"),
        ([0.0, 1, 2, 3], TypeError, "persons are float64; wanted integers or strings"),
        ([0, 1, None, 2], TypeError, "persons are object"),
        (["a", np.nan, "b", "c"], ValueError, "1 persons have no name, the first is 'nan' in row 1; wanted a name"),
        (["a", "b", " ", ""], ValueError, "2 persons have no name, the first is ' ' in row 2"),
    ],
)
def test_invalid_persons_are_refused(persons, error, message):
    for function in (privacy.impostor_pairs, privacy.genuine_pairs):
        with pytest.raises(error, match=message):
            function(FACES, persons)
    with pytest.raises(error, match=message):
        privacy.share(np.ones(4), persons)
    with pytest.raises(error, match=message):
        privacy.ranks(FACES, FACES, persons)


def test_the_length_and_precision_of_an_embedding_do_not_matter():
    scaled = (FACES * [[1e-20], [3], [1e20], [0.1]]).astype(np.float32)
    np.testing.assert_allclose(privacy.paired_similarity(scaled, -FACES), -1, atol=1e-6)
    with_scale, without = privacy.impostor_pairs(scaled), privacy.impostor_pairs(FACES)
    np.testing.assert_allclose(with_scale.similarity, without.similarity, atol=1e-6)
