"""`perface benchmark [--model DIR]`: how fast does this machine embed and train with a model?

Embeds random pictures in batches, and takes training steps on random triplets. Every program is compiled and called
twice before it is timed; then it is called until `--seconds` have passed, at least three times. The median is printed
with its quartiles, and as a ratio to the first row of its kind. `--json FILE` writes the seconds of every call, beside
the versions and the device, so that two machines or two versions can be compared.
"""

import argparse
import functools
import json
import pathlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from perface_jax import extras, files, outputs
from perface_jax._version import __version__
from perface_jax.argument_parser import ArgumentParser, count
from perface_jax.network import compilation, folding
from perface_jax.network.model import IResNet, iresnet
from perface_jax.network.model_folder import load_model

HEADER = "        batch  pictures/s  quartiles          ratio  ms a call  compiled in"
FEWEST = 3  # timed calls
NUMBERS = {"learning_rate": 1e-4, "momentum": 0.9, "weight_decay": 5e-4, "margin": 2.1, "temperature": 1.0}


class Row(NamedTuple):
    """One program, timed.

    Attributes:
      what: "embed" or "train".
      batch: pictures, or triplets of three pictures.
      pictures: in one call.
      compiling: seconds of the first call.
      seconds: of each timed call.
    """

    what: str
    batch: int
    pictures: int
    compiling: float
    seconds: tuple[float, ...]

    def rates(self) -> tuple[float, float, float]:
        """Pictures a second: median, lower and upper quartile."""
        median, low, high = np.quantile(self.pictures / np.array(self.seconds), (0.5, 0.25, 0.75))
        return float(median), float(low), float(high)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; wrong arguments and a folder that holds no model end with 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    compilation.keep_programs()
    try:
        outputs.require_files(chosen.json)
        name, model, variables = _model(chosen)
        print(f"{name} on {_device()}, jax {jax.__version__}; pictures of {model.image_size} pixels")
        print("Every program is compiled first, which may take minutes for a large model.", flush=True)
        rows = _measure(chosen, model, variables)
        if chosen.json:
            _write(chosen.json, name, rows)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print("\n".join(found(rows)))
    if chosen.json:
        print(f"Every call is in {chosen.json}")


def measure(
    model: IResNet, variables: Mapping, *, embed: Sequence[int], train: Sequence[int], seconds: float
) -> Iterator[Row]:
    """A row for each batch of `embed` pictures and of `train` triplets, timed for about so many `seconds` each.

    Raises:
      MissingExtra: optax, which training steps need, is not installed; rows of embedding come first.
    """
    random = np.random.default_rng(0)
    size = model.image_size
    for batch in embed:
        pictures = jnp.asarray(random.integers(0, 256, (batch, size, size, 3), np.uint8))
        yield _timed("embed", batch, batch, _embedding(model, variables, pictures), seconds)
    for batch in train:
        triplets = jnp.asarray(random.integers(0, 256, (batch, 3, size, size, 3), np.uint8))
        yield _timed("train", batch, 3 * batch, _training(model, variables, triplets), seconds)


def line(row: Row, first: Row) -> str:
    """A line of the table; `first` is the row that its ratio is to."""
    median, low, high = row.rates()
    ratio, call = median / first.rates()[0], 1000 * row.pictures / median
    numbers = f"{median:>12.4g}  {f'[{low:.4g}, {high:.4g}]':18}{ratio:>6.2f}{call:>11.4g}{row.compiling:>10.1f} s"
    return f"{row.what:8}{row.batch:>6}{numbers}"


def found(rows: Sequence[Row]) -> list[str]:
    """A sentence on embedding, and one on training."""
    lines = []
    for what, verb in (("embed", "embeds"), ("train", "trains on")):
        if rates := [row.rates()[0] for row in rows if row.what == what]:
            lines.append(f"It {verb} {max(rates):.3g} pictures a second at best, {3600 * max(rates):,.0f} an hour.")
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="perface benchmark", description="How fast does this machine embed and train?")
    number = {"type": count, "nargs": "*", "metavar": "N"}
    parser.add_argument("--model", metavar="DIR", help="a model folder (default: random weights of --arch)")
    parser.add_argument("--arch", default="r50", help="r18, r34, r50, r100 or r200 (default: r50)")
    parser.add_argument("--width", type=count, metavar="N", default=64, help="of its first stage (default: 64)")
    parser.add_argument("--image_size", type=count, metavar="N", default=112, help="pixels (default: 112)")
    parser.add_argument("--embed", default=[1, 8, 32], help="pictures in a batch (default: 1 8 32)", **number)
    parser.add_argument("--train", default=[8], help="triplets in a batch; none: no training (default: 8)", **number)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each row, at least (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write the seconds of every call")
    return parser


def _model(chosen: argparse.Namespace) -> tuple[str, IResNet, Mapping]:
    if chosen.model:
        return chosen.model, *load_model(chosen.model)
    model = iresnet(chosen.arch, width=chosen.width, image_size=chosen.image_size)
    blank = jnp.zeros((1, model.image_size, model.image_size, 3))
    return f"{chosen.arch}, random weights", model, jax.jit(model.init)(jax.random.key(0, impl="rbg"), blank)


def _measure(chosen: argparse.Namespace, model: IResNet, variables: Mapping) -> list[Row]:
    if not (chosen.embed or chosen.train):
        raise ValueError("saw no batch, wanted --embed N ... or --train N ...")
    rows, first = [], {}
    print(HEADER, flush=True)
    try:
        with extras.explained():
            for row in measure(model, variables, embed=chosen.embed, train=chosen.train, seconds=chosen.seconds):
                rows.append(row)
                print(line(row, first.setdefault(row.what, row)), flush=True)
    except extras.MissingExtra as missing:
        print(f"No training steps: {missing}")
    return rows


def _timed(what: str, batch: int, pictures: int, call: Callable[[], Any], seconds: float) -> Row:
    started = time.perf_counter()
    jax.block_until_ready(call())
    compiling = time.perf_counter() - started
    jax.block_until_ready(call())  # warm
    taken: list[float] = []
    while len(taken) < FEWEST or sum(taken) < seconds:
        started = time.perf_counter()
        jax.block_until_ready(call())
        taken.append(time.perf_counter() - started)
    return Row(what, batch, pictures, compiling, tuple(taken))


def _embedding(model: IResNet, variables: Mapping, pictures: jax.Array) -> Callable[[], Any]:
    """The call of `embed` for pictures on the device."""
    folded = folding.fold_norms(model, variables)
    step = functools.partial(folding.embed_step, model=model)
    return functools.partial(jax.jit(step, compiler_options=compilation.options()), folded, pictures)


def _training(model: IResNet, variables: Mapping, triplets: jax.Array) -> Callable[[], Any]:
    """The call of one training step with SGD, each from where the last one ended."""
    from perface_jax.training import optim, state
    from perface_jax.training.step import Loss, Norms, train_step, triplet_objective

    def sgd(hyper):
        return optim.sgd(hyper.learning_rate, momentum=hyper.momentum, weight_decay=hyper.weight_decay)

    numbers = {name: np.asarray(value, model.param_dtype) for name, value in NUMBERS.items()}
    hyper = state.Hyper(**numbers, loss=np.asarray(0, np.int32))
    objective = functools.partial(triplet_objective, choices=(Loss.COSINE_TRIPLET,))
    options = {"model": model, "optimizer": sgd, "objective": objective, "norms": Norms.GLOBAL}
    step = functools.partial(train_step, **options)
    program = jax.jit(step, donate_argnums=0, compiler_options=compilation.options())
    now = jax.tree.map(jnp.array, state.create(variables, sgd(hyper), hyper))  # a copy, which may be donated
    batch = {"images": triplets, "weight": jnp.ones(len(triplets))}

    def call():
        nonlocal now
        now, sums = program(now, batch)
        return now, sums

    return call


def _device() -> str:
    device = jax.devices()[0]
    return f"{device.device_kind} ({device.platform})"


def _write(path: str, name: str, rows: Sequence[Row]) -> None:
    facts = {"model": name, "device": _device(), "machine": platform.machine(), "system": platform.system()}
    versions = {"perface_jax": __version__, "jax": jax.__version__, "python": platform.python_version()}
    listed = [row._asdict() | {"pictures_a_second": row.rates()[0]} for row in rows]
    files.write_text(pathlib.Path(path), json.dumps(facts | versions | {"rows": listed}, indent=1) + "\n")


if __name__ == "__main__":
    main()
