"""The per-device functions that training and evaluation run. The only module whose functions take an axis name.

A step sees the rows of one device. It sums over its rows, adds the sums up over the devices with one `psum`, and
divides once, so that 1 and 8 devices give the same numbers and padded rows (weight 0) count in no loss.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import optax

from perface_jax import losses, metrics
from perface_jax.images import normalise
from perface_jax.model import IResNet
from perface_jax.state import TrainState


def train_step(
    state: TrainState,
    batch: Mapping[str, jax.Array],
    *,
    model: IResNet,
    optimizer: optax.GradientTransformation,
    margin: float,
    train_norms: bool,
    axis_name: str | None = None,
) -> tuple[TrainState, dict[str, jax.Array]]:
    """One step of the cosine triplet loss on one batch.

    The three roles pass through the network as one joint batch: one set of batch statistics for all three.

    Args:
      state: the same on every device.
      batch: `images` uint8 `[b, 3, H, W, 3]` (axis 1: reference, positive, negative), `weight` float32 `[b]`.
      model: the network.
      optimizer: what turns gradients into updates.
      margin: of the loss, in units of cosine.
      train_norms: normalise with the batch's statistics (over all devices); False freezes the running ones.
      axis_name: the mapped axis of the devices; None on one device.

    Returns:
      (state, sums): the next state, and sums over the global batch: `loss`, `correct`, `active` (triplets with a
      positive loss) and `count`.

    Source: PerFace (ICIP 2025), section 3.2.
    """

    def local_loss(params):
        embeddings, batch_stats = _embed_roles(state, params, batch["images"], model, train_norms, axis_name)
        roles = embeddings[:, 0], embeddings[:, 1], embeddings[:, 2]
        per_triplet = losses.cosine_triplet(*roles, margin=margin)
        weight = batch["weight"].astype(per_triplet.dtype)
        sums = {
            "loss": jnp.sum(per_triplet * weight),
            "correct": jnp.sum(metrics.triplet_scores(*roles) * weight),
            "active": jnp.sum(weight, where=per_triplet > 0),
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
    updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
    return (
        state.replace(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            batch_stats=batch_stats,
            opt_state=opt_state,
        ),
        sums,
    )


def embed_step(variables: Mapping, images: jax.Array, *, model: IResNet) -> jax.Array:
    """Embeddings with frozen statistics.

    Args:
      variables: the three collections.
      images: uint8 `[b, H, W, 3]`.
      model: the network.

    Returns:
      `[b, D]`, the model's `param_dtype`; not of unit length.
    """
    return model.apply(variables, normalise(images))


def _embed_roles(state, params, images, model, train_norms, axis_name):
    """Embeddings `[b, 3, D]` of `images` `[b, 3, H, W, C]`, and the batch statistics after them."""
    pictures = normalise(images.reshape(-1, *images.shape[2:]))
    variables = {"params": params, "batch_stats": state.batch_stats, "constants": state.constants}
    if train_norms:
        flat, updated = model.apply(variables, pictures, train=True, axis_name=axis_name, mutable=["batch_stats"])
        batch_stats = updated["batch_stats"]
    else:
        flat, batch_stats = model.apply(variables, pictures), state.batch_stats
    return flat.reshape(*images.shape[:2], -1), batch_stats
