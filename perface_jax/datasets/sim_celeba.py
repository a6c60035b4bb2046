"""SimCelebA as a data set on disk: built once from the user's release folder, then read at random without decoding.

Stored per triplet: the pictures a, b, c resized to `image_size` (Pillow's bilinear) as raw uint8, its id, its votes,
and the ids of its source triplet and target. The release does not contain these two ids. They follow from the row order
of the grid of sources and targets, which is inferred from the pictures (`order="auto"`) or named. For other crossings
and triplets of your own, a file gives them (`ids="ids.csv"`, see `annotations.read_ids`). The data set is in the order
of the triplet numbers; triplets with an unreadable picture are left out and listed.

    triplets = load(build("path/to/release", "path/to/data", repair="to_pictures"))
    triplets[0]                      # uint8 [3, 112, 112, 3], pictures a, b, c
    triplets.votes                   # int8 [T, 3]
    triplets.metadata["audit"]       # what the audit of the answers found

The release is never changed. An interrupted build leaves nothing that loads.
"""

import dataclasses
import functools
import hashlib
import itertools
import logging
import os
import pathlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from jaxtyping import Int8, Int32, Shaped, UInt8

from perface_jax import annotations, files, images, progress_bar
from perface_jax.annotations.tables import listed
from perface_jax.datasets import placing, repair, store
from perface_jax.datasets import release as releases

LOG = logging.getLogger(__name__)
SPLIT = "triplets"
TRIPLETS_PER_SHARD = 256  # TFDS holds the shard that it writes in memory
ADVICE = {
    "none": "repair='to_pictures' moves the columns into the order of the pictures, where the votes are clear enough",
    "to_pictures": "The votes are not clear enough to move the columns: reorder them by hand",
}


@dataclasses.dataclass(eq=False)
class Config(tfds.core.BuilderConfig):
    """How to build a data set from a release; these fields determine the name and thus the folder."""

    name: str = ""
    image_size: int = 112  # side in pixels, as stored
    order: str = "auto"  # inferred from the pictures; or a kind of annotations.grid_order; or "unknown": no ids
    block: int | None = 10  # size of a group; used only if `order` names a grouped kind
    grid: tuple[int, int] | None = None  # (sources, targets); None = square
    repair: str = "none"  # or "to_pictures": move every answer column into the order of the pictures, if known
    ids: str | os.PathLike = ""  # a file of sources and targets, in place of order and grid

    def __post_init__(self):
        if self.image_size < 1:
            raise ValueError(f"image_size is {self.image_size}, expected at least 1")
        kinds, grouped = tuple(annotations.Kind), "group" in self.order
        if self.order not in ("auto", "unknown", *kinds):
            raise ValueError(f"order is {self.order!r}, expected auto, unknown, {', '.join(kinds)}")
        if grouped and not self.block:
            raise ValueError(f"order {self.order!r} needs a block, the number of sources (or targets) of a group")
        if self.repair not in ("none", "to_pictures"):
            raise ValueError(f"repair is {self.repair!r}, expected none or to_pictures")
        if self.order == "unknown" and self.repair != "none":
            raise ValueError(
                "repair 'to_pictures' needs the order of the pictures: expected another order than unknown"
            )
        if self.ids and (self.order != "auto" or self.grid):
            raise ValueError(f"ids {self.ids} names sources and targets: leave out order ({self.order!r}) and grid")
        block = f"_{self.block}" if grouped else ""
        grid = "-{}x{}".format(*self.grid) if self.grid else ""
        places = f"ids_{files.sha256(pathlib.Path(self.ids))[:12]}" if self.ids else f"{self.order}{block}{grid}"
        self.name = f"{self.image_size}px-{places}-repair_{self.repair}"


class SimCelebA(tfds.core.ShardBasedBuilder):
    """TFDS builder of the release layout; the release folder is TFDS's `manual_dir`.

    Writes shards in the order of the triplets; TFDS's shuffling builder would hold the whole set in memory.
    """

    name = "sim_celeba"
    builder_config: Config  # pyright: ignore[reportIncompatibleMethodOverride]  # narrower
    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = "The unpacked SimCelebA release: triplet/t0000_a.jpg ... and triplet_answers.csv."

    def __init__(self, *, config: Config | None = None, **options):
        super().__init__(config=config or Config(), **options)

    def _info(self) -> tfds.core.DatasetInfo:
        size = self.builder_config.image_size
        features = {
            "images": tfds.features.Tensor(shape=(3, size, size, 3), dtype=np.uint8, encoding="bytes"),
            "id": tfds.features.Text(),
            "votes": tfds.features.Tensor(shape=(None,), dtype=np.int8),
            "source_id": tfds.features.Scalar(np.int32),
            "target_id": tfds.features.Scalar(np.int32),
        }
        return store.info(
            self,
            features,
            description="Triplets of face swaps and the votes of people on which of a and b looks more like c.",
            homepage="https://arxiv.org/abs/2509.20281",
        )

    def _shard_iterators_per_split(self, dl_manager):
        release = pathlib.Path(dl_manager.manual_dir)
        releases.check_layout(release)
        answers = annotations.read_answers(release / releases.ANSWERS)
        spare = releases.check_pictures(release, answers.ids, answers.lines)
        if spare:
            LOG.warning("%d triplets of %s have no answers: %s", len(spare), release, listed(spare))
        store.metadata(self).update(release=os.fspath(release.resolve()), **releases.fingerprint(release))
        store.metadata(self)["collected"] = releases.collected(release)
        rows = self._rows(release, answers, spare)
        examples = self._examples(release, rows)
        shards = -(-len(rows) // TRIPLETS_PER_SHARD)
        lengths = [TRIPLETS_PER_SHARD] * (shards - 1) + [None]  # the last one takes the rest
        return {SPLIT: [functools.partial(itertools.islice, examples, length) for length in lengths]}

    def _rows(self, release: pathlib.Path, answers: annotations.Votes, spare: Sequence[str]) -> list[dict[str, Any]]:
        """Everything but the pictures, in the order of the triplet numbers."""
        placed = self._placed(release, answers, spare)
        answers, audited = self._audited(placed)
        store.metadata(self).update({**placed.described, **audited, "without_answers": list(spare)})
        return [
            {"id": answers.ids[row], "votes": answers.votes[row],
             "source_id": np.int32(placed.source_id[row]), "target_id": np.int32(placed.target_id[row])}
            for row in answers.by_number()
        ]  # fmt: skip

    def _placed(self, release, answers, spare) -> placing.Placed:
        config = self.builder_config
        if config.ids:
            return placing.by_file(answers, config.ids, spare=spare)
        if config.order == "unknown":
            return placing.nowhere(answers)
        return placing.by_order(release, answers, spare=spare, grid=config.grid, kind=config.order, block=config.block)

    def _audited(self, placed: placing.Placed) -> tuple[annotations.Votes, dict[str, Any]]:
        """The answers (repaired if requested and the order is known), and the results of the audit."""
        answers, order = placed.answers, placed.order
        audit = annotations.audit(answers, grid=(order.sources, order.targets) if order else None)
        alarms, moved, warned = audit.order_alarms, [], []
        if order and self.builder_config.repair == "to_pictures":
            answers, moved = repair.to_pictures(answers, audit, order)
            alarms = ()
        if order:
            warned = repair.disagreements(answers, alarms, order)
        note = audit.order_note if order else placed.note
        if moved:
            LOG.warning("answer columns moved into the order of the pictures: %s", "; ".join(moved))
        if note:
            LOG.warning("the row orders of the answer columns were not compared: %s", note)
        found = {"repair": moved, "alarms": warned, "order_note": note}
        return answers, found | {"audit": audit.as_dict(), "report": audit.report()}

    def _examples(self, release: pathlib.Path, rows: Sequence[dict]) -> Iterator[tuple[str, dict[str, Any]]]:
        digest, size = hashlib.sha256(), self.builder_config.image_size
        stored, skipped, skipped_ids = [], [], []
        for row in progress_bar.over(rows, "storing triplets", "triplets", total=len(rows)):
            paths = [releases.picture_path(release, row["id"], role) for role in releases.ROLES]
            encoded = [path.read_bytes() for path in paths]
            for data in encoded:
                digest.update(data)
            try:
                squares = [releases.decode_square(data, path=p) for data, p in zip(encoded, paths, strict=True)]
            except images.PictureError as error:
                skipped.append(str(error))
                skipped_ids.append(row["id"])
                continue
            stored.append([row["id"], row["votes"].tolist(), int(row["source_id"]), int(row["target_id"])])
            yield row["id"], {"images": np.stack([images.fit(s, crop="simswap", size=size) for s in squares]), **row}
        if skipped:
            LOG.warning("%d of %d triplets left out: %s", len(skipped), len(rows), "; ".join(skipped[:5]))
        if not stored:
            raise ValueError(f"{release}: no triplet can be used: {'; '.join(skipped[:5])}")
        noted = {"pictures_sha256": digest.hexdigest(), "skipped": skipped, "skipped_ids": skipped_ids}
        store.metadata(self).update(noted, triplets=stored)


@dataclasses.dataclass(frozen=True)
class Triplets:
    """A built data set: pictures by position, and votes and ids as arrays, available without reading a picture."""

    records: Sequence[dict]  # random access to the stored examples
    ids: tuple[str, ...]  # names in the release, such as t0000
    votes: Int8[np.ndarray, "t v"]  # 0 = a is closer, 1 = b is closer, -1 = none
    source_id: Int32[np.ndarray, " t"]  # -1 where the order is unknown
    target_id: Int32[np.ndarray, " t"]  # -1 where the order is unknown
    metadata: dict  # digests, order of the pictures, audit, repair, skipped triplets, those without answers or ids
    annotator: Int32[np.ndarray, "t v"] | None = None  # who gave the vote, an index into `annotators`; -1 = nobody
    annotators: tuple[str, ...] = ()

    @property
    def absent(self) -> tuple[str, ...]:
        """Triplets of the release that are not in the set: unreadable, or without answers or ids."""
        if "skipped_ids" not in self.metadata:  # built by version 0.1: a message begins with the name of the picture
            return tuple(message.partition("_")[0] for message in self.metadata["skipped"])
        return tuple(one for kind in ("skipped_ids", "without_answers", "without_ids") for one in self.metadata[kind])

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, position: int) -> UInt8[np.ndarray, "3 s s 3"]:
        """Pictures a, b, c of one triplet."""
        return self.records[position]["images"]

    def all_pictures(self) -> UInt8[np.ndarray, "t 3 s s 3"]:
        """All pictures at once, to be kept on the device."""
        pictures = np.empty((len(self), *self[0].shape), np.uint8)
        for position in range(len(self)):
            pictures[position] = self[position]
        return pictures


def build(release: str | os.PathLike, data_dir: str | os.PathLike, **options: Any) -> SimCelebA:
    """Build the data set of a release folder below `data_dir`, or reuse the one built there before.

    Only one process at a time may build. Options are fields of `Config`.

    Raises:
      FileNotFoundError: the folder is not a release.
      ValueError: answers and pictures do not fit each other or the grid; the order cannot be inferred; the repair is
        not possible; or the set in `data_dir` was built from another release.
    """
    release = pathlib.Path(release)
    releases.check_layout(release)
    builder = SimCelebA(data_dir=data_dir, config=Config(**options))
    store.prepare(builder, release, releases.fingerprint(release))
    return builder


def load(builder: SimCelebA) -> Triplets:
    """Open a prepared data set; warns of alarms of the audit, and if the release has changed since.

    Without the release, the builder is `SimCelebA(data_dir=..., config=Config(...))`.

    Raises:
      FileNotFoundError: the set was not built.
    """
    store.require_built(builder)
    metadata = dict(store.metadata(builder))
    rows = metadata.pop("triplets")
    if metadata.get("alarms"):
        warnings.warn(
            f"{builder.data_dir}: answers and pictures do not belong together: {'; '.join(metadata['alarms'])}. "
            + ADVICE[builder.builder_config.repair],
            stacklevel=2,
        )
    answers = pathlib.Path(metadata["release"]) / releases.ANSWERS
    if answers.is_file() and files.sha256(answers) != metadata["answers_sha256"]:
        warnings.warn(f"{answers} has changed since {builder.data_dir} was built from it", stacklevel=2)
    ids, votes, source_id, target_id = zip(*rows, strict=True)
    votes, places = np.array(votes, np.int8), np.array([source_id, target_id], np.int32)
    return Triplets(store.records(builder, SPLIT), ids, votes, *places, metadata=metadata)


def with_annotators(triplets: Triplets) -> Triplets:
    """The triplets with the annotator of every vote, from the file of answers of the release.

    Raises:
      ValueError: that file is gone, has changed since the data set was built, or does not say who voted.
    """
    who, names = _annotators(triplets)
    return dataclasses.replace(triplets, annotator=who, annotators=names)


def annotators(triplets: Triplets) -> Shaped[np.ndarray, "t v"] | None:
    """The name of the person who gave each vote, "" without a vote; None where `with_annotators` fails."""
    try:
        who, names = _annotators(triplets)
    except ValueError:
        return None
    return np.array([*names, ""])[who]  # -1 is nobody


def _annotators(triplets) -> tuple[Int32[np.ndarray, "t v"], tuple[str, ...]]:
    file = pathlib.Path(triplets.metadata["release"]) / releases.ANSWERS
    if not file.is_file() or files.sha256(file) != triplets.metadata["answers_sha256"]:
        raise ValueError(f"{file} is not the file of answers that the data set was built from; wanted it unchanged")
    answers = annotations.read_answers(file)
    if answers.annotator is None:
        named = f"; a column ({', '.join(answers.columns)}) is not a person, and several may have filled it"
        raise ValueError(
            f"{file} does not say who gave which vote{named if answers.columns else ''}; wanted the long form, one vote"
            " a line: triplet,annotator,choice"
        )
    row = {name: i for i, name in enumerate(answers.ids)}
    return answers.annotator[[row[name] for name in triplets.ids]].astype(np.int32), answers.annotators
