import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from perface_jax.privacy import attack_heads
from perface_jax.privacy.attack_heads import Kind, fit_heads, fixed_head


@pytest.fixture(scope="module")
def pairs():
    random = np.random.default_rng(0)
    one = random.normal(size=(200, 5))
    return one @ random.normal(size=(5, 5)) + random.normal(size=(200, 5)), one


def test_within_whitens_what_the_anonymizer_changes(pairs):
    heads = [head for head in fit_heads(*pairs) if head.kind is Kind.WITHIN]
    assert [head.shrinkage for head in heads] == [0.003, 0.03, 0.3]
    change = pairs[0] - pairs[1]
    covariance = np.cov(change.T, bias=True)
    for head in heads:
        np.testing.assert_array_equal(head.anonymized_map, head.originals_map)
        shrunk = covariance + head.shrinkage * np.trace(covariance) / 5 * np.eye(5)
        np.testing.assert_allclose(head.anonymized_map @ head.anonymized_map.T, np.linalg.inv(shrunk), rtol=1e-9)


def test_across_finds_the_canonical_directions_of_scikit_learn(pairs, monkeypatch):
    monkeypatch.setitem(attack_heads.SHRINKAGE, "across", (1e-12,))
    head = [*fit_heads(*pairs)][-1]
    ours = [(rows - rows.mean(0)) @ maps for rows, maps in zip(pairs, head[3::2], strict=True)]
    theirs = CCA(n_components=5, max_iter=10000, tol=1e-12).fit(*pairs).transform(*pairs)
    for own, other in zip(ours, theirs, strict=True):
        alike = np.abs(np.corrcoef(own.T, other.T)[:5, 5:])
        np.testing.assert_allclose(np.diag(alike), 1, atol=1e-4)
    strength = np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(ours[0].T, ours[1].T, strict=True)])
    weights = np.sqrt(strength / (1 - strength**2))
    np.testing.assert_allclose([x.std() for x in ours[0].T], weights, rtol=1e-6)


def test_vectors_of_two_spaces_have_only_the_heads_that_join_them(pairs):
    kinds = [head.kind for head in fit_heads(pairs[0], pairs[1][:, :3])]
    assert kinds == 3 * [Kind.ACROSS]
    assert [head.kind for head in fit_heads(*pairs)] == [Kind.FIXED, *3 * [Kind.WITHIN], *3 * [Kind.ACROSS]]


def test_the_fixed_head_changes_only_the_length(pairs):
    head = fixed_head(5)
    for mapped in (head.of_anonymized(pairs[0]), head.of_originals(pairs[0])):
        np.testing.assert_allclose(mapped, pairs[0] / np.linalg.norm(pairs[0], axis=1, keepdims=True))
    np.testing.assert_array_equal(head.of_originals(np.zeros((1, 5))), np.zeros((1, 5)))
