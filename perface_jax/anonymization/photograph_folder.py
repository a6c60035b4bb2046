"""A folder of photographs: every face that a detector finds is replaced by the diffusion anonymizer. No scores."""

from collections.abc import Iterator

from etils import epath
from PIL import Image

from perface_jax import diffusion, files, images
from perface_jax.detection import Detector


def replace(
    folder: epath.PathLike,
    out: epath.PathLike,
    detector: Detector,
    anonymizer: diffusion.FaceAnonymizer,
    **options: float,
) -> Iterator[str]:
    """Write every photograph as PNG under its name, and say for each how many faces were replaced.

    A photograph without a face that was found is not written, because it may show one all the same.

    Args:
      folder: the photographs.
      out: created; a file there is never overwritten.
      detector, anonymizer: which faces, and what becomes of them.
      options: of `diffusion.anonymize_photograph`.
    """
    for name in images.picture_names(folder):
        target = epath.Path(out) / f"{images.stem(name)}.png"
        if target.exists():
            yield f"{name}: {target} exists, left as it is"
            continue
        try:
            photograph = images.read(epath.Path(folder) / name)
        except images.PictureError as error:
            yield f"{name}: left out: {images.reason_of(error, name)}"
            continue
        replaced, count = diffusion.anonymize_photograph(photograph, detector, anonymizer, **options)
        if not count:
            yield f"{name}: no face found, not written"
            continue
        with files.replacing(target) as unfinished:
            Image.fromarray(replaced).save(unfinished, "PNG")
        yield f"{name}: {count} faces replaced" if count > 1 else f"{name}: 1 face replaced"
