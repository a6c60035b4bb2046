"""Makes the folder of a study: copies pictures under new names, makes dummies and practice, and tries the plan."""

import functools
import itertools
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from perface_jax import disk_space, files
from perface_jax.annotations.spellings import refuse_unclear
from perface_jax.collection import pictures, study
from perface_jax.collection.material import Material
from perface_jax.collection.plan import plan_trials
from perface_jax.collection.plan_file import Plan, read_plan
from perface_jax.collection.trials import Choice, Kind
from perface_jax.progress_bar import ProgressBar

POOL = 2  # dummies of a study, for each one that an annotator sees
TRIED = 100  # annotators whose plans are made before anything is asked


def create_study(folder: str | os.PathLike, plan: str | os.PathLike, material: Sequence[Material]) -> study.Study:
    """Write a study; the folder has its name when it is complete.

    Args:
      folder: must not exist, or be empty.
      plan: a plan.yaml.
      material: the triplets.

    Raises:
      ValueError: the folder is not empty, the plan is wrong or does not fit the triplets, or a picture is damaged or
        not square.
    """
    folder, read = pathlib.Path(folder), read_plan(plan)
    _refuse_unfit(read, material)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already, and was not changed: name another folder, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / f".{folder.name}.unfinished-{os.getpid()}"
    try:
        with disk_space.explained(folder):
            _write(part, pathlib.Path(plan), read, material)
            made = study.open_study(part)
            for annotator in range(min(read.annotators, TRIED)):
                plan_trials(made, annotator)
            if folder.exists():
                folder.rmdir()
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return study.open_study(folder)


def _refuse_unfit(plan: Plan, material: Sequence[Material]) -> None:
    wanted = POOL * plan.dummies + plan.practice
    if len(material) < max(wanted, 1):
        raise ValueError(
            f"{len(material)} triplets are too few for {plan.dummies} dummies and {plan.practice} practice trials, each"
            f" made of another triplet; wanted at least {max(wanted, 1)}"
        )
    for column in ("source", "target"):
        names = [(line, getattr(one, column)) for line, one in enumerate(material, 1)]
        refuse_unclear("the triplets", column, [(line, name) for line, name in names if name])


def _write(folder: pathlib.Path, plan_file: pathlib.Path, plan: Plan, material: Sequence[Material]) -> None:
    """All files but those of a wave."""
    place = folder / study.PICTURES
    place.mkdir(parents=True)
    shutil.copyfile(plan_file, folder / study.PLAN)
    _write_secret(folder / study.SECRET)
    rows: list[tuple[str, ...]] = [study.COLUMNS]
    originals: list[tuple[str, ...]] = [study.ORIGINAL_COLUMNS]
    known: dict[pathlib.Path, str] = {}  # the id of each file that was copied
    sha256 = functools.cache(files.sha256)
    with ProgressBar(len(material), "pictures", "triplets") as bar:
        for one in material:
            shown = (one.reference, one.a, one.b)
            _refuse_same(one, [sha256(path) for path in shown])
            for path in shown:
                if path not in known:
                    known[path] = _save(place, pictures.encode(pictures.read_square(path, size=plan.size)))
                    originals.append((known[path], str(path.absolute()), sha256(path)))
            ids = (known[path] for path in shown)
            rows.append((one.triplet, Kind.VOTE, *ids, one.source, one.target, ""))
            bar.update(1)
    rows += _sentinels(place, plan, material)
    pictures.pad_all(sorted(place.iterdir()))
    files.write_csv(folder / study.TRIPLETS, rows)
    files.write_csv(folder / study.ORIGINALS, originals)


def _refuse_same(one: Material, hashes: Sequence[str]) -> None:
    if len(set(hashes)) < len(hashes):
        shown = ", ".join(path.name for path in (one.reference, one.a, one.b))
        raise ValueError(
            f"triplet {one.triplet}: two of its pictures ({shown}) are the same file; wanted three different ones, or"
            " no such triplet: a candidate that is the reference would count as a vote and not as a dummy"
        )


def _write_secret(path: pathlib.Path) -> None:
    path.touch(mode=0o600)
    path.write_text(f"{secrets.token_urlsafe(32)}\n")


def _save(place: pathlib.Path, data: bytes) -> str:
    name = secrets.token_hex(16)
    (place / f"{name}{study.SUFFIX}").write_bytes(data)
    return name


def _sentinels(place: pathlib.Path, plan: Plan, material: Sequence[Material]) -> Iterator[tuple]:
    """Dummies and practice triplets, each of another triplet, the right picture as often a as b."""
    chosen = iter(_spread(np.random.default_rng((plan.seed, 2)), material))
    noise = np.random.default_rng()  # no one can repeat it, to see which file is of which picture
    taken = {one.triplet for one in material}
    for kind, count in ((Kind.DUMMY, POOL * plan.dummies), (Kind.PRACTICE, plan.practice)):
        names = (name for number in itertools.count() if (name := f"{kind[0]}{number:04d}") not in taken)
        for number, name in zip(range(count), names, strict=False):
            one, right = next(chosen), Choice.A if number % 2 == 0 else Choice.B
            reference = pictures.read_square(one.reference, size=plan.size)
            other = pictures.read_square(one.b if right is Choice.A else one.a, size=plan.size)
            shown = (pictures.encode(one, noise=noise) for one in (reference, reference, other))
            ids = [_save(place, data) for data in shown]
            ids = ids if right is Choice.A else [ids[0], ids[2], ids[1]]
            yield name, kind, *ids, one.source, one.target, right


def _spread(random: np.random.Generator, material: Sequence[Material]) -> Iterable[Material]:
    """The triplets in an order drawn at random, one of each source before the second of any."""
    draw, seen, rank = random.random(len(material)), {}, {}
    for k in np.argsort(draw):
        rank[k] = seen[material[k].source] = seen.get(material[k].source, -1) + 1
    return [material[k] for k in sorted(rank, key=lambda k: (rank[k], draw[k]))]
