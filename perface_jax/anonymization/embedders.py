"""Sources of vectors of faces: the perceptual model and the recognizers, as networks or files of vectors."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Num, UInt8
from ml_collections import ConfigDict

from perface_jax import evaluation, evaluator, images, landmarks
from perface_jax.arrays import AnyArray
from perface_jax.datasets.portraits import Portraits
from perface_jax.evaluation import Role
from perface_jax.network.hub import local_folder
from perface_jax.network.model_folder import load_model

Pictures = UInt8[AnyArray, "n s s 3"]
Points = Num[AnyArray, "n p 2"]
BEFORE_TRAINING = "before training"  # the recognizer that a run started from


class FaceEmbedder(Protocol):
    """A source of vectors of faces."""

    embeds_new_pictures: bool  # whether it embeds any picture; files have vectors of known pictures only

    def embed(
        self, pictures: Pictures, points: Points, *, role: str | None = None, names: Sequence[str] = ()
    ) -> Float[np.ndarray, "n d"]:
        """Vectors of faces, from pictures and landmarks.

        A network needs only these; files are looked up by `role` ("originals", "candidates", or the name of the method;
        None = pictures made here) and by the `names` of the pictures in that role.
        """
        ...


class FaceVectors(NamedTuple):
    """Vectors of the same pictures, `[n, D]` each."""

    perceived: np.ndarray | None  # of the perceptual model, if there is one
    recognized: dict[str, np.ndarray]  # by recognizer, for those that can embed these pictures


class Embedders(NamedTuple):
    """The perceptual model, if there is one, and the recognizers by name."""

    perceptual: FaceEmbedder | None
    recognizers: dict[str, FaceEmbedder]

    def for_new_pictures(self) -> dict[str, FaceEmbedder]:
        """The recognizers that embed any picture."""
        return {name: one for name, one in self.recognizers.items() if one.embeds_new_pictures}

    def functions(self) -> dict[str, Any]:
        """`perceive` and `recognizers` of `anonymize.anonymize`; ValueError without a perceptual model."""
        if self.perceptual is None:
            raise ValueError("no perceptual model; wanted --workdir=RUN")
        recognizers = {name: one.embed for name, one in self.for_new_pictures().items()}
        return {"perceive": self.perceptual.embed, "recognizers": recognizers}

    def embed(self, faces: Portraits, role: str | None) -> FaceVectors:
        """Vectors of faces from every embedder that can provide them; `role` as for `FaceEmbedder.embed`."""
        able = self.recognizers if role else self.for_new_pictures()
        options = {"role": role, "names": faces.names}
        recognized = {name: one.embed(faces.images, faces.landmarks, **options) for name, one in able.items()}
        perceived = self.perceptual.embed(faces.images, faces.landmarks, **options) if self.perceptual else None
        return FaceVectors(perceived, recognized)


class NetworkEmbedder:
    """A network; every face is aligned to its crop, or to the template `crop` if the model does not name one."""

    embeds_new_pictures = True

    def __init__(self, network: evaluation.Network, *, crop: str):
        model: Any = network.model  # an `IResNet`, which has a size and perhaps a crop
        self._network, self._size, self._crop = network, model.image_size, model.crop or crop

    def embed(self, pictures: Pictures, points: Points, **_) -> Float[np.ndarray, "n d"]:
        """See `FaceEmbedder`."""
        five = np.asarray(landmarks.outline(np.asarray(points, np.float32)))[:, :5]

        def load(i):
            return images.fit(np.asarray(pictures[i]), crop=self._crop, size=self._size, landmarks=five[i])[None]

        return self._network.items([[str(i)] for i in range(len(five))], load)[:, 0]


class FileEmbedder:
    """Vectors computed elsewhere, for `originals` and the name of each method; `name` is for messages."""

    embeds_new_pictures = False

    def __init__(self, files: Mapping[str, evaluation.Vectors], name: str):
        self._files, self._name = files, name

    def embed(self, pictures, points, *, role: str | None = None, names: Sequence[str] = ()) -> np.ndarray:
        """See `FaceEmbedder`. ValueError: no file for these pictures, or a picture missing from it."""
        if role is None:
            raise ValueError(f"{self._name} has vectors from files; wanted a model folder, which embeds new pictures")
        if role not in self._files:
            raise ValueError(
                f"{self._name} has no vectors of {role!r}, only of {', '.join(sorted(self._files))}: add {role}.npz,"
                " or give a model folder, which embeds any picture"
            )
        return self._files[role].of(names)


def open_embedders(config: ConfigDict, workdir: str | None, recognizers: Mapping[str, str]) -> Embedders:
    """The models of a run, and further recognizers.

    Args:
      config: of the run.
      workdir: the run whose model is the perceptual model, and whose starting point is a recognizer; None = neither.
      recognizers: name -> model folder, or folder of vectors, see `inputs.Inputs`.

    Raises:
      FileNotFoundError, ValueError: no run, no model, no vectors, or no recognizer at all.
    """
    found, perceptual = {}, None
    if workdir:
        models = evaluator.open_run(config, workdir).models[0]
        found[BEFORE_TRAINING], perceptual = (
            NetworkEmbedder(models[role].open(), crop=config.crop)  # pyright: ignore[reportArgumentType]  # of a run
            for role in (Role.START, Role.TRAINED)
        )
    found |= {name: _open(name, path, config) for name, path in recognizers.items()}
    if not found:
        raise ValueError("no recognizer; wanted --workdir=RUN, or --recognizers=NAME=FOLDER")
    return Embedders(perceptual, found)


def _open(name, path, config):
    folder = local_folder(path)
    if (folder / "originals.npz").exists():
        files = {file.stem: evaluation.read_vectors(file) for file in sorted(folder.glob("*.npz"))}
        return FileEmbedder(files, name)
    network = evaluation.Network(*load_model(folder), batch_size=config.evaluation_batch_size)
    return NetworkEmbedder(network, crop=config.crop)
