"""The per-device functions that training and evaluation run. The only module whose functions take an axis name.

A step sees the rows of one device. It sums over its rows, adds the sums up over the devices with one `psum`, and
divides once, so that 1 and 8 devices give the same numbers and padded rows (weight 0) count in no loss. It knows one
run; `parallel.spmd` makes programs of it for many.

A row is K pictures: reference, positive and negative of a triplet, or the one picture of an identity.
"""

import enum
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from perface_jax import losses, metrics
from perface_jax.datasets.batches import gather
from perface_jax.images import normalize
from perface_jax.network.kernels import Kernels, barrier, column_sums
from perface_jax.network.model import IResNet, embed_step
from perface_jax.similarity import similarity, unit
from perface_jax.training.state import Hyper, TrainState


class Norms(enum.Enum):
    """Which statistics the norms of a training step use."""

    GLOBAL = "global"  # of the joint batch over all devices: the same result on any number of them
    PER_DEVICE = "per_device"  # of each device's rows; the running ones move by their mean over the devices
    FROZEN = "frozen"  # the running ones, which stay


class Loss(enum.Enum):
    """What is minimized; see `losses`."""

    COSINE_TRIPLET = "cosine_triplet"
    SOFT_VOTE = "soft_vote"
    ODD_ONE_OUT = "odd_one_out"


def triplet_objective(
    embeddings: jax.Array, batch: Mapping, params: Mapping, hyper: Hyper, *, choices: tuple[Loss, ...]
) -> tuple[jax.Array, jax.Array]:
    """Loss and score of each triplet.

    Args:
      embeddings: `[b, 3, D]`: reference, positive, negative.
      batch: `votes` `[b, 2]`, read by the soft-vote loss.
      params: not read.
      hyper: `loss` says which of `choices` this run minimizes.
      choices: the losses of all runs of the program.

    Returns:
      losses `[b]`, scores `[b]` in {0, 0.5, 1}.
    """
    roles = embeddings[:, 0], embeddings[:, 1], embeddings[:, 2]
    formulas = {
        Loss.COSINE_TRIPLET: lambda: losses.cosine_triplet(*roles, margin=hyper.margin),
        Loss.SOFT_VOTE: lambda: losses.soft_vote(*roles, batch["votes"], temperature=hyper.temperature),
        Loss.ODD_ONE_OUT: lambda: losses.odd_one_out(*roles, temperature=hyper.temperature),
    }
    return jax.lax.switch(hyper.loss, [formulas[choice] for choice in choices]), metrics.triplet_scores(*roles)


def identity_objective(
    embeddings: jax.Array, batch: Mapping, params: Mapping, hyper: Hyper, *, scale: float
) -> tuple[jax.Array, jax.Array]:
    """ArcFace loss of each picture, and whether its own identity is the nearest.

    Args:
      embeddings: `[b, 1, D]`.
      batch: `identity` int32 `[b]`.
      params: `classes` `[C, D]`, which the optimizer moves along with the network.
      hyper: `margin` in radians.
      scale: of the cosines.

    Returns:
      losses `[b]`, scores `[b]` in {0, 1}.
    """
    vectors, identity = embeddings[:, 0], batch["identity"]
    per_picture = losses.arcface(vectors, params["classes"], identity, margin=hyper.margin, scale=scale)
    nearest = jnp.argmax(unit(vectors) @ unit(params["classes"]).T, axis=-1)
    return per_picture, (nearest == identity).astype(per_picture.dtype)


def train_step(
    state: TrainState,
    batch: Mapping[str, jax.Array],
    *,
    model: IResNet,
    optimizer: Callable[[Hyper], optax.GradientTransformation],
    objective: Callable,
    norms: Norms,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step on one batch. All K pictures of the rows pass through the network as one joint batch.

    A step whose loss or parameters are no finite numbers changes nothing but the counter: the run is frozen in its last
    good state from then on, and `state.diverged` says since when.

    Args:
      state: the same on every device.
      batch: `images` uint8 `[b, K, H, W, 3]`, `weight` float32 `[b]`, and what the objective reads.
      model: the network.
      optimizer: makes what turns gradients into updates from the run's own numbers.
      objective: `(embeddings [b, K, D], batch, params, hyper) -> (losses [b], scores [b])`.
      norms: the statistics used.
      axis_name: the mapped axis of the devices; None on one device.

    Returns:
      (state, sums): the next state, and sums over the global batch: `loss`, `correct`, `active` (rows with a positive
      loss) and `count`; all 0 once the run is frozen.

    Source: PerFace (ICIP 2025), section 3.2.
    """

    def local_loss(params):
        embeddings, batch_stats = _embed_rows(state, params, batch["images"], model, norms, axis_name)
        per_row, scores = objective(embeddings, batch, params, state.hyper)
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
        # psum below would make them n times too large without a word.
        params = jax.tree.map(lambda x: jax.lax.pcast(x, axis_name, to="varying"), params)
    (_, (sums, batch_stats)), gradients = jax.value_and_grad(local_loss, has_aux=True)(params)
    if axis_name is not None:
        sums, gradients = jax.lax.psum((sums, gradients), axis_name)
    gradients = jax.tree.map(lambda g: g / sums["count"].astype(g.dtype), gradients)
    updates, opt_state = optimizer(state.hyper).update(gradients, state.opt_state, state.params)
    new = state.replace(params=optax.apply_updates(state.params, updates), batch_stats=batch_stats, opt_state=opt_state)
    return _freeze_if_diverged(state, new, sums, Kernels(getattr(model, "kernels", Kernels.AUTO)))


def train_steps(
    state: TrainState, batches: Mapping[str, jax.Array], pictures: jax.Array | None = None, **options
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One or many training steps in one call.

    Args:
      state: as in `train_step`.
      batches: as in `train_step` with a leading axis `[n, b, ...]` of steps; without `images` where `pictures` are
        given.
      pictures: uint8 `[P, H, W, 3]`, from which `batches.gather` takes the rows.
      **options: as in `train_step`.

    Returns:
      (state, sums) after the last step, summed over the steps.
    """

    def one(state, batch):
        return train_step(state, _with_images(batch, pictures), **options)

    if jax.tree.leaves(batches)[0].shape[0] == 1:
        return one(state, jax.tree.map(lambda x: x[0], batches))
    state, sums = jax.lax.scan(one, state, batches)
    return state, jax.tree.map(lambda x: jnp.sum(x, axis=0), sums)


def compare_step(
    variables: Mapping, batches: Mapping[str, jax.Array], pictures: jax.Array | None = None, *, model: IResNet
) -> jax.Array:
    """How alike the first picture of each row is to its others, with frozen statistics.

    Args:
      variables: the three collections.
      batches: `[n, b, ...]`, as in `train_steps`.
      pictures: as in `train_steps`.
      model: the network.

    Returns:
      cosines `[n, b, K - 1]`, the model's `param_dtype`.
    """

    def one(batch):
        images = _with_images(batch, pictures)["images"]
        embeddings = embed_step(variables, images.reshape(-1, *images.shape[2:]), model=model)
        embeddings = embeddings.reshape(*images.shape[:2], -1)
        return similarity(embeddings[:, :1], embeddings[:, 1:])

    if jax.tree.leaves(batches)[0].shape[0] == 1:
        return one(jax.tree.map(lambda x: x[0], batches))[None]
    return jax.lax.map(one, batches)


def _with_images(batch, pictures):
    return batch if pictures is None else {**batch, "images": gather(pictures, batch)}


def _embed_rows(state, params, images, model, norms, axis_name):
    """Embeddings `[b, K, D]` of `images` `[b, K, H, W, C]`, and the batch statistics after them."""
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
    # Of the parameters, not the gradients: nobody then asks for those of frozen parameters, and XLA skips them.
    finite = jnp.isfinite(sums["loss"]) & _all_finite(new.params, kernels)
    going = finite & (old.diverged < 0)
    kept = jax.tree.map(lambda a, b: jnp.where(going, a, b), new, old)
    first = (old.diverged < 0) & ~finite
    kept = kept.replace(step=old.step + 1, diverged=jnp.where(first, old.step + 1, old.diverged))
    return kept, jax.tree.map(lambda x: jnp.where(going, x, jnp.zeros_like(x)), sums)


def _all_finite(tree, kernels):
    if kernels is Kernels.XLA:
        return jnp.isfinite(optax.tree.norm(tree))
    # A sum is finite only if all numbers are. Without the barriers XLA for CPUs adds up hundreds of sums anew wherever
    # the answer is read, and compiles kernels of all of them.
    leaves = jax.tree.leaves(tree)
    sums = barrier([jnp.sum(x if x.ndim < 2 else column_sums(lambda x: x, x)) for x in leaves])
    return jnp.isfinite(barrier(sum(sums)))
