"""A synthetic world in the layouts of the real data, for the same readers.

    python -m perface_jax.datasets.synthetic --out DIR --targets 80 --sources 80 --seed 0

    DIR/release/triplet/t0000_{a,b,c}.jpg       face swaps, c = reference
    DIR/release/triplet_answers.csv             three votes per triplet by simulated annotators
    DIR/celeba_hq/CelebA-HQ-img/0.jpg           portraits, with CelebAMask-HQ-attribute-anno.txt
    DIR/*/truth/                                the ground truth: `ground_truth` has the list

`faces` draws; `world` defines the people and how annotators vote. The same options give the same bytes on the
same machine. A folder appears under its name only when it is complete. `seed` names the people; `size` and `quality`
of the pictures are the side in pixels and the JPEG quality.
"""

import concurrent.futures
import inspect
import io
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Int
from PIL import Image

from perface_jax.annotations import Kind
from perface_jax.argument_parser import ArgumentParser
from perface_jax.datasets import celeba_files, release
from perface_jax.datasets.whole_folder import is_written, whole_folder
from perface_jax.formatting import wrapped
from perface_jax.progress_bar import ProgressBar
from perface_jax.synthetic import faces, ground_truth
from perface_jax.synthetic.ground_truth import Rows
from perface_jax.synthetic.world import People, World, create_people, create_world, survey

BATCH = 16  # faces of 112 pixels: their planes fit the cache of a core
TRUTH = "truth"
# of the options that are numbers; the others are from 1 up
LIMITS = {"seed": (0, 2**31 - 1), "quality": (1, 100), "size": (1, 4096), "celeba_size": (1, 4096)}
CELEBA_ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()


def write_release(
    folder: str | os.PathLike, *, seed: int = 0, targets: int = 80, sources: int = 80, size: int = 224,
    order: str = "group_major", block: int | None = None, order_fault: bool = False, empty_file: bool = False,
    straight_liner: bool = False, quality: int = 95,
) -> None:  # fmt: skip
    """Write the layout of the SimCelebA release, with its truth beside it.

    Args:
      folder: must not exist or be empty.
      targets, sources: the size of the grid (source triplets); targets * sources triplets are written.
      order: nesting of the triplet numbers, as in `annotations.grid_order`.
      block: sources (target_group_major: targets) in a group; None = `ground_truth.default_block` of their number.
      order_fault: write ans3 in target-major order, the fault of the real file.
      empty_file: leave one picture with 0 bytes.
      straight_liner: in ans1, the same answer in a run of 1.4% of the rows (at least 20).

    Raises:
      ValueError: the folder is not empty, a number is out of range, `block` does not divide what it groups, or the
        fault would change nothing.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    require_limits(options)
    rows = ground_truth.number_rows(sources, targets, order=order, block=block)
    if order_fault and np.array_equal(rows.cell, np.arange(len(rows.cell))):
        raise ValueError(
            f"order_fault writes ans3 in target-major order, but {order} on {sources} sources x {targets} targets is "
            "target-major already: choose another order, block or grid"
        )
    with whole_folder(folder, options) as part:
        world = create_world(seed, sources=sources, targets=targets)
        asked = survey(seed, world)
        votes = release_votes(asked.answers.votes, rows, order_fault=order_fault, straight_liner=straight_liner)
        answers = ([name, *(release.ROLES[vote] for vote in row)] for name, row in zip(rows.ids, votes, strict=True))
        ground_truth.write_csv(part / release.ANSWERS, ["tripletId", "ans1", "ans2", "ans3"], answers)
        shown = _swaps(rows, world)
        points = np.asarray(faces.landmarks(*shown[:2], size=size))
        ground_truth.write_release_truth(part / TRUTH, rows, world, asked, points)
        (part / release.PICTURES).mkdir()
        paths = [release.picture_path(part, name, role) for name in rows.ids for role in release.ROLES]
        write_pictures(paths, shown, size=size, view=faces.SIMSWAP_VIEW, quality=quality, label="swaps")
        if empty_file:
            paths[3 * int(0.7755 * len(rows.ids)) + 2].write_bytes(b"")


def release_votes(
    votes: Int[np.ndarray, "t 3"], rows: Rows, *, order_fault: bool, straight_liner: bool
) -> Int[np.ndarray, "t 3"]:
    """Votes given cell by cell, in the order of the rows of the release.

    With the requested faults: the third column stays target-major; the first column says b in a run.
    """
    written = votes[rows.cell]
    if order_fault:
        written[:, 2] = votes[:, 2]
    if straight_liner:
        first, length = int(0.546 * len(votes)), max(20, round(0.0136 * len(votes)))
        written[first : first + length, 0] = 1
    return written


def write_celeba_hq(
    folder: str | os.PathLike, *, seed: int = 0, people: int = 400, size: int = 256, quality: int = 95
) -> None:
    """Write portraits in the layout of CelebAMask-HQ: only Male and Young are true, the other attributes are all -1.

    The four groups of age and gender are equally large (to one). Nobody is in the release of the same seed. ValueError
    if the folder is not empty, or a number is out of range.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    require_limits(options)
    with whole_folder(folder, options) as part:
        sources, targets = create_people(seed, people)
        _write_attributes(part / celeba_files.ATTRIBUTES, sources)
        view = faces.CELEBA_HQ_VIEW
        points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=size, view=view))
        ground_truth.write_portrait_truth(part / TRUTH, sources, targets, points)
        (part / celeba_files.PICTURES).mkdir()
        paths = [part / celeba_files.PICTURES / f"{i}.jpg" for i in range(people)]
        shown = sources.faces, targets.faces, faces.natural(people)
        write_pictures(paths, shown, size=size, view=view, quality=quality, label="portraits")


def write_world(
    folder: str | os.PathLike, *, seed: int = 0, targets: int = 80, sources: int = 80, people: int = 400,
    size: int = 224, celeba_size: int = 256, order: str = "group_major", block: int | None = None,
    order_fault: bool = False, empty_file: bool = False, straight_liner: bool = False, quality: int = 95,
) -> bool:  # fmt: skip
    """Write FOLDER/release and FOLDER/celeba_hq; arguments as for `write_release` and `write_celeba_hq`.

    False if the folder is already complete, with the same options; ValueError if it holds anything else.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    require_limits(options)
    if is_written(folder, options):
        return False
    with whole_folder(folder, options) as part:
        of_release = {key: value for key, value in options.items() if key not in ("people", "celeba_size")}
        write_release(part / "release", **of_release)
        write_celeba_hq(part / "celeba_hq", seed=seed, people=people, size=celeba_size, quality=quality)
    return True


def require_limits(options: dict[str, Any]) -> None:
    """Raise a ValueError for the first number among the options that is outside of `LIMITS`."""
    for name, value in options.items():
        least, most = LIMITS.get(name, (1, 2**31 - 1))
        if type(value) is int and not least <= value <= most:
            raise ValueError(f"{name} is {value}, expected {least} to {most}")


def write_pictures(
    paths: Sequence[pathlib.Path], shown: tuple, *, size: int, view: faces.View, quality: int, label: str
) -> None:
    """Render pictures batch by batch and save them, several at a time, in folders that exist.

    `shown` are source, target and seam of every picture; `label` is that of the progress bar.
    """

    def save(path, picture):
        data = io.BytesIO()  # Pillow does not say that a disk is full
        Image.fromarray(picture).save(data, "JPEG", quality=quality)
        path.write_bytes(data.getvalue())

    batch = min(64, max(8, BATCH * 112**2 // size**2))
    with concurrent.futures.ThreadPoolExecutor(4) as pool, ProgressBar(len(paths), label, "faces") as bar:
        saved = ()
        for start in range(0, len(paths), batch):
            places = np.minimum(np.arange(start, start + batch), len(paths) - 1)
            pictures = faces.render(*_take(shown, places), size=size, view=view)
            list(saved)  # waits for the batch before, and raises what went wrong with it
            chosen = paths[start : start + batch]
            saved = pool.map(save, chosen, np.asarray(pictures))
            bar.update(len(chosen))
        list(saved)


def _write_attributes(path: pathlib.Path, people: People) -> None:
    known = {celeba_files.MALE: people.female < 0.5, celeba_files.YOUNG: people.age < 40.0}
    lines = [str(len(people.age)), " ".join(CELEBA_ATTRIBUTES) + " "]
    for i in range(len(people.age)):
        values = ("1" if name in known and known[name][i] else "-1" for name in CELEBA_ATTRIBUTES)
        lines.append(f"{i}.jpg  " + " ".join(values))
    path.write_text("\n".join(lines) + "\n")


def _swaps(rows: Rows, world: World) -> tuple[faces.Source, faces.Target, faces.Seam]:
    """The content of every picture, triplet by triplet."""
    return (
        _take(world.sources.faces, _three(rows.source_id)),
        _take(world.targets.faces, np.repeat(rows.target_id, 3)),
        _take(world.seams, _three(rows.cell)),
    )


def _three(triplet: np.ndarray) -> np.ndarray:
    """Places of the pictures a, b, c of these triplets in `World`."""
    return (3 * triplet[:, None] + np.arange(3)).ravel()


def _take(tree: Any, index: np.ndarray) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the docstring of the module."""
    helps = {
        "sources": "source triplets: three faces each",
        "targets": "pictures that faces are swapped into",
        "people": "portraits in the CelebAMask-HQ layout",
        "size": "side of the swaps, pixels",
        "celeba_size": "side of the portraits, pixels",
        "order": f"of the triplets: {', '.join(Kind)}",
        "block": "sources (target_group_major: targets) in a group",
        "order_fault": "ans3 in target-major order, as in the real file",
        "empty_file": "one picture of 0 bytes, as in the real release",
        "straight_liner": "a run of equal answers in ans1",
    }
    run(write_world, "perface synthetic", str(__doc__), helps, arguments)


def run(
    write: Callable[..., bool], program: str, documentation: str, helps: dict[str, str], arguments: Sequence[str] | None
) -> None:
    """The command line of a writer: `--out`, and a flag for each of its options, with the same default."""
    parser = ArgumentParser(prog=program, arguments="--out DIR", description=documentation.splitlines()[0])
    parser.add_argument("--out", metavar="DIR", required=True, help="must be empty, or finished with the same options")
    helps = {"seed": "names the people", "quality": "JPEG quality, 1 to 100", **helps}
    metavar = {int: "N", str: "NAME"}
    for name, option in inspect.signature(write).parameters.items():
        if option.annotation is bool:
            parser.add_argument(f"--{name}", action="store_true", help=helps.get(name))
        elif option.kind is option.KEYWORD_ONLY:
            kind = str if option.annotation is str else int
            default = "" if option.default is None else f" (default: {option.default})"
            parser.add_argument(
                f"--{name}", metavar=metavar[kind], type=kind, default=option.default, help=helps[name] + default
            )
    options = vars(parser.parse_args(arguments))
    folder = options.pop("out")
    numbers = ", ".join(f"{name} {value}" for name, value in options.items() if type(value) is int)
    print(wrapped(f"Drawing into {folder}: {numbers}."), file=sys.stderr, flush=True)
    try:
        written = write(folder, **options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        parser.exit(130, f"\ninterrupted: {folder} is not there; the same command starts again\n")
    print(f"{folder} is {'written' if written else 'complete already, with the same options'}")


if __name__ == "__main__":
    main()
