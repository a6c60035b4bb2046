"""The anonymizer for whole batches: pictures of faces in, several results for each out."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from perface_jax import parallel
from perface_jax.diffusion import preprocessing, sampling, schedule
from perface_jax.diffusion.networks import Networks, Params
from perface_jax.diffusion.sampling import Guidance, Shown

_generate = functools.partial(jax.jit, static_argnames=("networks", "guided", "anonymous"))(sampling.generate)


@dataclasses.dataclass(frozen=True)
class FaceAnonymizer:
    """The networks of `load`, and how to run them.

    A result depends on picture, seed and options, not on the batch or the number of devices, up to rounding.
    """

    networks: Networks
    params: Params
    size: int = 512  # side of the pictures that the networks see and make
    steps: int = 50
    scale: float = 4.0  # of the guidance; 1 or less = none, and half the work
    batch: int = 4  # results made at once, on each device
    mesh: jax.sharding.Mesh | None = None  # devices that share a batch; None = the first one

    def __post_init__(self) -> None:
        """ValueError: a size that is no multiple of the autoencoder's, or a wrong number of steps."""
        schedule.timesteps(self.steps, self.networks.settings.schedule)
        factor = self.networks.settings.vae.factor
        if self.size < factor or self.size % factor:
            raise ValueError(f"saw size {self.size}, wanted a multiple of {factor}")
        if self.batch < 1:
            raise ValueError(f"saw batch {self.batch}, wanted 1 or more")

    def __call__(
        self,
        pictures: UInt8[np.ndarray, "n h w 3"],
        *,
        degree: float = 1.25,
        seeds: int | Sequence[int] = 1,
        said: Callable[[int, int], None] | None = None,
    ) -> UInt8[np.ndarray, "n seeds s s 3"]:
        """Every face `degree` away from its identity, with every seed.

        Args:
          pictures: of faces, cut as in training: `photographs.cut`.
          degree: 0 = the same person, 1 = no hint of who it was, above 1 = away from it; 1.25 is the authors'.
          seeds: so many results for each, of the seeds 0, 1, ...; or these seeds.
          said: called after every batch with results made and wanted.

        Raises:
          ValueError: a degree that is not above 0 or not finite, or no seed.
        """
        if not 0 < degree < np.inf:
            raise ValueError(f"saw degree {degree}, wanted a finite number above 0; `swap` keeps an identity")
        return self._all(pictures, None, float(degree), seeds, said)

    def swap(
        self,
        pictures: UInt8[np.ndarray, "n h w 3"],
        sources: UInt8[np.ndarray, "n h2 w2 3"],
        *,
        seeds: int | Sequence[int] = 1,
        said: Callable[[int, int], None] | None = None,
    ) -> UInt8[np.ndarray, "n seeds s s 3"]:
        """The faces of `sources` in the place of those of `pictures`. ValueError: not one source for each picture."""
        if len(pictures) != len(sources):
            raise ValueError(f"saw {len(pictures)} pictures and {len(sources)} sources, wanted one for each")
        return self._all(pictures, sources, 0.0, seeds, said)

    def _all(self, pictures, sources, degree, seeds, said):
        seeds = range(seeds) if isinstance(seeds, int) else seeds
        if not len(seeds):
            raise ValueError("saw no seed, wanted one or more")
        conditioning = self._shown(pictures)
        source = None if sources is None else self._shown(sources)
        rows = [(face, seed) for face in range(len(pictures)) for seed in seeds]
        made = np.zeros((len(rows), self.size, self.size, 3), np.uint8)
        count = self.batch * (1 if self.mesh is None else self.mesh.shape[parallel.DATA])
        for start in range(0, len(rows), count):
            part = rows[start : start + count]
            padded = part + part[-1:] * (count - len(part))  # one program serves any number
            made[start : start + len(part)] = self._batch(padded, source, conditioning, degree)[: len(part)]
            if said:
                said(start + len(part), len(rows))
        return made.reshape(len(pictures), len(seeds), *made.shape[1:])

    def _batch(self, rows, source, conditioning, degree):
        faces = np.array([face for face, _ in rows])
        seeds = np.array([seed for _, seed in rows], np.uint32)
        own = conditioning if source is None else source
        noise = _noise(self._placed(seeds), self.networks, self.size, self.steps)
        found = _generate(
            self.networks,
            self.params,
            None if source is None else self._placed(Shown(*(part[faces] for part in own))),
            self._placed(Shown(*(part[faces] for part in conditioning))),
            noise,
            Guidance(jnp.float32(degree), jnp.float32(self.scale)),
            guided=self.scale > 1,
            anonymous=source is None,
        )
        return preprocessing.to_uint8(np.asarray(found))

    def _shown(self, pictures):
        squares = [preprocessing.resized(one, self.size) for one in pictures]
        crops = [preprocessing.for_encoder(one, self.networks.settings.encoder.size) for one in squares]
        wide = self.networks.wide
        return Shown(preprocessing.for_vae(np.stack(squares)).astype(wide), np.stack(crops).astype(wide))

    def _placed(self, rows):
        return rows if self.mesh is None else parallel.place_global(rows, self.mesh, parallel.ROWS)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _noise(seeds, networks, size, steps):
    return sampling.draw_noise(jax.vmap(jax.random.key)(seeds), networks=networks, size=size, steps=steps)
