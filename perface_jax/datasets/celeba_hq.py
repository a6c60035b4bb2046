"""Faces of CelebAMask-HQ in the four attribute groups: young or older, male or female.

Reads your folder as downloaded: `CelebA-HQ-img/0.jpg`, `1.jpg` ... and the attribute file. Pictures with another
suffix that `images` reads will do. Optional are a file of landmarks and one of corrected attributes (`celeba_files` has
their formats). The folder is never changed.

From every group, `gallery` and `queries` faces are drawn by seed, no face twice. They are stored in the crop of
`template`: aligned by landmarks, or without landmarks by the fixed `celeba_hq` crop, which is less exact. An unreadable
picture is listed, and another face of its group replaces it.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import Bool, Float, Int, Int32, UInt8
from PIL import Image

from perface_jax import files, images, progress_bar
from perface_jax.datasets import celeba_files, store
from perface_jax.datasets.celeba_files import ATTRIBUTES, GROUPS, PICTURES, Attributes
from perface_jax.datasets.portrait_files import refuse_doubled


def draw(groups: Int[np.ndarray, " n"], *, gallery: int, queries: int, seed: int) -> list[Int[np.ndarray, " _"]]:
    """The faces of every group, shuffled: first `gallery` faces, then `queries` faces, then spares.

    `groups` are positions in GROUPS, -1 for a face that may not be drawn. ValueError if a group has too few.
    """
    members, least = [np.flatnonzero(groups == group) for group in range(len(GROUPS))], gallery + queries
    named = zip(GROUPS, members, strict=True)
    if short := [f"{name} has {len(faces)}" for name, faces in named if len(faces) < least]:
        wanted = f"{gallery} gallery + {queries} queries = {least} a group"
        raise ValueError(f"too few faces: {', '.join(short)}, asked for {wanted}")
    return [np.random.default_rng((seed, group)).permutation(faces) for group, faces in enumerate(members)]


@dataclasses.dataclass(eq=False)
class Config(tfds.core.BuilderConfig):
    """Which faces to take and how to crop them; these fields determine the name and thus the folder."""

    name: str = ""
    image_size: int = 112  # side in pixels, as stored
    template: str = "simswap"  # crop of the faces; default: that of SimCelebA, so that scores are comparable
    gallery: int = 100  # faces a group
    queries: int = 250  # faces a group
    seed: int = 0  # of the draw
    landmarks: str | None = None  # CSV file; None = the fixed celeba_hq crop
    corrections: str | None = None  # CSV file of corrected attributes

    def __post_init__(self):
        for field in ("image_size", "gallery", "queries"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}, expected at least 1")
        marks = ("-landmarks" if self.landmarks else "") + ("-corrected" if self.corrections else "")
        self.name = f"{self.image_size}px-{self.template}-{self.gallery}+{self.queries}-seed{self.seed}{marks}"


class CelebAHQ(tfds.core.ShardBasedBuilder):
    """TFDS builder of the attribute groups, splits `gallery` and `query`; `manual_dir`: the folder CelebAMask-HQ."""

    name = "celeba_hq_groups"
    builder_config: Config  # pyright: ignore[reportIncompatibleMethodOverride]  # narrower
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"The unpacked CelebAMask-HQ: {PICTURES}/0.jpg ... and {ATTRIBUTES}."

    def __init__(self, *, config: Config | None = None, **options):
        super().__init__(config=config or Config(), **options)

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.image_size
        features = {
            "image": tfds.features.Tensor(shape=(size, size, 3), dtype=np.uint8, encoding="bytes"),
            "name": tfds.features.Text(),
            "male": tfds.features.Scalar(np.bool_),
            "young": tfds.features.Scalar(np.bool_),
            "group": tfds.features.ClassLabel(names=GROUPS),
        }
        return store.info(
            self,
            features,
            description="Faces of CelebAMask-HQ in groups of apparent age and gender. Non-commercial research only.",
            homepage="https://github.com/switchablenorms/CelebAMask-HQ",
        )

    def _shard_iterators_per_split(self, dl_manager):
        folder, config = pathlib.Path(dl_manager.manual_dir), self.builder_config
        attributes, changed = celeba_files.read_attributes(folder / ATTRIBUTES), 0
        if config.corrections:
            attributes, changed = celeba_files.correct(attributes, config.corrections)
        landmarks = celeba_files.read_landmarks(config.landmarks) if config.landmarks else None
        pictures, skipped = _pictures(folder)
        usable = _usable(pictures, attributes, landmarks)
        groups = np.where(usable, attributes.groups(), -1)
        try:
            drawn = draw(groups, gallery=config.gallery, queries=config.queries, seed=config.seed)
        except ValueError as error:
            raise ValueError(f"{folder / ATTRIBUTES}: {error}") from error
        if landmarks is not None:
            self._refuse_misplaced(pictures, [attributes.names[face] for face in np.concatenate(drawn)], landmarks)
        store.metadata(self).update(
            folder=os.fspath(folder.resolve()), **_fingerprint(folder, config), corrected_values=changed,
            available={name: int((groups == i).sum()) for i, name in enumerate(GROUPS)},
            not_usable=int((~usable).sum()), skipped=skipped, gallery=[], query=[],
        )  # fmt: skip
        wanted = {"gallery": [faces[: config.gallery] for faces in drawn],
                  "query": [faces[config.gallery :][: config.queries] for faces in drawn]}  # fmt: skip
        spares = [iter(faces[config.gallery + config.queries :]) for faces in drawn]
        examples = functools.partial(self._examples, pictures, attributes, landmarks)
        return {
            split: [functools.partial(examples, split, group, faces[group], spares[group]) for group in range(4)]
            for split, faces in wanted.items()
        }

    def _refuse_misplaced(self, pictures: dict[str, pathlib.Path], names: Sequence[str], landmarks) -> None:
        """Refuse a file whose landmarks are those of other pictures: of smaller copies, or of crops."""
        points = {place: landmarks[name][0] for place, name in enumerate(names)}
        try:
            images.refuse_misplaced([pictures[name] for name in names], points, celeba_hq=True)
        except ValueError as error:
            raise ValueError(f"{self.builder_config.landmarks}: {error}") from error

    def _examples(self, pictures, attributes, landmarks, split, group, faces, spares) -> Iterator[tuple[str, dict]]:
        for face in progress_bar.over(faces, f"{split}, {GROUPS[group]}", "faces", total=len(faces)):
            image = self._image(pictures, attributes.names[face], landmarks)
            while image is None:
                if (face := next(spares, None)) is None:
                    raise ValueError(
                        f"too few readable faces in group {GROUPS[group]}: {store.metadata(self)['skipped']}"
                    )
                image = self._image(pictures, attributes.names[face], landmarks)
            name, male, young = attributes.names[face], bool(attributes.male[face]), bool(attributes.young[face])
            store.metadata(self)[split].append([name, male, young])
            yield name, {"image": image, "name": name, "male": male, "young": young, "group": group}

    def _image(self, pictures: dict[str, pathlib.Path], name: str, landmarks) -> np.ndarray | None:
        config, path = self.builder_config, pictures[name]
        try:
            picture = images.read_as(path, path.name)
        except images.PictureError as error:
            store.metadata(self)["skipped"].append(str(error))
            return None
        if landmarks is None:
            return images.fit(picture, crop="celeba_hq", template=config.template, size=config.image_size)
        points, line = landmarks[name]
        height, width = picture.shape[:2]
        if ((points < 0) | (points > (width - 1, height - 1))).any():
            raise ValueError(
                f"{config.landmarks}, line {line}: landmarks of {name} outside its picture, expected x in "
                f"0..{width - 1} and y in 0..{height - 1}, saw {points.tolist()}"
            )
        if fault := images.misplaced_in_frame(points, (width, height)):
            raise ValueError(f"{config.landmarks}, line {line}: landmarks of {name}: {fault}")
        picture, points = shrink(picture, points, size=config.image_size)
        try:
            return images.fit(picture, crop=config.template, size=config.image_size, landmarks=points)
        except images.PictureError as error:
            raise ValueError(f"{config.landmarks}, line {line}: landmarks of {name}: {error}") from error


def shrink(
    picture: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "5 2"], *, size: int
) -> tuple[UInt8[np.ndarray, "_ _ 3"], Float[np.ndarray, "5 2"]]:
    """Shrink a picture by a whole factor if its face is larger than the crop, because alignment alone would alias.

    `size` is the side of the crop that follows, about three times the distance of its eyes. Averages over factor x
    factor pixels. The returned landmarks are in pixels of the result.
    """
    factor = max(1, int(np.hypot(*(landmarks[1] - landmarks[0])) / (0.3 * size)))
    reduced = np.asarray(Image.fromarray(picture).reduce(factor))
    return reduced, (landmarks + 0.5) / factor - 0.5


@dataclasses.dataclass(frozen=True)
class Faces:
    """One split: pictures by position, and labels as arrays, available without reading a picture."""

    records: Sequence[dict]
    names: tuple[str, ...]
    male: Bool[np.ndarray, " n"]
    young: Bool[np.ndarray, " n"]
    group: Int32[np.ndarray, " n"]  # position in GROUPS
    metadata: dict  # checksums, corrections, available faces, skipped pictures

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> UInt8[np.ndarray, "s s 3"]:
        """One face."""
        return self.records[position]["image"]


def build(folder: str | os.PathLike, data_dir: str | os.PathLike, **options: Any) -> CelebAHQ:
    """Build the groups below `data_dir`, or reuse those already there; options are fields of `Config`.

    Raises:
      ValueError: bad files, named with their line; too few faces in a group; a prepared set from other files.
    """
    folder, config = pathlib.Path(folder), Config(**options)
    for part in (folder / ATTRIBUTES, folder / PICTURES):
        if not part.exists():
            raise FileNotFoundError(f"{part} is missing: expected the folder of CelebAMask-HQ")
    builder = CelebAHQ(data_dir=data_dir, config=config)
    store.prepare(builder, folder, _fingerprint(folder, config))
    return builder


def load(builder: CelebAHQ, split: str) -> Faces:
    """Open the split `gallery` or `query` of a prepared set."""
    store.require_built(builder)
    names, male, young = zip(*store.metadata(builder)[split], strict=True)
    labels = Attributes(names, np.array(male), np.array(young))
    metadata = {key: value for key, value in store.metadata(builder).items() if key not in ("gallery", "query")}
    group = labels.groups().astype(np.int32)
    return Faces(store.records(builder, split), names, labels.male, labels.young, group, metadata)


def _fingerprint(folder: pathlib.Path, config: Config) -> dict[str, str | None]:
    return {
        "attributes_sha256": files.sha256(folder / ATTRIBUTES),
        "landmarks_sha256": files.sha256(config.landmarks) if config.landmarks else None,
        "corrections_sha256": files.sha256(config.corrections) if config.corrections else None,
    }


def _pictures(folder: pathlib.Path) -> tuple[dict[str, pathlib.Path], list[str]]:
    """The files by the names of their pictures, and `file: reason` of those that cannot be read."""
    names, skipped = images.list_pictures(folder / PICTURES)
    names = [name for name in names if "/" not in name]
    refuse_doubled(str(folder / PICTURES), names)
    return {images.stem(name): folder / PICTURES / name for name in names}, [": ".join(pair) for pair in skipped]


def _usable(pictures: dict[str, pathlib.Path], attributes: Attributes, landmarks: dict | None) -> np.ndarray:
    """Faces with a picture, and with landmarks if those are requested: users may have only part of the 30,000."""
    if unknown := sorted(pictures.keys() - set(attributes.names)):
        raise ValueError(f"{pictures[unknown[0]]} and {len(unknown) - 1} more have no row in {ATTRIBUTES}")
    with_landmarks = pictures.keys() if landmarks is None else pictures.keys() & landmarks.keys()
    return np.array([name in with_landmarks for name in attributes.names])
