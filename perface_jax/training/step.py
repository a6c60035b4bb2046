"""The per-device functions that training and validation run. Only here and in `network` do functions take an axis name.

A step sees one run and the rows of one device. It sums losses and gradients over these rows, sums over the devices with
one `psum`, and divides once by the number of rows. The result does not depend on the number of devices, and padded rows
(weight 0) do not count. `parallel.spmd` turns a step into a program for all devices and all runs.

A row has K pictures: reference, positive and negative of a triplet, or the one picture of an identity. A batch is a
dictionary of arrays with `b` rows of this device: `images` uint8 `[b, K, H, W, 3]`, `weight` float32 `[b]`, and the
input of the objective: `votes` `[b, 2]` of triplets, with `annotator` and `sides` `[b, V]` if the data say who voted
(`plans.Plan`), or `identity` int32 `[b]`. Batches of several steps have a leading axis `n`. If all pictures are on the
device, a batch has their positions (`plans.gather`) instead of `images`.
"""

import enum
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from perface_jax import annotator_masks, losses, metrics
from perface_jax.datasets.plans import gather
from perface_jax.images import normalize
from perface_jax.network.kernels import Kernels, column_sums, on_cpu
from perface_jax.network.model import IResNet, embed_step
from perface_jax.similarity import similarity, unit
from perface_jax.training.state import Hyper, TrainState

SUMS = ("active", "correct", "count", "loss")  # what a step sums, by name; see `train_step`

# Of the rows of one device: embeddings `[b, K, d]`, batch, parameters, numbers of the run -> losses, scores `[b]`.
# The networks of an anonymizer embed nothing; theirs runs them: `(params, constants, batch) -> losses, scores`.
Objective = Callable[..., tuple[jax.Array, jax.Array]]


class Norms(enum.Enum):
    """The mean and variance that batch norms use in a training step."""

    GLOBAL = "global"  # of the whole batch over all devices: any number of devices gives the same result
    PER_DEVICE = "per_device"  # of each device's rows; running statistics take their mean over the devices
    FROZEN = "frozen"  # the running statistics, which do not change


class Loss(enum.Enum):
    """The loss to minimize; see `losses`."""

    COSINE_TRIPLET = "cosine_triplet"
    SOFT_VOTE = "soft_vote"
    ODD_ONE_OUT = "odd_one_out"
    ANNOTATOR_VOTES = "annotator_votes"


def triplet_objective(
    embeddings: Float[Array, "b 3 d"],
    batch: Mapping,
    params: Mapping,
    hyper: Hyper,
    *,
    choices: tuple[Loss, ...],
    prior: float = 0.0,
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """Loss of each triplet, and its score in {0, 0.5, 1}: whether the positive is nearer than the negative.

    `choices` are the losses of all runs of the program; `hyper.loss` is the index of this run's loss. The masks of
    `Loss.ANNOTATOR_VOTES` are the parameter `annotators` `[A, d]`, trained along with the network; `prior` is the
    precision of their logits, for one vote. The score is that of the network without masks.
    """
    roles = embeddings[:, 0], embeddings[:, 1], embeddings[:, 2]
    formulas = {
        Loss.COSINE_TRIPLET: lambda: losses.cosine_triplet(*roles, margin=hyper.margin),
        Loss.SOFT_VOTE: lambda: losses.soft_vote(*roles, batch["votes"], temperature=hyper.temperature),
        Loss.ODD_ONE_OUT: lambda: losses.odd_one_out(*roles, temperature=hyper.temperature),
        Loss.ANNOTATOR_VOTES: lambda: _by_annotator(roles, batch, params["annotators"], hyper, prior),
    }
    return jax.lax.switch(hyper.loss, [formulas[choice] for choice in choices]), metrics.triplet_scores(*roles)


def _by_annotator(roles, batch, weights, hyper, prior):
    """The loss of the votes under the masks of their annotators, and the prior of all masks, the same in every row."""
    logits = annotator_masks.logits(weights)
    masks = annotator_masks.mask(logits)[batch["annotator"]]
    reference, a, b = roles
    per_row = losses.annotator_votes(reference, a, b, masks, batch["sides"], temperature=hyper.temperature)
    return per_row + jnp.asarray(prior / 2, per_row.dtype) * jnp.sum(jnp.square(logits))


def identity_objective(
    embeddings: Float[Array, "b 1 d"], batch: Mapping, params: Mapping, hyper: Hyper, *, scale: float
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """ArcFace loss of each picture, and its score in {0, 1}: whether its own class is the nearest.

    The classes are the parameter `classes` `[C, d]`, trained along with the network; `hyper.margin` is in radians.
    """
    vectors, identity = embeddings[:, 0], batch["identity"]
    per_picture = losses.arcface(vectors, params["classes"], identity, margin=hyper.margin, scale=scale)
    nearest = jnp.argmax(unit(vectors) @ unit(params["classes"]).T, axis=-1)
    return per_picture, (nearest == identity).astype(per_picture.dtype)


def train_step(
    state: TrainState,
    batch: Mapping[str, jax.Array],
    *,
    model: Any,
    optimizer: Callable[[Hyper], optax.GradientTransformation],
    objective: Objective,
    norms: Norms,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step on one batch. All K pictures of all rows pass through the network as one batch.

    If the loss or a new parameter is not finite, the step is not taken: the run keeps its last finite state, only its
    step counter advances, and `state.diverged` records the first such step.

    Args:
      state: the same on every device.
      batch: the rows of this device.
      model: the network, or the networks of an anonymizer, without norms over a batch.
      optimizer: builds the gradient transformation from the numbers of the run.
      objective: losses and scores of the rows.
      norms: the statistics of the batch norms.
      axis_name: the mapped axis of the devices; None on one device.

    Returns:
      The next state, and sums over the global batch: `loss`, `correct` (the scores), `active` (rows with a positive
      loss) and `count`; all 0 for a step that was not taken.

    Source: PerFace (ICIP 2025), section 3.2.
    """

    def local_loss(params):
        if isinstance(model, nn.Module):
            embeddings, batch_stats = _embed_rows(state, params, batch["images"], model, norms, axis_name)
            per_row, scores = objective(embeddings, batch, params, state.hyper)
        else:
            per_row, scores = objective(params, state.constants, batch)
            batch_stats = state.batch_stats
        weight = batch["weight"].astype(per_row.dtype)
        sums = {
            "loss": jnp.sum(per_row * weight),
            "correct": jnp.sum(scores.astype(per_row.dtype) * weight),
            "active": jnp.sum(weight, where=per_row > 0),
            "count": jnp.sum(weight),
        }
        return sums["loss"], (sums, batch_stats)

    params = state.params
    if axis_name is not None:
        # Unless the parameters are marked as varying, shard_map itself sums the gradients over the devices, and the
        # psum below would silently make them n times too large.
        params = jax.tree.map(lambda x: jax.lax.pcast(x, axis_name, to="varying"), params)
    (_, (sums, batch_stats)), gradients = jax.value_and_grad(local_loss, has_aux=True)(params)
    if axis_name is not None:
        sums, gradients = jax.lax.psum((sums, gradients), axis_name)
    gradients = jax.tree.map(lambda g: g / sums["count"].astype(g.dtype), gradients)
    updates, opt_state = optimizer(state.hyper).update(gradients, state.opt_state, state.params)
    new = state.replace(params=optax.apply_updates(state.params, updates), batch_stats=batch_stats, opt_state=opt_state)
    return _freeze_if_diverged(state, new, sums, Kernels(model.kernels))


def train_steps(
    state: TrainState, batches: Mapping[str, jax.Array], pictures: UInt8[Array, "p h w 3"] | None = None, **options
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One `train_step` after another, on batches `[n, b, ...]`; the sums are over all of them."""

    def one(state, batch):
        return train_step(state, _with_images(batch, pictures), **options)

    if jax.tree.leaves(batches)[0].shape[0] == 1:
        return one(state, jax.tree.map(lambda x: x[0], batches))
    state, sums = jax.lax.scan(one, state, batches)
    return state, jax.tree.map(lambda x: jnp.sum(x, axis=0), sums)


def compare_step(
    variables: Mapping,
    batches: Mapping[str, jax.Array],
    pictures: UInt8[Array, "p h w 3"] | None = None,
    *,
    model: IResNet,
) -> tuple[Float[Array, "n b others"], Float[Array, "n b k d"]]:
    """Cosine similarity of the first picture of each row to the K - 1 others, with running statistics in the norms.

    And the embeddings themselves, which are on the device for whoever fetches them.
    """

    def one(batch):
        images = _with_images(batch, pictures)["images"]
        embeddings = embed_step(variables, images.reshape(-1, *images.shape[2:]), model=model)
        embeddings = embeddings.reshape(*images.shape[:2], -1)
        return similarity(embeddings[:, :1], embeddings[:, 1:]), embeddings

    if jax.tree.leaves(batches)[0].shape[0] == 1:
        return jax.tree.map(lambda x: x[None], one(jax.tree.map(lambda x: x[0], batches)))
    return jax.lax.map(one, batches)


def _with_images(batch, pictures):
    return batch if pictures is None else {**batch, "images": gather(pictures, batch)}


def _embed_rows(state, params, images, model, norms, axis_name):
    """Embeddings `[b, K, d]` of `images` `[b, K, H, W, 3]`, and the running statistics after them."""
    pictures = normalize(images.reshape(-1, *images.shape[2:]))
    variables = {**state.variables, "params": params}
    if norms is Norms.FROZEN:
        flat, batch_stats = model.apply(variables, pictures), state.batch_stats
    else:
        shared = axis_name if norms is Norms.GLOBAL else None
        flat, updated = model.apply(variables, pictures, train=True, axis_name=shared, mutable=["batch_stats"])
        batch_stats = updated["batch_stats"]
        if norms is Norms.PER_DEVICE and axis_name is not None:
            batch_stats = jax.lax.pmean(batch_stats, axis_name)
    return flat.reshape(*images.shape[:2], -1), batch_stats


def _freeze_if_diverged(old, new, sums, kernels):
    # Parameters, not gradients: those of frozen parameters are then unused, and XLA does not compute them.
    finite = jnp.isfinite(sums["loss"]) & _all_finite(new.params, kernels)
    healthy, step = old.diverged < 0, old.step + 1
    taken = healthy & finite
    kept = jax.tree.map(lambda a, b: jnp.where(taken, a, b), new, old)
    kept = kept.replace(step=step, diverged=jnp.where(healthy & ~finite, step, old.diverged))
    return kept, jax.tree.map(lambda x: jnp.where(taken, x, jnp.zeros_like(x)), sums)


def _all_finite(tree, kernels):
    if kernels is Kernels.XLA:
        return jnp.isfinite(optax.tree.norm(tree))
    # A sum is finite only if all numbers are.
    leaves = jax.tree.leaves(tree)
    vectors, others = ([x for x in leaves if (x.ndim < 2) == small] for small in (True, False))
    return jnp.isfinite(on_cpu(_sum_each, _sum_vectors_as_one, vectors, others))


def _sum_each(vectors, others):
    # Without the barriers XLA for CPUs adds up hundreds of sums anew wherever the answer is read, and compiles kernels
    # of all of them.
    sums = [jnp.sum(x) for x in (*vectors, *(column_sums(lambda x: x, x) for x in others))]
    return jax.lax.optimization_barrier(sum(jax.lax.optimization_barrier(sums)))


def _sum_vectors_as_one(vectors, others):
    # Hundreds of vectors would be hundreds of kernels, each shorter than its start.
    flat = [jnp.concatenate([x.reshape(-1) for x in vectors])] if vectors else []
    return sum(jnp.sum(x) for x in (*flat, *others))
