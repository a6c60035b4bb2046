"""A synthetic world in the layouts of the real data, so that every reader is tried through the same door.

    python -m perface_jax.datasets.synthetic --out DIR --targets 80 --sources 80 --seed 0

    DIR/release/triplet/t0000_{a,b,c}.jpg       face swaps, c = reference
    DIR/release/triplet_answers.csv             three votes a triplet by simulated annotators
    DIR/celeba_hq/CelebA-HQ-img/0.jpg           portraits, with CelebAMask-HQ-attribute-anno.txt
    DIR/*/truth/                                what nobody knows of real data: ids, features, landmarks, light, pose

`faces` draws, `world` says who lives here and how annotators vote. The same options give the same bytes on the
same machine. A folder appears under its name only when it is whole.
"""

import argparse
import concurrent.futures
import contextlib
import csv
import json
import pathlib
import shutil
import tempfile

import jax
import numpy as np
import tqdm
from PIL import Image

from perface_jax.annotations import Kind, cells
from perface_jax.datasets import faces
from perface_jax.datasets.world import FEATURES, create_people, create_world, survey

BATCH = 16  # faces of 112 pixels: their planes fit the cache of a core
STAMP = "synthetic.json"  # the options of a finished folder
ROLES = "abc"
ATTRIBUTES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male "
    "Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks "
    "Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace "
    "Wearing_Necktie Young"
).split()


def default_block(count):
    """The largest group of at most ten, and not of all, that divides `count`: the released file has ten of 80."""
    return max((block for block in range(1, min(11, count)) if count % block == 0), default=1)


@contextlib.contextmanager
def _whole(folder, options):
    """A folder to write into that takes its name only when everything is in it."""
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty: it is not touched; name another folder or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = pathlib.Path(tempfile.mkdtemp(prefix=f".{folder.name}.unfinished-", dir=folder.parent))
    try:
        yield part
        (part / STAMP).write_text(json.dumps(options, indent=1) + "\n")
        part.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _take(tree, index):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[index], tree)


def _save(path, picture, quality):
    Image.fromarray(picture).save(path, quality=quality)


def _write_pictures(paths, source, target, seam, *, source_of, target_of, size, view, quality, label):
    """Render and save; picture i shows source `source_of[i]` in target `target_of[i]` with seam i."""
    batch = min(64, max(8, BATCH * 112**2 // size**2))
    with concurrent.futures.ThreadPoolExecutor(4) as pool, tqdm.tqdm(total=len(paths), desc=label, unit="face") as bar:
        pending = []
        for start in range(0, len(paths), batch):
            places = np.minimum(np.arange(start, start + batch), len(paths) - 1)
            pictures = faces.render(
                _take(source, source_of[places]),
                _take(target, target_of[places]),
                _take(seam, places),
                size=size,
                view=view,
            )
            for done in pending:
                done.result()
            pictures, chosen = np.asarray(pictures), paths[start : start + batch]
            pending = [
                pool.submit(_save, path, picture, quality) for path, picture in zip(chosen, pictures, strict=False)
            ]
            bar.update(len(chosen))
        for done in pending:
            done.result()


def _person_truth(prefix, people):
    fields = {f"{prefix}_{name}": np.asarray(value) for name, value in people.faces._asdict().items()}
    return fields | {f"{prefix}_female": people.female, f"{prefix}_age": people.age}


def write_release(
    folder, *, seed=0, targets=80, sources=80, size=224, order="group_major", block=None, order_fault=False,
    empty_file=False, straight_liner=False, quality=95,
):  # fmt: skip
    """Write the layout of the SimCelebA release, with its truth beside it.

    Args:
        folder: must not exist or be empty.
        seed: names the world.
        targets, sources: the size of the grid (source triplets); targets * sources triplets are written.
        size: side of the pictures, pixels.
        order: nesting of the triplet numbers, as in `annotations.grid_order`.
        block: sources (target_group_major: targets) in a group; by default `default_block` of their number.
        order_fault: write ans3 in target-major order, the fault of the real file.
        empty_file: leave one picture with 0 bytes.
        straight_liner: in ans1, the same answer in a run of 1.4% of the rows (at least 20).
        quality: of the JPEG files.

    Raises:
        ValueError: the folder is not empty, the grid is empty, or `block` does not divide the sources.
    """
    grouped = targets if order == Kind.TARGET_GROUP_MAJOR else sources
    block = default_block(grouped) if block is None else block
    options = {key: value for key, value in locals().items() if key != "folder"}
    source_id, target_id = cells(Kind(order), sources, targets, block=block)
    cell = sources * target_id + source_id
    if order_fault and np.array_equal(cell, np.arange(len(cell))):
        raise ValueError(
            f"order_fault writes ans3 in target-major order, but {order} with block {block} on {sources} sources x "
            f"{targets} targets is target-major already: choose another order, block or grid"
        )
    with _whole(folder, options) as part:
        world = create_world(seed, sources=sources, targets=targets)
        asked = survey(seed, world)
        ids = [f"t{i:04d}" for i in range(len(cell))]
        (part / "triplet").mkdir()
        (part / "truth").mkdir()
        votes = asked.answers.votes[cell]
        if order_fault:
            votes[:, 2] = asked.answers.votes[:, 2]
        if straight_liner:
            first = int(0.546 * len(ids))
            votes[first : first + max(20, round(0.0136 * len(ids))), 0] = 1
        _write_csv(
            part / "triplet_answers.csv",
            ["tripletId", "ans1", "ans2", "ans3"],
            ([name, *("ab"[vote] for vote in row)] for name, row in zip(ids, votes, strict=True)),
        )
        _write_release_truth(part / "truth", ids, cell, source_id, target_id, world, asked, size)
        paths = [part / "triplet" / f"{name}_{role}.jpg" for name in ids for role in ROLES]
        place = (3 * cell[:, None] + np.arange(3)).ravel()
        seams = _take(world.seams, place)
        _write_pictures(
            paths, world.sources.faces, world.targets.faces, seams,
            source_of=(3 * source_id[:, None] + np.arange(3)).ravel(), target_of=np.repeat(target_id, 3),
            size=size, view=faces.SIMSWAP_VIEW, quality=quality, label="swaps",
        )  # fmt: skip
        if empty_file:
            paths[3 * int(0.7755 * len(ids)) + 2].write_bytes(b"")


def _write_release_truth(folder, ids, cell, source_id, target_id, world, asked, size):
    people, answers = asked.people, asked.answers
    _write_csv(folder / "ids.csv", ["tripletId", "source_id", "target_id"], zip(ids, source_id, target_id, strict=True))
    name_of = dict(zip(cell, ids, strict=True))
    rows = [
        (name_of[place], who, "ab"[vote], 0, "")
        for place in cell
        for who, vote in zip(answers.annotator[place], answers.votes[place], strict=True)
    ]
    rows += [(name_of[place], who, "ab"[vote], 0, "") for place, who, vote in answers.discarded]
    rows += [(f"d{i:04d}", who, "ab"[vote], 1, "ab"[want]) for i, (who, want, vote) in enumerate(answers.dummies)]
    _write_csv(folder / "answers.csv", ["triplet", "annotator", "choice", "is_dummy", "expected"], rows)
    _write_csv(
        folder / "annotators.csv",
        ["annotator", "kept", "sensitivity", "bias", "lapse", *(f"weight_{name}" for name, _ in FEATURES)],
        (
            [i, int(answers.kept[i]), *(f"{x:.5f}" for x in (people.sensitivity[i], people.bias[i], people.lapse[i]))]
            + [f"{weight:.5f}" for weight in people.weights[i]]
            for i in range(len(people.lapse))
        ),
    )
    shown = 3 * source_id[:, None] + np.arange(3)
    points = faces.landmarks(
        _take(world.sources.faces, shown.ravel()),
        _take(world.targets.faces, np.repeat(target_id, 3)),
        size=size,
    )
    np.savez_compressed(
        folder / "truth.npz",
        source_id=source_id,
        target_id=target_id,
        choice_noise_free=answers.noise_free[cell],
        features=asked.features[cell],
        feature_names=np.array([name for name, _ in FEATURES]),
        landmarks=np.asarray(points).reshape(len(ids), 3, -1, 2),
        **_person_truth("source", world.sources),
        **_person_truth("target", world.targets),
    )


def write_celeba_hq(folder, *, seed=0, people=400, size=256, quality=95):
    """Write portraits in the layout of CelebAMask-HQ: only Male and Young are true, the other attributes are all -1.

    Args:
        folder: must not exist or be empty.
        seed: names the people; nobody here is in the release of the same seed.
        people: how many; the four groups of age and gender are equally large (to one).
        size: side of the pictures, pixels.
        quality: of the JPEG files.

    Raises:
        ValueError: the folder is not empty.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    with _whole(folder, options) as part:
        sources, targets = create_people(seed, people)
        (part / "CelebA-HQ-img").mkdir()
        (part / "truth").mkdir()
        known = {"Male": sources.female < 0.5, "Young": sources.age < 40.0}
        lines = [str(people), " ".join(ATTRIBUTES) + " "]
        for i in range(people):
            values = (1 if name in known and known[name][i] else -1 for name in ATTRIBUTES)
            lines.append(f"{i}.jpg  " + " ".join(map(str, values)))
        (part / "CelebAMask-HQ-attribute-anno.txt").write_text("\n".join(lines) + "\n")
        points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=size, view=faces.CELEBA_HQ_VIEW))
        five = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        _write_csv(
            part / "truth" / "landmarks.csv",
            ["name", *(f"{name}_{axis}" for name in five for axis in "xy")],
            ([f"{i}.jpg", *(f"{x:.3f}" for x in points[i, :5].ravel())] for i in range(people)),
        )
        truth = _person_truth("source", sources) | _person_truth("target", targets)
        np.savez_compressed(part / "truth" / "truth.npz", landmarks=points, **truth)
        everybody = np.arange(people)
        _write_pictures(
            [part / "CelebA-HQ-img" / f"{i}.jpg" for i in everybody],
            sources.faces, targets.faces, faces.natural(people), source_of=everybody, target_of=everybody,
            size=size, view=faces.CELEBA_HQ_VIEW, quality=quality, label="portraits",
        )  # fmt: skip


def write_world(
    folder, *, seed=0, targets=80, sources=80, people=400, size=224, celeba_size=256, order="group_major", block=None,
    order_fault=False, empty_file=False, straight_liner=False, quality=95,
):  # fmt: skip
    """Write FOLDER/release and FOLDER/celeba_hq; arguments as for `write_release` and `write_celeba_hq`.

    Returns:
        False where the folder was there already, complete and with the same options; else True.

    Raises:
        ValueError: the folder holds anything else.
    """
    options = {key: value for key, value in locals().items() if key != "folder"}
    stamp = pathlib.Path(folder) / STAMP
    if stamp.is_file():
        if (was := json.loads(stamp.read_text())) == options:
            return False
        changed = [f"{key}: {was.get(key)} (wanted {options[key]})" for key in options if was.get(key) != options[key]]
        raise ValueError(
            f"{folder} was written with other options: {', '.join(changed)}; name another folder or remove it"
        )
    both = {"seed": seed, "quality": quality}
    with _whole(folder, options) as part:
        write_release(
            part / "release", targets=targets, sources=sources, size=size, order=order, block=block,
            order_fault=order_fault, empty_file=empty_file, straight_liner=straight_liner, **both,
        )  # fmt: skip
        write_celeba_hq(part / "celeba_hq", people=people, size=celeba_size, **both)
    return True


def main(arguments=None):
    """The command line; see the docstring of the module."""
    parser = argparse.ArgumentParser(
        prog="python -m perface_jax.datasets.synthetic", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--out", required=True, help="must be empty, or finished with the same options")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", type=int, default=80)
    parser.add_argument("--sources", type=int, default=80, help="number of source triplets")
    parser.add_argument("--people", type=int, default=400, help="portraits in the CelebAMask-HQ layout")
    parser.add_argument("--size", type=int, default=224, help="side of the swaps, pixels")
    parser.add_argument("--celeba_size", type=int, default=256, help="side of the portraits, pixels")
    parser.add_argument("--order", choices=[str(kind) for kind in Kind], default="group_major")
    parser.add_argument("--block", type=int, help="sources (target_group_major: targets) in a group")
    parser.add_argument("--quality", type=int, default=95, help="of the JPEG files")
    parser.add_argument("--order_fault", action="store_true", help="ans3 in target-major order, as in the real file")
    parser.add_argument("--empty_file", action="store_true", help="one picture of 0 bytes, as in the real release")
    parser.add_argument("--straight_liner", action="store_true", help="a run of equal answers in ans1")
    options = vars(parser.parse_args(arguments))
    folder = options.pop("out")
    try:
        written = write_world(folder, **options)
    except ValueError as error:
        parser.error(str(error))
    print(f"{folder} is {'written' if written else 'complete already, with the same options'}")


if __name__ == "__main__":
    main()
