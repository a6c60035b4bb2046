"""Optional packages: which extra installs them, and the one-line message if one is missing."""

import contextlib
from collections.abc import Iterator

EXTRAS = {  # import name: the extra that installs it
    "absl": "train",
    "grain": "train",
    "huggingface_hub": "hub",
    "joblib": "detect",
    "lz4": "detect",
    "ml_collections": "train",
    "mtcnn": "detect",
    "optax": "train",
    "tensorboardX": "train",
    "tensorflow_datasets": "train",
    "matplotlib": "report",
    "rich": "report",
    "flatbuffers": "export",
    "onnx": "convert",
    "onnxruntime": "export",
    "safetensors": "convert",
    "torch": "torch",
    "sqlalchemy": "collect",
    "starlette": "collect",
    "uvicorn": "collect",
    "psycopg": "postgres",
    "numpyro": "bayes",
    "crowdkit": "crowd",
    "libtpu": "aot",
    "jax_cuda12_plugin": "aot",
    "av": "video",
    "cv2": "video",
}


class MissingExtra(ModuleNotFoundError):
    """A package of an extra is not installed. The message is one line with the command that installs it."""


@contextlib.contextmanager
def explained(*, program: bool = False) -> Iterator[None]:
    """Turns a failed import inside into a MissingExtra that says how to install it; a `program` ends with that line."""
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
