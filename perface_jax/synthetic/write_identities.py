"""Identities of the synthetic world: every picture of one shows the same inner face swapped into another person.

    python -m perface_jax.datasets.synthetic_identities --out DIR --identities 700 --pictures 16 --seed 0

    DIR/id0000/00.jpg, 01.jpg ...       for `identities.read_identities`, crop simswap; even numbers men, odd ones women

Contour, hair, skin, light, pose, expression, background and seam are drawn anew for every picture, as in the release of
`synthetic` and by the same renderer. Nobody here is in the release or among the portraits of the same seed.
"""

import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax.datasets.whole_folder import is_written, whole_folder
from perface_jax.synthetic import faces, population, write_world


def write_identities(
    folder: str | os.PathLike, *, identities: int = 200, pictures: int = 12, size: int = 112, seed: int = 0,
    quality: int = 95,
) -> bool:  # fmt: skip
    """Write a sub-folder of pictures for every identity; half of the identities, and of the targets, are women.

    False if the folder is already complete, with the same options; ValueError if it holds anything else or a number is
    out of range.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    write_world.require_limits(options)
    if is_written(folder, options):
        return False
    with whole_folder(folder, options) as part:
        shown = create_identities(seed, identities=identities, pictures=pictures)
        paths = [part / f"id{i:04d}" / f"{j:02d}.jpg" for i in range(identities) for j in range(pictures)]
        for path in paths[::pictures]:
            path.parent.mkdir()
        write_world.write_pictures(
            paths, shown, size=size, view=faces.SIMSWAP_VIEW, quality=quality, label="identities"
        )
    return True


def create_identities(seed: int, *, identities: int, pictures: int) -> tuple[faces.Source, faces.Target, faces.Seam]:
    """The content of every picture, identity by identity: the arguments of `faces.render`."""
    inner, ages, outer, target_ages, seams = jax.random.split(jax.random.fold_in(jax.random.key(seed), 2), 5)
    female = (jnp.arange(identities) % 2).astype(jnp.float32)
    age = jax.random.uniform(ages, (identities,), minval=20.0, maxval=65.0)
    target_female = jnp.tile((jnp.arange(pictures) % 2).astype(jnp.float32), identities)
    target_age = jax.random.uniform(target_ages, (identities * pictures,), minval=20.0, maxval=65.0)
    sources = population.sample_sources(inner, female, age)
    return (
        jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf), pictures, axis=0), sources),
        population.sample_targets(outer, target_female, target_age),
        population.sample_seams(seams, identities * pictures),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the docstring of the module."""
    helps = {"identities": "people", "pictures": "of every identity", "size": "side of the pictures, pixels"}
    write_world.run(write_identities, "perface identities", str(__doc__), helps, arguments)


if __name__ == "__main__":
    main()
