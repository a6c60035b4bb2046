"""Shared by the TFDS builders of this package: prepares a set once, and detects changed source files.

A set is written to a folder of another name and renamed when complete, so a half-built one never loads. The next build
of the same set removes what a killed build left behind. Only one process may build.
"""

import contextlib
import io
import logging
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import tensorflow_datasets as tfds

from perface_jax import disk_space, plain_paths

LOG = logging.getLogger(__name__)


def info(
    builder: tfds.core.DatasetBuilder, features: dict[str, object], *, description: str, homepage: str
) -> tfds.core.DatasetInfo:
    """The description of a set whose examples keep their order; the build fills in its metadata."""
    return tfds.core.DatasetInfo(
        builder=builder,
        description=description,
        features=tfds.features.FeaturesDict(features),
        homepage=homepage,
        metadata=tfds.core.MetadataDict(),
        disable_shuffling=True,
    )


def metadata(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    """The metadata of a set; the build writes into it."""
    return builder.info.metadata  # pyright: ignore[reportReturnType]  # `info` above gives every set a dictionary


def records(builder: tfds.core.DatasetBuilder, split: str) -> Sequence[dict[str, Any]]:
    """Random access to the stored examples."""
    return builder.as_data_source(split)  # pyright: ignore  # its decorator hides the arguments


def prepare(builder: tfds.core.DatasetBuilder, folder: pathlib.Path, fingerprint: dict) -> None:
    """Build a set from the user's folder, or reuse the prepared one if it was built from the same files.

    `fingerprint` has digests of those files; ValueError if a prepared set has others in its metadata.
    """
    if is_built(builder):
        if changed := changes(builder, fingerprint):
            raise ValueError(
                f"{builder.data_dir} was built from other files than those of {folder}: {changed}. Delete it to build "
                "again, or use another data_dir"
            )
        return
    if not plain_paths.is_utf8(builder.data_path):
        raise ValueError(f"{builder.data_path}: the name of a folder is not UTF-8; wanted another config.data.data_dir")
    for left_behind in pathlib.Path(builder.data_path.parent).glob(f"incomplete.*_{builder.version}"):
        shutil.rmtree(left_behind)
    LOG.info("builds the data set %s, once, from %s", builder.data_path, folder)
    config = tfds.download.DownloadConfig(manual_dir=folder)
    tfds.disable_progress_bar()  # ours are shown
    advice = "Free some space, or name another folder (config.data.data_dir); the next start begins the build again"
    quiet = contextlib.redirect_stdout(io.StringIO())  # it prints that it downloads, which nothing here does
    with disk_space.explained(builder.data_path, advice), quiet:
        builder.download_and_prepare(download_config=config, file_format="array_record")


def changes(builder: tfds.core.DatasetBuilder, fingerprint: dict) -> str:
    """Names of the digests that differ from those of a prepared set; empty if none do."""
    names = [name for name, digest in fingerprint.items() if metadata(builder)[name] != digest]
    return ", ".join(names) + " differ" if names else ""


def is_built(builder: tfds.core.DatasetBuilder) -> bool:
    """Whether the set exists; TFDS's own `is_prepared` says the same, but warns if not."""
    return (builder.data_path / "dataset_info.json").exists()


def require_built(builder: tfds.core.DatasetBuilder) -> None:
    """Raise a FileNotFoundError if the set was not built."""
    if not is_built(builder):
        raise FileNotFoundError(f"no data set in {builder.data_dir}: build it first")
