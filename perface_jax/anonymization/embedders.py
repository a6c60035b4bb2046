"""What gives vectors of faces: the perceptual model and the recognizers, networks or files of vectors."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, evaluator, images, landmarks
from perface_jax.datasets.portraits import Portraits
from perface_jax.evaluation import Role
from perface_jax.network.model_folder import load_model

BEFORE_TRAINING = "before training"  # the recognizer that a run started from


class FaceEmbedder(Protocol):
    """What gives vectors of faces.

    Attributes:
      embeds_new_pictures: whether it embeds any picture; files have vectors of known pictures only.
    """

    embeds_new_pictures: bool

    def embed(
        self, pictures: np.ndarray, points: np.ndarray, *, role: str | None = None, names: Sequence[str] = ()
    ) -> np.ndarray:
        """Vectors of faces, float32 `[n, D]`.

        Args:
          pictures: uint8 `[n, S, S, 3]`.
          points: landmarks `[n, P, 2]`.
          role: "originals", "candidates", or the method whose results these are; None = pictures made here.
          names: of the pictures in that role. A network needs neither, files are looked up by both.
        """


class FaceVectors(NamedTuple):
    """Vectors of the same pictures, `[n, D]` each.

    Attributes:
      perceived: of the perceptual model; None without one.
      recognized: by recognizer, of those that can embed these pictures.
    """

    perceived: np.ndarray | None
    recognized: dict[str, np.ndarray]


class Embedders(NamedTuple):
    """The perceptual model, if there is one, and the recognizers by name."""

    perceptual: FaceEmbedder | None
    recognizers: dict[str, FaceEmbedder]

    def for_new_pictures(self) -> dict[str, FaceEmbedder]:
        """The recognizers that embed any picture."""
        return {name: one for name, one in self.recognizers.items() if one.embeds_new_pictures}

    def embed(self, faces: Portraits, role: str | None) -> FaceVectors:
        """Vectors of faces from every embedder that has any; `role` as for `FaceEmbedder.embed`."""
        able = self.recognizers if role else self.for_new_pictures()
        options = {"role": role, "names": faces.names}
        recognized = {name: one.embed(faces.images, faces.landmarks, **options) for name, one in able.items()}
        perceived = self.perceptual.embed(faces.images, faces.landmarks, **options) if self.perceptual else None
        return FaceVectors(perceived, recognized)


class NetworkEmbedder:
    """A network, to whose crop every face is aligned."""

    embeds_new_pictures = True

    def __init__(self, network: evaluation.Network, *, crop: str):
        """`crop` is the template where the model does not say which."""
        self._network, self._crop = network, network.model.crop or crop

    def embed(self, pictures: np.ndarray, points: np.ndarray, **_) -> np.ndarray:
        """See `FaceEmbedder`."""
        five = np.asarray(landmarks.outline(np.asarray(points, np.float32)))[:, :5]
        size = self._network.model.image_size

        def load(i):
            return images.fit(np.asarray(pictures[i]), crop=self._crop, size=size, landmarks=five[i])[None]

        return self._network.items([[str(i)] for i in range(len(five))], load)[:, 0]


class FileEmbedder:
    """Vectors that were computed elsewhere."""

    embeds_new_pictures = False

    def __init__(self, files: Mapping[str, evaluation.Vectors], name: str):
        """`files` has `originals` and the name of each method; `name` is for messages."""
        self._files, self._name = files, name

    def embed(
        self, pictures: np.ndarray, points: np.ndarray, *, role: str | None = None, names: Sequence[str] = ()
    ) -> np.ndarray:
        """See `FaceEmbedder`.

        Raises:
          ValueError: no file for these pictures, or a picture that is not in it.
        """
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
      workdir: the run whose model is the perceptual one, and whose starting point is a recognizer; None = neither.
      recognizers: name -> model folder, or folder of vectors, see `inputs.Inputs`.

    Raises:
      FileNotFoundError, ValueError: no run, no model, no vectors, or no recognizer at all.
    """
    found, perceptual = {}, None
    if workdir:
        models = evaluator.open_run(config, workdir).models[0]
        start, perceptual = (
            NetworkEmbedder(models[role].open(), crop=config.crop) for role in (Role.START, Role.TRAINED)
        )
        found[BEFORE_TRAINING] = start
    found |= {name: _open(name, path, config) for name, path in recognizers.items()}
    if not found:
        raise ValueError("no recognizer; wanted --workdir=RUN, or --recognizers=NAME=FOLDER")
    return Embedders(perceptual, found)


def _open(name, path, config):
    folder = epath.Path(path)
    if (folder / "originals.npz").exists():
        files = {file.stem: evaluation.read_vectors(file) for file in sorted(folder.glob("*.npz"))}
        return FileEmbedder(files, name)
    network = evaluation.Network(*load_model(folder), batch_size=config.evaluation_batch_size)
    return NetworkEmbedder(network, crop=config.crop)
