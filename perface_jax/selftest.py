"""Does this device compute the right embeddings? Run this first on a new GPU or TPU.

    python -m perface_jax.selftest models/arcface_r50

A model folder holds a known answer: a few generated pictures and their embeddings, computed in full float32 when the
folder was written. The test embeds the pictures again, twice: in full precision, which must agree within `TOLERANCE`,
and in the default precision of this device (bfloat16 or TF32 products on accelerators), whose error is reported.
"""

from typing import NamedTuple

import jax
import numpy as np
from etils import epath

from perface_jax.argument_parser import ArgumentParser
from perface_jax.evaluation import embed
from perface_jax.network.hub import local_folder
from perface_jax.network.known_answer import read_known_answer
from perface_jax.network.model_folder import load_model, recorded_hashes
from perface_jax.network.model_json import AGAIN
from perface_jax.similarity import similarity

TOLERANCE = 1e-4  # of the largest absolute value; reordered float32 sums stay ten times below


class Result(NamedTuple):
    """The difference of this device from the known answer."""

    exact: float  # largest absolute difference in full precision, relative to the largest absolute value
    default: float  # the same in default precision
    cosine: float  # smallest cosine in default precision

    @property
    def passed(self) -> bool:
        return self.exact <= TOLERANCE  # False for NaN


def selftest(folder: epath.PathLike) -> Result:
    """Recompute the known answer of a model folder on the default device; `load_model` has checked its hashes before.

    Raises:
      FileNotFoundError: no model folder, or one without a known answer.
      ValueError: a damaged folder.
    """
    folder = local_folder(folder)
    model, variables = load_model(folder)
    try:
        images, known = read_known_answer(folder).values()
    except (FileNotFoundError, ValueError) as error:  # of a folder without hashes; others do not load
        raise type(error)(f"{error}; {AGAIN}") from error
    with jax.default_matmul_precision("highest"):
        exact = embed(model.clone(dtype=model.param_dtype), variables, images)
    default = embed(model, variables, images)
    scale = np.abs(known).max()
    return Result(
        float(np.abs(exact - known).max() / scale),
        float(np.abs(default - known).max() / scale),
        float(similarity(default, known).min()),
    )


def main(arguments: list[str] | None = None) -> None:
    """The program: exits with 0 if this device is right, 1 if it is wrong, 2 without a usable folder."""
    parser = ArgumentParser(prog="perface selftest", arguments="folder", description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", help="model folder, or hf://org/name")
    args = parser.parse_args(arguments)
    try:
        folder = local_folder(args.folder)
        result = selftest(folder)
        hashes = recorded_hashes(folder)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    device = jax.devices()[0]
    print(f"{args.folder} on {device.device_kind} ({device.platform}), jax {jax.__version__}")
    print(f"  the folder         {_checked(hashes)}")
    print(f"  full precision     {result.exact:.1e} of the largest value (at most {TOLERANCE:.0e} is right)")
    print(f"  as it runs         {result.default:.1e}, smallest cosine to the known answer {result.cosine:.6f}")
    maybe = "" if hashes else ",\nor the folder is damaged"
    print("right" if result.passed else f"WRONG: this device does not compute what the model folder says{maybe}")
    raise SystemExit(0 if result.passed else 1)


def _checked(hashes):
    if not hashes:
        return "no hashes in model.json (an older folder): damage may go unseen"
    return f"whole: {len(hashes)} hashes in model.json are right"


if __name__ == "__main__":
    main()
