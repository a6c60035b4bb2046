"""A model as a loss: the distance of two pictures, differentiable in their pixels."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from perface_jax import images as pictures
from perface_jax.arrays import AnyArray, Array, Pixels
from perface_jax.network.model import IResNet
from perface_jax.precision import wide
from perface_jax.similarity import length, unit

Distance = Callable[[Pixels[AnyArray, "*#batch s s 3"], Pixels[AnyArray, "*#batch s s 3"]], Float[Array, "*batch"]]


def perceptual_distance(model: IResNet, variables: Mapping) -> Distance:
    """A jitted function of two batches of pictures: `1 - similarity` of their embeddings, in [0, 2].

    `distance(a, b)` takes RGB crops of side `model.image_size`, uint8, or floating from 0 to 255 for gradients with
    respect to their pixels. Their leading axes broadcast; each picture is embedded once. Near equal pictures nothing is
    lost to rounding, and the gradient is finite: 0 where they are equal. Norms use the stored statistics, so the
    pictures of a batch do not influence each other.

    Half precision is widened: the distance has the model's `param_dtype`, float32 or float64; a gradient has the dtype
    of its pictures; convolutions run in `model.dtype`. The kernels for CPUs have reverse-mode derivatives
    only (`jax.grad`, `jax.vjp`); `model.clone(kernels="xla")` has `jax.jvp`, too.

    The function raises:
      TypeError, ValueError: pictures of another dtype, shape or range; of arguments of jit and grad the range cannot
        be checked.

    Pixels that move toward a face, as long as the model sees it:

    >>> import jax, jax.numpy as jnp
    >>> import perface_jax
    >>> model = perface_jax.iresnet(layers=(1, 1, 1, 1), width=4, image_size=16, embedding_size=8)
    >>> variables = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 16, 16, 3)))
    >>> distance = perface_jax.perceptual_distance(model, variables)
    >>> face, pixels = jax.random.uniform(jax.random.key(1), (2, 16, 16, 3), maxval=255)
    >>> step, distances = jax.jit(jax.value_and_grad(distance)), []
    >>> for _ in range(20):
    ...     value, gradient = step(pixels, face)
    ...     pixels = jnp.clip(pixels - 2 * jnp.sign(gradient), 0, 255)
    ...     distances.append(float(value))
    >>> distances[-1] < distances[0] / 2
    True

    Source: the use of DreamSim as a loss (Fu et al., 2023, arXiv:2306.09344), whose distance is the same.
    """

    def distance(a, b):
        for one in (a, b):
            pictures.check(one, size=model.image_size, floating=True)
            if 0 in one.shape:
                raise ValueError(f"saw shape {list(one.shape)}, wanted at least one picture")
        try:
            np.broadcast_shapes(a.shape[:-3], b.shape[:-3])
        except ValueError as error:
            raise ValueError(
                f"saw {list(a.shape[:-3])} and {list(b.shape[:-3])} pictures, wanted axes that broadcast;"
                " distance(a[:, None], b) compares every a with every b"
            ) from error
        return _distance(variables, *(pictures.normalize(one, dtype=wide(one.dtype)) for one in (a, b)), model=model)

    return distance


@functools.partial(jax.jit, static_argnames="model")
def _distance(variables, a, b, *, model):
    x, y = (_embed(variables, one, model) for one in (a, b))
    # |x - y|^2 / 2 of unit vectors is 1 - x . y, without rounding near 0. A vector of length zero has similarity 0.
    x, y = jnp.broadcast_arrays(*_of_one_rank(x, y))
    missing = (length(x) == 0).astype(x.dtype) + (length(y) == 0).astype(y.dtype)
    return 0.5 * (jnp.sum(jnp.square(unit(x) - unit(y)), axis=-1) + missing)


def _of_one_rank(*arrays):
    rank = max(x.ndim for x in arrays)
    return [x.reshape(*(1,) * (rank - x.ndim), *x.shape) for x in arrays]


def _embed(variables, images, model):
    embeddings = model.apply(variables, images.reshape(-1, *images.shape[-3:]))
    return embeddings.reshape(*images.shape[:-3], model.embedding_size)
