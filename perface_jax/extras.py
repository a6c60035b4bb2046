"""Optional packages: which extra of the installation brings them, and the one line that says so."""

import contextlib
from collections.abc import Iterator

EXTRAS = {  # the name of an import: the extra that brings it
    "absl": "train",
    "grain": "train",
    "joblib": "detect",
    "lz4": "detect",
    "ml_collections": "train",
    "mtcnn": "detect",
    "optax": "train",
    "tensorboardX": "train",
    "tensorflow_datasets": "train",
    "matplotlib": "report",
    "rich": "report",
    "onnx": "convert",
    "safetensors": "convert",
    "torch": "torch",
    "numpyro": "bayes",
}


class MissingExtra(ModuleNotFoundError):
    """A package of an extra is not installed. The message is one line with the command that installs it."""


@contextlib.contextmanager
def explained(*, program: bool = False) -> Iterator[None]:
    """Says how to install what an import in here does not find: a MissingExtra, which ends a `program` without more."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        line = f'{package} is not installed; run: python -m pip install "perface_jax[{EXTRAS[package]}]"'
        if program:
            raise SystemExit(line) from error
        raise MissingExtra(line, name=package) from error
