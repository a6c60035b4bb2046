"""Pictures of known identities from a folder with one sub-folder per person, all in memory; batches and pairs.

    FOLDER/anna/1.jpg, FOLDER/anna/2.png, FOLDER/bert/x.jpg ...       decoded by `images`, all in one crop

Pictures are numbered in the order of folder and file names, identities in the order of folder names. A training batch
is a pure function of (seed, step), as in `plans`: reshuffled every epoch, the remainder of an epoch is dropped.
"""

import concurrent.futures
import dataclasses
import operator
import warnings
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from etils import epath
from jaxtyping import Bool, Float32, Int, Int32, Int64, UInt8

from perface_jax import images, progress_bar
from perface_jax.datasets import plans, streams


@dataclasses.dataclass(frozen=True, eq=False)
class Identities:
    """Pictures and whom they show."""

    pictures: UInt8[np.ndarray, "n s s 3"]
    identity: Int32[np.ndarray, " n"]  # position in names
    names: tuple[str, ...]  # of the sub-folders, ascending
    skipped: tuple[str, ...]  # file and reason of every picture that could not be used


class Plan(TypedDict):
    """Which pictures a batch has, without the pictures."""

    pictures: Int32[np.ndarray, "b 1"]  # position in Identities.pictures
    flip: Bool[np.ndarray, " b"]  # the picture is mirrored
    identity: Int32[np.ndarray, " b"]  # 0 to C - 1, among the training identities
    weight: Float32[np.ndarray, " b"]  # 1


def read_identities(folder: epath.PathLike, *, image_size: int, crop: str) -> Identities:
    """Read every picture that lies directly in a sub-folder, as `images.list_pictures` finds them.

    Decodes in threads, with a progress bar. Warns of unusable pictures by reason, also of those that lie elsewhere, and
    leaves out identities without usable pictures. The pictures must be square and have a crop of `images.fit`.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: fewer than two sub-folders with usable pictures, or an unknown crop.
    """
    files, skipped = _list_pictures(folder := epath.Path(folder))
    pictures, reasons = _load(folder, files, image_size, crop)
    total = len(files) + len(skipped)
    skipped = sorted([*skipped, *((name, why) for name, why in zip(files, reasons, strict=True) if why)])
    failed = f"{len(skipped)} of {total} pictures cannot be used: {images.count_reasons(skipped)}"
    if skipped:
        warnings.warn(f"{folder}: {failed}", stacklevel=2)
        pictures = pictures[[not reason for reason in reasons]]
    owners = [name.partition("/")[0] for name, reason in zip(files, reasons, strict=True) if not reason]
    names, identity = np.unique(owners, return_inverse=True)
    if len(names) < 2:
        raise ValueError(
            f"{folder}: {len(names)} sub-folders with pictures, expected at least 2, one for every identity, such as "
            f"{folder / 'anna' / '1.jpg'}; {failed}"
        )
    return Identities(pictures, identity.astype(np.int32), tuple(map(str, names)), tuple(map(": ".join, skipped)))


def split_identities(count: int, *, sizes: tuple[int, int, int], seed: int) -> tuple[Int64[np.ndarray, " _"], ...]:
    """Divide `count` identities at random into `sizes` for training, validation and test, each ascending.

    Raises:
      TypeError: sizes that are not whole numbers.
      ValueError: sizes that are negative or do not sum to `count`.
    """
    if len(sizes) != 3 or any(operator.index(size) < 0 for size in sizes) or sum(sizes) != count:
        raise ValueError(
            f"sizes {'/'.join(map(str, sizes))} sum to {sum(sizes)}, but there are {count} identities: give those of "
            "train, validation and test, none negative"
        )
    order = np.random.default_rng(seed).permutation(count)
    return tuple(map(np.sort, np.split(order, np.cumsum(sizes[:2]))))


def training_plan(
    identity: Int[np.ndarray, " n"], indices: plans.Indices, *, batch_size: int, seed: int, step: int, flip: bool = True
) -> Plan:
    """The global batch of one step, from the pictures at `indices`; other arguments as for `plans.training_plan`.

    The C identities of these pictures, ascending, are the classes 0 to C - 1.

    Raises:
      ValueError: too few pictures for one batch, or indices out of range.
    """
    indices = plans.positions(indices, len(identity))
    chosen = plans.drawn(indices, batch_size=batch_size, seed=seed, step=step)
    class_of = np.cumsum(np.bincount(identity[indices]) > 0) - 1
    return Plan(
        pictures=chosen[:, None].astype(np.int32),
        flip=streams.mirrored(batch_size, seed=seed, step=step) & flip,
        identity=class_of[identity[chosen]].astype(np.int32),
        weight=np.ones(batch_size, np.float32),
    )


def verification_pairs(
    identity: Int[np.ndarray, " n"], indices: plans.Indices, *, pairs: int, seed: int
) -> tuple[Int32[np.ndarray, "p 2"], Bool[np.ndarray, " p"]]:
    """Random pairs of pictures without repeats, half of one identity and half of two.

    The two kinds alternate, so that every range of pairs, such as a fold of `verification.verification_accuracy`, has
    equal numbers of both. Unlike the folds of LFW, two ranges may show the same person. Returns positions of the
    pictures, and whether the two show one identity.

    Raises:
      ValueError: an odd number of pairs, more than there are, or indices out of range.
    """
    if pairs < 2 or pairs % 2:
        raise ValueError(f"pairs is {pairs}, expected an even number, at least 2: half show one identity, half two")
    positions = np.unique(plans.positions(indices, len(identity)))
    positions = positions[np.argsort(identity[positions], kind="stable")]
    place, people = np.arange(len(positions)), identity[positions]
    start = np.searchsorted(people, people)  # of this identity's stretch: partners from there on are the same person
    generator = np.random.default_rng(seed)
    same = _draw_pairs(generator, start, place - start, pairs // 2, "one identity")
    different = _draw_pairs(generator, np.zeros_like(start), start, pairs // 2, "two identities")
    both = positions[np.stack([same, different], axis=1).reshape(pairs, 2)]
    return both.astype(np.int32), np.arange(pairs) % 2 == 0


def _draw_pairs(generator, first: np.ndarray, count: np.ndarray, wanted: int, kind: str) -> np.ndarray:
    """Draws `wanted` different pairs (i, j) with first[j] <= i < first[j] + count[j]: int [wanted, 2]."""
    ends = np.cumsum(count)
    if wanted > (total := int(count.sum())):
        raise ValueError(f"{total} pairs of pictures show {kind}, {wanted} are wanted: ask for fewer pairs")
    number = generator.choice(total, wanted, replace=False)
    second = np.searchsorted(ends, number, side="right")
    return np.stack([first[second] + number - (ends - count)[second], second], axis=1)


def _list_pictures(folder: epath.Path) -> tuple[list[str], list[tuple[str, str]]]:
    """The pictures that lie directly in a sub-folder; and all others, with the reason."""
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}, expected one with a sub-folder of pictures for every identity")
    names, skipped = images.list_pictures(folder)
    elsewhere = [(name, "not directly in the folder of an identity") for name in names if name.count("/") != 1]
    return [name for name in names if name.count("/") == 1], [*skipped, *elsewhere]


def _load(folder: epath.Path, names: Sequence[str], image_size: int, crop: str) -> tuple[np.ndarray, list[str]]:
    """Pictures uint8 [N, S, S, 3], and for each the reason why it is unusable, or an empty string."""
    pictures = np.empty((len(names), image_size, image_size, 3), np.uint8)

    def load(place: int) -> str:
        name = names[place]
        try:
            pictures[place] = images.fit(images.read_as(folder / name, name), crop=crop, size=image_size)
        except (images.PictureError, OSError) as error:
            return images.reason_of(error, name)
        return ""

    with concurrent.futures.ThreadPoolExecutor() as pool:
        loads = pool.map(load, range(len(names)))
        return pictures, list(progress_bar.over(loads, "reading identities", "pictures", total=len(names)))
