"""From pictures to embeddings, every picture exactly once, with frozen batch statistics.

Pictures follow the contract of `images`; embeddings are float32 NumPy arrays `[N, D]`, not of unit length. All devices
of a process share its batches. Each of several processes embeds its share, and all get the embeddings of every picture.
"""

import collections
import concurrent.futures
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Float, Float32, UInt8

from perface_jax import images as pictures
from perface_jax import parallel, progress_bar
from perface_jax.arrays import AnyArray
from perface_jax.network import compilation, folding, kernels
from perface_jax.network.model import Applied, IResNet, embed_step

THREADS = min(8, os.cpu_count() or 1)


@runtime_checkable
class Embedding(Applied, Protocol):
    """A module of flax that embeds images: an `IResNet`, or any with its `apply`."""

    @property
    def embedding_size(self) -> int: ...


class Network:
    """A model and its weights on the devices of this process."""

    def __init__(self, model: Embedding, variables: Mapping, *, batch_size: int):
        """Embeds `batch_size` pictures per step, rounded up to a multiple of the devices."""
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.model = model
        self._mesh = parallel.make_mesh(devices=jax.local_devices())
        self.batch_size = -(-batch_size // self._mesh.size) * self._mesh.size
        folds = isinstance(model, IResNet)  # another module is applied unchanged
        device = self._mesh.devices.flat[0]
        weights = (
            folding.fold_norms(model, variables, platform=kernels.compiled_for([device])) if folds else dict(variables)
        )
        self._weights = parallel.place_global(weights, self._mesh)
        self._program = program(model, folds, device)  # pyright: ignore  # hashable

    def embed(self, images: Iterable[UInt8[np.ndarray, "s s 3"]]) -> Float32[np.ndarray, "n d"]:
        """The embeddings of a stream of pictures."""
        outputs = [np.empty((0, self.model.embedding_size), np.float32)]
        for (output, count), _ in itertools.pairwise(itertools.chain(self._steps(iter(images)), [(outputs[0], 0)])):
            outputs.append(np.asarray(output, np.float32)[:count])  # after the next step was started
        return np.concatenate(outputs)

    def _steps(self, images):
        while batch := list(itertools.islice(images, self.batch_size)):
            rows = np.zeros((self.batch_size, *batch[0].shape), np.uint8)  # one shape, one program
            rows[: len(batch)] = batch
            yield self._program(self._weights, parallel.place_global(rows, self._mesh, parallel.ROWS)), len(batch)

    def items(
        self, names: Sequence[Sequence[str]], load: Callable[[int], UInt8[np.ndarray, "k s s 3"]]
    ) -> Float32[np.ndarray, "n k d"]:
        """The embeddings of n items of k pictures each, on every process.

        Args:
          names: of the pictures, n times k; only their number matters here, see `Vectors.items`.
          load: position of an item -> its pictures; called once for each, in threads.
        """
        mine = range(jax.process_index(), len(names), jax.process_count())
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            loaded = ahead(pool, load, mine, window=2 * self.batch_size)
            unit = "triplets" if names and len(names[0]) == 3 else "pictures"
            shown = progress_bar.over(loaded, "embedding", unit, total=len(mine))
            vectors = self.embed(itertools.chain.from_iterable(three for _, three in shown))
        rows = np.empty((len(names), len(names[0]) if names else 0, self.model.embedding_size), np.float32)
        for process, part in enumerate(parallel.gather_objects(vectors)):
            rows[process :: jax.process_count()] = part.reshape(-1, *rows.shape[1:])
        flat = [name for item in names for name in item]
        refuse_bad(flat, rows.reshape(len(flat), -1), "the network")
        return rows


@functools.cache  # the networks of one process share their programs
def program(model: Embedding, folds: bool, device: jax.Device) -> Callable:  # pyright: ignore  # an alias of jaxlib
    """`(weights, pictures) -> embeddings` for devices such as this one; `folds`: from weights of `folding`."""
    step = folding.embed_step if folds else embed_step
    return jax.jit(functools.partial(step, model=model), compiler_options=compilation.options([device]))


def refuse_bad(names: Sequence[str], embeddings: Float[np.ndarray, "n d"], origin: str) -> None:
    """Raise a ValueError that names the pictures whose vectors are zero or not finite."""
    for bad, what in (
        (~np.isfinite(embeddings).all(axis=1), "NaN or infinite numbers in the vectors of"),
        (~embeddings.any(axis=1), "vectors of length zero, which have no direction:"),
    ):
        if bad.any():
            named = [names[int(i)] for i in np.flatnonzero(bad)]
            raise ValueError(f"{origin}: {what} {listed(named)}; {len(named)} in all")


def listed(names: Sequence[str]) -> str:
    """The first names, for a message."""
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def embed(
    model: IResNet, variables: Mapping, images: UInt8[AnyArray, "n s s 3"], *, batch_size: int = 64
) -> Float32[np.ndarray, "n d"]:
    """Embed RGB pictures of the size `model.image_size`; `Network` keeps the prepared weights for many calls.

    Raises:
      TypeError, ValueError: pictures that break the contract; the message shows what was seen and wanted.
    """
    pictures.check(images, size=model.image_size, rank=4)
    batch_size = min(batch_size, max(len(images), 1))
    return Network(model, variables, batch_size=batch_size).embed(np.asarray(images))


def ahead(pool, load, names: Sequence, *, window: int) -> Iterator[tuple[Any, Any]]:
    """(name, load(name)) in order, with at most `window` pictures loaded ahead."""
    pending = collections.deque()
    for name in names:
        pending.append((name, pool.submit(load, name)))
        if len(pending) >= window:
            taken, future = pending.popleft()
            yield taken, future.result()
    for taken, future in pending:
        yield taken, future.result()
