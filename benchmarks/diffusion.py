"""What the diffusion anonymizer in full size needs on a chip: FLOPs, bytes and memory of the compiled program.

    python -m benchmarks.diffusion --topology=h200 --faces=4 --write

The program is compiled ahead of time (`perface_jax.aot`); no weights are needed and nothing runs. Loops count as often
as they run. Parts: the whole run, one step of the denoiser with its guidance, and what is done once.
"""

import argparse
import functools

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding

from benchmarks import record
from perface_jax import parallel
from perface_jax.aot import compiling
from perface_jax.aot.programs import Program
from perface_jax.aot.topology import prepare, topology
from perface_jax.diffusion import networks, sampling
from perface_jax.diffusion.sampling import Guidance, Noise, Shown


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(str(__doc__))
    made.add_argument("--topology", default="h200", help="as of perface aot")
    made.add_argument("--faces", type=int, default=4, help="results made at once")
    made.add_argument("--size", type=int, default=512, help="side of a picture")
    made.add_argument("--steps", type=int, default=50)
    made.add_argument("--dtype", default="bfloat16")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for every part."""
    prepare()
    target = topology(options.topology)
    mesh = parallel.make_mesh(devices=target.devices[:1])
    place = NamedSharding(mesh, parallel.SHARED)
    made = networks.Networks(dtype=jnp.dtype(options.dtype))
    params = {name: networks.abstract_params(made, name) for name in networks.NAMES}

    def placed(tree):
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place), tree)

    rows = []
    for name, function, arguments in programs(made, params, options):
        what = f"{options.faces} results of {options.size} pixels"
        found = compiling.compile_program(Program(name, what, jax.jit(function), placed(arguments), mesh), target)
        rows.append({"name": name, **found.record})
    sizes = {name: sum(leaf.size for leaf in jax.tree.leaves(one)) for name, one in params.items()}
    return {"topology": options.topology, "dtype": options.dtype, "parameters": sizes, "rows": rows}


def programs(made: networks.Networks, params: networks.Params, options: argparse.Namespace):
    """Name, function and shapes of the arguments of every part."""
    faces, size, crop = options.faces, options.size, made.settings.encoder.size
    shown = Shown(_of(faces, size, size, 3), _of(faces, crop, crop, 3))
    side = size // made.settings.vae.factor
    latents = _of(faces, side, side, made.settings.unet.latents)
    guidance = Guidance(_of(), _of())

    def whole(params, shown, noise, guidance):
        return sampling.generate(made, params, None, shown, noise, guidance)

    def once(params, shown, noise, guidance):
        posterior, embedding = sampling.encode(made, params, shown)
        pair = (sampling.Encoded(posterior.sample(one), embedding) for one in (noise.source, noise.conditioning))
        return sampling.look(made, params, *pair, guidance)

    def noise(steps):
        return Noise(latents, latents, latents, _of(steps, *latents.shape))

    references = jax.eval_shape(once, params, shown, noise(1), guidance)
    step = functools.partial(sampling.denoise, made)
    yield "whole", whole, (params, shown, noise(options.steps), guidance)
    yield "once", once, (params, shown, noise(1), guidance)
    yield "step", step, (params, references, noise(1), guidance)


def _of(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


if __name__ == "__main__":
    record.run("diffusion", parser(), measure)
