"""The losses: hand-worked rows, PyTorch's version of them and of their gradients, and the places where they break."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.test_util import check_grads

from perface_jax import losses

# cos(x, x+) and cos(x, x-) by hand: row 0: 0.6, 0.8; row 1: 1, 0; row 2: 0.8, 0.75 / 0.85 -> below.
REFERENCE = jnp.array([[1.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
POSITIVE = jnp.array([[3.0, 4.0], [0.0, 5.0], [4.0, 3.0]])
NEGATIVE = jnp.array([[4.0, 3.0], [7.0, 0.0], [15.0, 8.0]])


def test_the_loss_is_the_hinge_of_equation_1_per_triplet():
    # .8 - .6 + .1 = .3;  0 - 1 + .1 < 0;  15/17 - .8 + .1 = .182353
    loss = losses.cosine_triplet(REFERENCE, POSITIVE, NEGATIVE)
    np.testing.assert_allclose(loss, [0.3, 0, 0.18235294], atol=1e-6)


def test_a_larger_margin_adds_up_until_the_hinge():
    loss = losses.cosine_triplet(REFERENCE, POSITIVE, NEGATIVE, margin=1.5)
    np.testing.assert_allclose(loss, [1.7, 0.5, 1.58235294], atol=1e-6)


def test_the_gradient_agrees_with_pytorch(key):
    arrays = [np.asarray(jax.random.normal(next(key), (6, 8))) for _ in range(3)]
    ours = jax.jit(jax.grad(lambda *x: losses.cosine_triplet(*x, margin=0.3).sum(), (0, 1, 2)))(*arrays)

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    cosine = torch.nn.functional.cosine_similarity
    reference, positive, negative = tensors
    torch.clamp(cosine(reference, negative) - cosine(reference, positive) + 0.3, min=0).sum().backward()
    for gradient, tensor in zip(ours, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-6)


def test_a_collapsed_embedding_gives_finite_gradients():
    zeros = jnp.zeros((1, 4))
    loss, gradient = jax.jit(jax.value_and_grad(lambda x: losses.cosine_triplet(x, x, x).sum()))(zeros)
    np.testing.assert_allclose(loss, 0.1, rtol=1e-6)
    assert jnp.isfinite(gradient).all()


def test_leading_dimensions_are_free(key):
    x = jax.random.normal(next(key), (3, 2, 5, 8))
    loss = jax.jit(losses.cosine_triplet)
    np.testing.assert_allclose(jax.vmap(loss)(*x), loss(*x), atol=1e-6)


def _vectors(number, *, rows=6):
    return [x for x in np.random.default_rng(0).standard_normal((number, rows, 8))]


def _agrees_with_torch(ours, theirs, arrays):
    """Values and gradients of a loss by all its arrays, in float64, to 1e-9; and ours against finite differences."""
    ours = jax.jit(ours)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = theirs(*tensors)
    expected.sum().backward()
    with jax.enable_x64(True):
        arrays = [jnp.asarray(array) for array in arrays]
        np.testing.assert_allclose(ours(*arrays), expected.detach().numpy(), rtol=1e-9, atol=1e-9)
        gradients = jax.grad(lambda *x: ours(*x).sum(), tuple(range(len(arrays))))(*arrays)
        for gradient, tensor in zip(gradients, tensors, strict=True):
            np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-9, atol=1e-9)
        check_grads(ours, tuple(arrays), order=1, modes=["rev"])


TORCH_COSINE = functools.partial(torch.nn.functional.cosine_similarity, dim=-1)
TORCH_CROSS_ENTROPY = functools.partial(torch.nn.functional.cross_entropy, reduction="none")
VOTES = np.array([[3.0, 0.0], [2.0, 1.0], [0.0, 3.0], [0.0, 0.0], [1.0, 4.0], [0.5, 0.25]])


def test_soft_vote_is_the_mean_log_loss_of_the_votes():
    # Row 0: z = (.6 - .8) / .1 = -2, three votes for the positive: log(1 + e^2) = 2.126928
    # Row 1: z = (1 - 0) / .1 = 10, votes 1 : 3: (log(1 + e^-10) + 3 log(1 + e^10)) / 4 = 7.500045
    # Row 2: nobody voted: 0
    votes = jnp.array([[3, 0], [1, 3], [0, 0]])
    loss = losses.soft_vote(REFERENCE, POSITIVE, NEGATIVE, votes, temperature=0.1)
    np.testing.assert_allclose(loss, [2.126928, 7.500045, 0], rtol=1e-5)


def test_soft_vote_agrees_with_pytorch():
    def theirs(reference, positive, negative):
        z = (TORCH_COSINE(reference, positive) - TORCH_COSINE(reference, negative)) / 0.2
        total = torch.tensor(VOTES).sum(-1)
        share = torch.where(total > 0, torch.tensor(VOTES)[:, 0] / total, 0.5)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z, share, reduction="none")
        return torch.where(total > 0, loss, 0)

    _agrees_with_torch(lambda *x: losses.soft_vote(*x, VOTES, temperature=0.2), theirs, _vectors(3))


def test_soft_vote_is_least_where_the_model_gives_the_share_of_the_votes():
    # sigma(z) = 2/3 at z = log 2: with cosines 1 and 1 - .1 log 2 and temperature .1; the loss is the entropy .636514
    negative = jnp.array([1 - 0.1 * math.log(2), math.sqrt(1 - (1 - 0.1 * math.log(2)) ** 2)])
    positive = jnp.array([1.0, 0.0])

    @jax.jit
    def loss(negative):
        return losses.soft_vote(positive, positive, negative, jnp.array([2.0, 1.0]), temperature=0.1)

    np.testing.assert_allclose(loss(negative), 0.636514, rtol=1e-5)
    np.testing.assert_allclose(jax.grad(loss)(negative), [0, 0], atol=1e-5)


def test_votes_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3,\); wanted \(3, 2\)"):
        losses.soft_vote(REFERENCE, POSITIVE, NEGATIVE, jnp.ones(3), temperature=0.1)


def test_votes_under_masks_are_those_of_their_annotators():
    # Dimensions weigh mask^2. Row 0, unit vectors (1, 0), (.6, .8), (.8, .6): with the mask (1, 1) the difference is
    # .6 - .8 = -.2, with (2, 1) it is 4 times that; over .2: -1 and -4. Votes for the positive and for the negative:
    # (log(1 + e) + log(1 + e^-4)) / 2 = (1.313262 + .018150) / 2. Rows 1 and 2: no dimension counts, and no vote.
    masks = jnp.array([[[1.0, 1.0], [2.0, 1.0]], [[0.0, 0.0], [9.0, 9.0]], [[1.0, 1.0], [1.0, 1.0]]])
    votes = jnp.array([[1, -1], [1, 0], [0, 0]])
    loss = losses.annotator_votes(REFERENCE, POSITIVE, NEGATIVE, masks, votes, temperature=0.2)
    np.testing.assert_allclose(loss, [0.665706, math.log(2), 0], rtol=1e-5)
    ones = losses.annotator_votes(REFERENCE, POSITIVE, NEGATIVE, jnp.ones((3, 2, 2)), votes, temperature=0.1)
    shared = losses.soft_vote(REFERENCE, POSITIVE, NEGATIVE, jnp.array([[1, 1], [1, 0], [0, 0]]), temperature=0.1)
    np.testing.assert_allclose(ones, shared, rtol=1e-5)


def test_the_gradient_of_a_mask_agrees_with_pytorch():
    random = np.random.default_rng(2)
    masks, sides = random.uniform(0, 2, (6, 3, 8)), random.integers(-1, 2, (6, 3))
    vectors = _vectors(3)

    def theirs(masks, reference, positive, negative):
        x, y, z = (torch.nn.functional.normalize(one, dim=-1)[:, None] for one in (reference, positive, negative))
        difference = (masks * x * masks * y).sum(-1) - (masks * x * masks * z).sum(-1)
        given = torch.tensor(np.abs(sides))
        loss = -torch.nn.functional.logsigmoid(torch.tensor(sides) * difference / 0.2) * given
        return loss.sum(-1) / given.sum(-1).clamp(min=1)

    def ours(masks, *vectors):
        return losses.annotator_votes(*vectors, masks, sides, temperature=0.2)

    _agrees_with_torch(ours, theirs, [masks, *vectors])


def test_masks_of_another_number_than_the_votes_are_refused():
    with pytest.raises(ValueError, match=r"votes \[..., V\]; got \(3, 2\), \(3, 2, 2\) and \(3, 1\)"):
        losses.annotator_votes(REFERENCE, POSITIVE, NEGATIVE, jnp.ones((3, 2, 2)), jnp.ones((3, 1)), temperature=0.1)


def test_odd_one_out_is_the_log_probability_of_the_pair_that_is_left():
    # cos(r, p) = .6, cos(r, n) = .8, cos(p, n) = .96; over .2: 3, 4, 4.8; exp: 20.0855, 54.5982, 121.5104
    # log of the sum 196.1941 is 5.279105; odd = 2 leaves (r, p): 5.279105 - 3; odd = 1: - 4; odd = 0: - 4.8
    roles = REFERENCE[0], POSITIVE[0], NEGATIVE[0]
    for odd, wanted in ((2, 2.279105), (1, 1.279105), (0, 0.479105)):
        np.testing.assert_allclose(losses.odd_one_out(*roles, odd=odd, temperature=0.2), wanted, rtol=1e-5)
    np.testing.assert_allclose(losses.odd_one_out(*roles, temperature=0.2), 2.279105, rtol=1e-5)


def test_odd_one_out_agrees_with_pytorch():
    odd = np.array([0, 1, 2, 2, 1, 0], np.int8)

    def theirs(first, second, third):
        pairs = TORCH_COSINE(second, third), TORCH_COSINE(first, third), TORCH_COSINE(first, second)
        return TORCH_CROSS_ENTROPY(torch.stack(pairs, -1) / 0.2, torch.tensor(odd).long())

    _agrees_with_torch(lambda *x: losses.odd_one_out(*x, odd=odd, temperature=0.2), theirs, _vectors(3))


LABELS = np.array([3, 0, 4, 4, 1, 2])


def _insightface(embeddings, classes, *, margin=0.5, scale=64.0):
    """arcface_torch's loss, with `easy_margin = False`."""
    normalize = torch.nn.functional.normalize
    logits = normalize(embeddings) @ normalize(classes).T
    own = logits[range(6), LABELS]
    turned = torch.cos(torch.acos(own) + margin)
    own = torch.where(own > math.cos(math.pi - margin), turned, own - math.sin(math.pi - margin) * margin)
    logits = logits.index_put((torch.arange(6), torch.tensor(LABELS)), own)
    return TORCH_CROSS_ENTROPY(logits * scale, torch.tensor(LABELS))


def _faces_and_classes():
    embeddings, classes = _vectors(2)
    classes = classes[:5]
    embeddings[0] = -3 * classes[3] + 0.1 * embeddings[0]  # an angle of more than pi - margin
    embeddings[1] = 2 * classes[0] + 0.1 * embeddings[1]
    return embeddings, classes


@pytest.mark.parametrize("options", [{}, {"margin": 0.3, "scale": 8.0}, {"margin": 0.0}])
def test_arcface_agrees_with_insightface(options):
    ours = functools.partial(losses.arcface, labels=LABELS, **options)
    _agrees_with_torch(ours, functools.partial(_insightface, **options), _faces_and_classes())


def test_arcface_by_hand_before_and_beyond_the_threshold():
    # Classes at 0 and 90 degrees, scale 2, margin pi / 6. At 60 degrees from class 0 (30 from class 1) with label 0:
    # logits 2 cos 90 = 0 and 2 cos 30 = 1.732051: log(1 + e^1.732051) = 1.894953.
    # At 180 degrees: 2 (-1 - pi / 6 sin 30) = -2.523599 and 2 cos 90 = 0: log(1 + e^2.523599) = 2.600718.
    classes = jnp.array([[2.0, 0.0], [0.0, 3.0]])
    embeddings = jnp.array([[1.0, 3.0**0.5], [-4.0, 0.0]])
    loss = losses.arcface(embeddings, classes, jnp.array([0, 0]), margin=math.pi / 6, scale=2.0)
    np.testing.assert_allclose(loss, [1.894953, 2.600718], rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("degrees", [0, 180 - math.degrees(0.5), 180])
def test_arcface_has_finite_gradients_at_the_edges_of_the_margin(degrees, dtype):
    angle = np.radians(degrees) + np.array([-1e-3, -1e-7, 0, 1e-7, 1e-3])
    embeddings = jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], -1), dtype)
    classes = jnp.array([[5.0, 0.0], [0.0, 1.0]], dtype)
    loss = functools.partial(losses.arcface, labels=jnp.zeros(5, int))
    values, pull = jax.vjp(jax.jit(loss), embeddings, classes)
    gradients = pull(jnp.ones_like(values))
    assert jnp.isfinite(values).all()
    assert (values.dtype, gradients[0].dtype) == ("float32", dtype)
    assert jnp.isfinite(gradients[1]).all()
    # By theta, each of the two logits changes by at most its scale of 64; twice that is left to rounding.
    assert jnp.abs(gradients[0]).max() < 2 * 2 * 64


def test_a_label_that_is_no_class_gives_a_loss_that_is_no_number_but_may_be_masked():
    embeddings, classes = (jnp.asarray(x, jnp.float32) for x in _faces_and_classes())
    labels = jnp.array([3, -1, 5, 4, 1, 2])
    loss = jax.jit(losses.arcface)
    assert jnp.isnan(loss(embeddings, classes, labels)).tolist() == [False, True, True, False, False, False]

    @jax.jit
    def masked(embeddings, classes):
        return jnp.sum(loss(embeddings, classes, labels), where=(labels >= 0) & (labels < 5))

    kept = jnp.array([0, 3, 4, 5])
    value, (gradient, _) = jax.value_and_grad(masked, (0, 1))(embeddings, classes)
    np.testing.assert_allclose(value, loss(embeddings[kept], classes, labels[kept]).sum(), rtol=1e-6)
    assert (gradient[1:3] == 0).all()
    assert jnp.isfinite(gradient).all()


def test_arcface_refuses_shapes_and_labels_that_do_not_fit():
    with pytest.raises(ValueError, match=r"got \(6, 8\), \(5, 7\) and \(6,\)"):
        losses.arcface(jnp.ones((6, 8)), jnp.ones((5, 7)), jnp.zeros(6, int))
    with pytest.raises(TypeError, match="labels are float32"):
        losses.arcface(jnp.ones((6, 8)), jnp.ones((5, 8)), jnp.zeros(6))


LOSSES = {
    "soft_vote": lambda *x: losses.soft_vote(*x, jnp.array([[2.0, 1.0]] * x[0].shape[0], x[0].dtype), temperature=0.1),
    "odd_one_out": functools.partial(losses.odd_one_out, temperature=0.1),
    "annotator_votes": lambda x, y, z: losses.annotator_votes(
        x, y, z, jnp.ones((x.shape[0], 1, x.shape[1]), x.dtype), jnp.ones((x.shape[0], 1), int), temperature=0.1
    ),
    "arcface": lambda x, y, z: losses.arcface(x, jnp.concatenate([y, z]), jnp.arange(x.shape[0])),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_zero_vectors_give_finite_losses_and_zero_gradients(loss):
    zeros = jnp.zeros((2, 4))
    value, gradients = jax.jit(jax.value_and_grad(lambda *x: loss(*x).sum(), (0, 1, 2)))(zeros, zeros, zeros)
    assert jnp.isfinite(value)
    np.testing.assert_array_equal(gradients, np.zeros((3, 2, 4)))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_loss_of_half_precision_is_that_of_the_same_values_in_float32(loss):
    loss = jax.jit(loss)
    with jax.enable_x64(True):
        precise = loss(*(jnp.asarray(x) for x in _vectors(3)))
        for dtype, tolerance in (("float32", 1e-5), ("bfloat16", 0.1)):
            rough = [jnp.asarray(x, dtype) for x in _vectors(3)]
            found, gradient = jax.value_and_grad(lambda *x: loss(*x).sum())(*rough)
            assert (found.dtype, gradient.dtype) == ("float32", dtype)
            np.testing.assert_array_equal(loss(*rough), loss(*(x.astype("float32") for x in rough)))
            np.testing.assert_allclose(loss(*rough).astype("float64"), precise, rtol=tolerance, atol=tolerance)
    assert precise.dtype == "float64"
    assert precise.shape == (6,)


def test_replicas_may_differ_in_their_options(key):
    x = jax.random.normal(next(key), (3, 2, 5, 8))
    number = jnp.array([0.3, 0.1])
    for loss in (
        lambda x, y, z, number: losses.soft_vote(x, y, z, jnp.ones((5, 2)), temperature=number),
        lambda x, y, z, number: losses.odd_one_out(x, y, z, temperature=number),
        lambda x, y, z, number: losses.arcface(x, y, jnp.arange(5), margin=number, scale=1 / number),
    ):
        together = jax.jit(jax.vmap(loss))(*x, number)
        alone = [jax.jit(loss)(*x[:, i], number[i].item()) for i in range(2)]
        np.testing.assert_allclose(together, jnp.stack(alone), rtol=1e-5, atol=1e-6)


def test_leading_dimensions_of_every_loss_are_free(key):
    x = jax.random.normal(next(key), (3, 2, 5, 8))
    whole = jnp.arange(10).reshape(2, 5)
    for loss in (
        lambda x, y, z, whole: losses.soft_vote(x, y, z, jnp.stack([whole, 9 - whole], -1), temperature=0.3),
        lambda x, y, z, whole: losses.odd_one_out(x, y, z, odd=whole % 3, temperature=0.3),
        lambda x, y, z, whole: losses.arcface(x, jnp.eye(8), whole % 8),
    ):
        row_by_row = jax.jit(jax.vmap(loss))(*x, whole)
        np.testing.assert_allclose(jax.jit(loss)(*x, whole), row_by_row, rtol=1e-5, atol=1e-5)
