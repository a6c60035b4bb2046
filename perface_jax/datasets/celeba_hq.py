"""Faces of CelebAMask-HQ in the four attribute groups: young or older, male or female.

Read from the user's folder as it was downloaded:

    CelebA-HQ-img/0.jpg, 1.jpg ...
    CelebAMask-HQ-attribute-anno.txt      line 1: count; line 2: attribute names; then `0.jpg  -1 1 ...`

and, if the user has them, from two CSV files: landmarks (`name,left_eye_x,left_eye_y,right_eye_x,...`, pixels of the
picture) and corrected attributes (`name,Male,Young` with 1, -1 or nothing for "as it was").

Of every group, `gallery` and `queries` faces are drawn by seed, no face twice. They are stored in the crop of
`template`: aligned by landmarks, or without them by the fixed `celeba_hq` crop, which is less exact. The folder is
only read. A picture that cannot be read is listed and another face of its group takes its place.
"""

import csv
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
import tqdm
from PIL import Image

from perface_jax import images
from perface_jax.datasets import store

GROUPS = ("young male", "young female", "older male", "older female")
PICTURES = "CelebA-HQ-img"
ATTRIBUTES = "CelebAMask-HQ-attribute-anno.txt"
LANDMARKS = tuple(
    f"{point}_{axis}" for point in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right") for axis in "xy"
)


@dataclasses.dataclass(frozen=True)
class Attributes:
    """Apparent gender and age group of every picture, by its name without `.jpg`."""

    names: tuple[str, ...]
    male: np.ndarray  # bool [N]
    young: np.ndarray  # bool [N]

    def groups(self) -> np.ndarray:
        """Position in GROUPS of every picture, int [N]."""
        return 2 * ~self.young + ~self.male


def read_attributes(path: str | os.PathLike) -> Attributes:
    """Read the attribute file of CelebAMask-HQ.

    Raises:
      ValueError: a wrong count, no column Male or Young, or a row that does not fit; names file and line.
    """
    lines = pathlib.Path(path).read_text().splitlines()
    if len(lines) < 2 or not lines[0].strip().isdigit():
        raise ValueError(f"{path}, line 1: {lines[:1]}, expected the number of pictures, such as 30000")
    header, rows = lines[1].split(), [(i, line.split()) for i, line in enumerate(lines[2:], 3) if line.strip()]
    if len(rows) != int(lines[0]):
        raise ValueError(f"{path}, line 1: says {int(lines[0])} pictures, the file has {len(rows)} rows of attributes")
    if missing := {"Male", "Young"} - set(header):
        raise ValueError(f"{path}, line 2: no attribute {', '.join(sorted(missing))} among {', '.join(header)}")
    for line, row in rows:
        if len(row) != len(header) + 1 or set(row[1:]) - {"1", "-1"}:
            raise ValueError(
                f"{path}, line {line}: {' '.join(row)[:60]!r}, expected a name and {len(header)} values 1 or -1"
            )
    male, young = (np.array([row[1 + header.index(name)] == "1" for _, row in rows]) for name in ("Male", "Young"))
    return Attributes(_unique([(line, row[0]) for line, row in rows], path), male, young)


def correct(attributes: Attributes, path: str | os.PathLike) -> tuple[Attributes, int]:
    """Apply a CSV of corrected attributes.

    Args:
      attributes: as read.
      path: CSV with columns name and Male, Young or both; 1, -1, or nothing to leave a value as it is.

    Returns:
      the corrected attributes, and how many values changed.

    Raises:
      ValueError: an unknown column, name or value, or a name twice; names file and line.
    """
    header, rows = _read_csv(path)
    if "name" not in header or not set(header) <= {"name", "Male", "Young"}:
        raise ValueError(f"{path}, line 1: columns {', '.join(header)}, expected name and Male, Young or both")
    position = {name: i for i, name in enumerate(attributes.names)}
    names = _unique([(line, row["name"]) for line, row in rows], path)
    corrected = {"Male": attributes.male.copy(), "Young": attributes.young.copy()}
    for name, (line, row) in zip(names, rows, strict=True):
        if name not in position:
            raise ValueError(f"{path}, line {line}: {name!r} is not in the attribute file")
        for attribute in corrected.keys() & row.keys():
            if row[attribute] not in ("1", "-1", ""):
                raise ValueError(f"{path}, line {line}: {attribute} is {row[attribute]!r}, expected 1, -1 or nothing")
            if row[attribute]:
                corrected[attribute][position[name]] = row[attribute] == "1"
    changed = (corrected["Male"] != attributes.male).sum() + (corrected["Young"] != attributes.young).sum()
    return Attributes(attributes.names, corrected["Male"], corrected["Young"]), int(changed)


def read_landmarks(path: str | os.PathLike) -> dict[str, tuple[np.ndarray, int]]:
    """Read five points a face: name -> (float64 [5, 2] in pixels of the picture, line of the file).

    Raises:
      ValueError: missing columns, a name twice, or something that is not a number; names file and line.
    """
    header, rows = _read_csv(path)
    if missing := [column for column in ("name", *LANDMARKS) if column not in header]:
        raise ValueError(f"{path}, line 1: no column {', '.join(missing)}, expected name, {', '.join(LANDMARKS)}")
    names = _unique([(line, row["name"]) for line, row in rows], path)
    landmarks = {}
    for name, (line, row) in zip(names, rows, strict=True):
        try:
            points = np.array([float(row[column]) for column in LANDMARKS]).reshape(5, 2)
        except ValueError:
            points = np.full((5, 2), np.nan)
        if not np.isfinite(points).all():
            raise ValueError(f"{path}, line {line}: expected ten numbers, {', '.join(LANDMARKS)}")
        landmarks[name] = points, line
    return landmarks


def draw(groups: np.ndarray, *, gallery: int, queries: int, seed: int) -> list[np.ndarray]:
    """Draw the faces of every group: the first `gallery` of a shuffle, the next `queries`, the rest are spares.

    Args:
      groups: int [N], position in GROUPS, -1 for a face that may not be drawn.
      gallery: faces a group in the gallery.
      queries: faces a group among the queries.
      seed: of the shuffles.

    Returns:
      for every group the shuffled positions of its faces.

    Raises:
      ValueError: a group has too few faces.
    """
    members = [np.flatnonzero(groups == group) for group in range(len(GROUPS))]
    short = [
        f"{name} has {len(faces)}"
        for name, faces in zip(GROUPS, members, strict=True)
        if len(faces) < gallery + queries
    ]
    if short:
        raise ValueError(
            f"too few faces: {', '.join(short)}, asked for {gallery} gallery + {queries} queries = {gallery + queries} "
            "a group"
        )
    return [np.random.default_rng((seed, group)).permutation(faces) for group, faces in enumerate(members)]


@dataclasses.dataclass(eq=False)
class Config(tfds.core.BuilderConfig):
    """Which faces are taken and how they are cropped; the name, and so the folder, is made from these fields."""

    name: str = ""
    image_size: int = 112  # pixels a side, as stored
    template: str = "simswap"  # crop the faces are brought into; that of SimCelebA, so that scores compare
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
    """TFDS builder of the attribute groups, splits `gallery` and `query`; give the user's folder as `manual_dir`."""

    name = "celeba_hq_groups"
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
        return tfds.core.DatasetInfo(
            builder=self,
            description="Faces of CelebAMask-HQ in groups of apparent age and gender. Non-commercial research only.",
            features=tfds.features.FeaturesDict(features),
            homepage="https://github.com/switchablenorms/CelebAMask-HQ",
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _shard_iterators_per_split(self, dl_manager):
        folder, config = pathlib.Path(dl_manager.manual_dir), self.builder_config
        attributes, changed = read_attributes(folder / ATTRIBUTES), 0
        if config.corrections:
            attributes, changed = correct(attributes, config.corrections)
        landmarks = read_landmarks(config.landmarks) if config.landmarks else None
        usable = _usable(folder, attributes, landmarks)
        groups = np.where(usable, attributes.groups(), -1)
        drawn = draw(groups, gallery=config.gallery, queries=config.queries, seed=config.seed)
        self.info.metadata.update(
            folder=os.fspath(folder.resolve()), **_fingerprint(folder, config), corrected_values=changed,
            available={name: int((groups == i).sum()) for i, name in enumerate(GROUPS)},
            not_usable=int((~usable).sum()), skipped=[], gallery=[], query=[],
        )  # fmt: skip
        wanted = {"gallery": [faces[: config.gallery] for faces in drawn],
                  "query": [faces[config.gallery :][: config.queries] for faces in drawn]}  # fmt: skip
        spares = [iter(faces[config.gallery + config.queries :]) for faces in drawn]
        examples = functools.partial(self._examples, folder, attributes, landmarks)
        return {
            split: [functools.partial(examples, split, group, faces[group], spares[group]) for group in range(4)]
            for split, faces in wanted.items()
        }

    def _examples(self, folder, attributes, landmarks, split, group, faces, spares) -> Iterator[tuple[str, dict]]:
        for face in tqdm.tqdm(faces, desc=f"{split}, {GROUPS[group]}", unit=" faces"):
            image = self._image(folder, attributes.names[face], landmarks)
            while image is None:
                face = next(spares, None)
                if face is None:
                    raise ValueError(
                        f"too few readable faces in group {GROUPS[group]}: {self.info.metadata['skipped']}"
                    )
                image = self._image(folder, attributes.names[face], landmarks)
            name, male, young = attributes.names[face], bool(attributes.male[face]), bool(attributes.young[face])
            self.info.metadata[split].append([name, male, young])
            yield name, {"image": image, "name": name, "male": male, "young": young, "group": group}

    def _image(self, folder: pathlib.Path, name: str, landmarks) -> np.ndarray | None:
        config, path = self.builder_config, folder / PICTURES / f"{name}.jpg"
        try:
            picture = images.decode(path.read_bytes(), name=path.name)
        except images.PictureError as error:
            self.info.metadata["skipped"].append(str(error))
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
        picture, points = shrink(picture, points, size=config.image_size)
        try:
            return images.fit(picture, crop=config.template, size=config.image_size, landmarks=points)
        except images.PictureError as error:
            raise ValueError(f"{config.landmarks}, line {line}: landmarks of {name}: {error}") from error


def shrink(picture: np.ndarray, landmarks: np.ndarray, *, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a picture by a whole factor where its face is larger than the crop: alignment alone would alias.

    Args:
      picture: uint8 [H, W, 3].
      landmarks: float [5, 2], pixels of the picture.
      size: pixels a side of the crop that follows; its eyes are about a third of that apart.

    Returns:
      the picture and its landmarks after averaging over factor x factor pixels.
    """
    factor = max(1, int(np.hypot(*(landmarks[1] - landmarks[0])) / (0.3 * size)))
    reduced = np.asarray(Image.fromarray(picture).reduce(factor))
    return reduced, (landmarks + 0.5) / factor - 0.5


@dataclasses.dataclass(frozen=True)
class Faces:
    """One split: pictures by position, and labels as arrays, for which no picture is read."""

    records: Sequence[dict]
    names: tuple[str, ...]
    male: np.ndarray  # bool [N]
    young: np.ndarray  # bool [N]
    group: np.ndarray  # int32 [N], position in GROUPS
    metadata: dict  # checksums, corrections, available faces, skipped pictures

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, position: int) -> np.ndarray:
        """One face: uint8 [S, S, 3]."""
        return self.records[position]["image"]


def build(folder: str | os.PathLike, data_dir: str | os.PathLike, **options: Any) -> CelebAHQ:
    """Build the groups below `data_dir`, or take those that are there.

    Args:
      folder: the user's CelebAMask-HQ; only read.
      data_dir: where TFDS keeps data sets.
      **options: fields of `Config`.

    Returns:
      the prepared builder, for `load`.

    Raises:
      ValueError: bad files, named with their line; too few faces in a group; other files than a prepared set's.
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
    names, male, young = zip(*builder.info.metadata[split], strict=True)
    labels = Attributes(names, np.array(male), np.array(young))
    metadata = {key: value for key, value in builder.info.metadata.items() if key not in ("gallery", "query")}
    group = labels.groups().astype(np.int32)
    return Faces(builder.as_data_source(split), names, labels.male, labels.young, group, metadata)


def _fingerprint(folder: pathlib.Path, config: Config) -> dict[str, str | None]:
    return {
        "attributes_sha256": store.sha256(folder / ATTRIBUTES),
        "landmarks_sha256": store.sha256(config.landmarks) if config.landmarks else None,
        "corrections_sha256": store.sha256(config.corrections) if config.corrections else None,
    }


def _usable(folder: pathlib.Path, attributes: Attributes, landmarks: dict | None) -> np.ndarray:
    """Faces that have a picture, and landmarks where those are asked for: users hold parts of the 30,000."""
    pictures = {path.stem for path in (folder / PICTURES).glob("*.jpg")}
    if unknown := sorted(pictures - set(attributes.names)):
        raise ValueError(
            f"{folder / PICTURES / unknown[0]}.jpg and {len(unknown) - 1} more have no row in {ATTRIBUTES}"
        )
    with_landmarks = pictures if landmarks is None else pictures & landmarks.keys()
    return np.array([name in with_landmarks for name in attributes.names])


def _read_csv(path: str | os.PathLike) -> tuple[list[str], list[tuple[int, dict]]]:
    """Header, and line and cells of every row; empty lines are ignored, and counted."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        rows = [(reader.line_num, row) for row in reader if row]
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} cells, expected {len(header)}: {', '.join(header)}")
    return header, [(line, dict(zip(header, row, strict=True))) for line, row in rows]


def _unique(names: list[tuple[int, str]], path: str | os.PathLike) -> tuple[str, ...]:
    """Names without `.jpg`; one that comes twice is an error."""
    lines: dict[str, int] = {}
    for line, name in ((line, name.removesuffix(".jpg")) for line, name in names):
        if name in lines:
            raise ValueError(f"{path}, line {line}: {name!r} was already on line {lines[name]}, expected it once")
        lines[name] = line
    return tuple(lines)
