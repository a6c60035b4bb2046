"""`perface naturalness --out FILE.npz`: train a model that sees which faces look untouched.

Untouched faces come from `--natural DIR`; without it, people are drawn. Faults are drawn into them
(`naturalness.defects`), and each face is swapped with another at random; `--swapped NAME=DIR,...` adds the results of
other methods. `--held_out` measures, for each kind of fault, what a model finds of it that was trained without it: one
more training for each.
"""

import sys
from collections.abc import Mapping, Sequence

import jax
import numpy as np

from perface_jax import formatting, images, naturalness, outputs
from perface_jax.anonymization.preservation import in_batches
from perface_jax.argument_parser import ArgumentParser, plain
from perface_jax.commands import named_paths
from perface_jax.datasets import portrait_files, portraits
from perface_jax.landmarks import outline
from perface_jax.naturalness import Faces
from perface_jax.naturalness.defects import DEFECTS
from perface_jax.naturalness.fitting import STEPS
from perface_jax.network import compilation
from perface_jax.swap import Face, swap_face
from perface_jax.synthetic import faces, write_identities

SWAP, NATURAL = "random swap", "natural"
ROUNDS, SWAPS = 6, 2  # how often each fault is drawn into a face, and how often it is swapped, which is slow
SIZE = 256  # pixels of a square that is swapped, as config.anonymize.size


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; input that does not fit ends with exit code 2 and one line."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if not chosen.out.endswith(".npz"):
        parser.error(f"saw --out {chosen.out}, wanted a file that ends in .npz")
    if chosen.steps < 1:
        parser.error(f"saw --steps {chosen.steps}, wanted 1 or more")
    compilation.keep_programs()
    try:
        outputs.require_files(chosen.out)
        _run(chosen)
    except (OSError, ValueError) as error:
        parser.exit(2, f"{plain(str(error))}\n")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="perface naturalness",
        arguments="--out FILE.npz",
        description="Train a model that sees which faces look untouched, for perface anonymize.",
    )
    parser.add_argument("--out", metavar="FILE", required=True, help="the .npz to write")
    parser.add_argument("--natural", metavar="DIR", default="", help="untouched pictures; none: people are drawn")
    several, roles = {"action": "append", "default": []}, "FILE, or ROLE=FILE with natural or a NAME of --swapped"
    parser.add_argument("--swapped", metavar="NAME=DIR", help="results of other methods, as more faults", **several)
    parser.add_argument("--landmarks", metavar="FILE", help=f"of the faces: {roles}", **several)
    parser.add_argument("--attributes", metavar="FILE", help=f"CSV with name and person: {roles}", **several)
    parser.add_argument("--crop", default=portraits.CELEBA_HQ, help="pictures without landmarks are such squares")
    parser.add_argument("--people", type=int, default=240, help="that are drawn (default: 240)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training (default: {STEPS})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held_out", action="store_true", help="what is found of each kind, trained without it")
    return parser


def _run(chosen) -> None:
    natural, faulty = _read(chosen) if chosen.natural else _draw(chosen)
    many = f"{len(natural.crops)} untouched faces and {len(faulty)} kinds of faults"
    print(formatting.wrapped(f"Training on {many}: {', '.join(faulty)}"), file=sys.stderr, flush=True)
    options, held_out = {"steps": chosen.steps, "seed": chosen.seed}, {}
    if chosen.held_out:
        held_out = naturalness.held_out_scores(natural, faulty, **options)
        _show(held_out)
    naturalness.save(chosen.out, naturalness.fit(natural, faulty, held_out=held_out, **options))
    print(f"The model is {chosen.out}; use it with --config.anonymize.naturalness={chosen.out}")


def _show(held_out: Mapping[str, naturalness.HeldOut]) -> None:
    print("On people and on a kind of fault that training did not see:")
    print(f"  {'kind of fault':16}{'AUC':24}below 95% of untouched faces")
    for name, one in held_out.items():
        print(f"  {name:16}{formatting.estimate(one.auc):24}{formatting.percent(one.below)}", flush=True)


def _draw(chosen) -> tuple[Faces, dict[str, Faces]]:
    """Drawn people, a picture each."""
    if chosen.swapped or chosen.landmarks or chosen.attributes:
        raise ValueError("--swapped, --landmarks and --attributes want --natural=DIR, the untouched pictures")
    source, target, _ = write_identities.create_identities(chosen.seed, identities=chosen.people, pictures=1)
    points = np.asarray(faces.landmarks(source, target))
    pictures = in_batches(_render, (source, target, faces.natural(chosen.people)))
    return _with_faults(Face(pictures, points), np.arange(chosen.people), chosen.seed)


def _render(people):
    return faces.render(*people)


def _read(chosen) -> tuple[Faces, dict[str, Faces]]:
    """The pictures of the command line, and who is on them: a person of --attributes, or the name of the picture."""
    folders = named_paths.named(chosen.swapped, alone="swapped")
    points, people = (named_paths.named(files, alone=None) for files in (chosen.landmarks, chosen.attributes))
    for flag, files in (("landmarks", points), ("attributes", people)):
        if unknown := sorted(name for name in files if name not in (None, NATURAL, *folders)):
            raise ValueError(
                f"--{flag} names {', '.join(map(str, unknown))}; wanted {NATURAL}, or a name of --swapped, before ="
            )
    if clash := sorted(set(folders) & {NATURAL, SWAP, *DEFECTS}):
        raise ValueError(f"--swapped names {', '.join(clash)}, which is made here; give it another name")
    read = {
        name: _portraits(folder, points.get(name, points.get(None)), people.get(name, people.get(None)), chosen.crop)
        for name, folder in {NATURAL: chosen.natural, **folders}.items()
    }
    natural, faulty = _with_faults(*read.pop(NATURAL), chosen.seed)
    return natural, faulty | {name: Faces(naturalness.crops(*face), persons) for name, (face, persons) in read.items()}


def _portraits(folder, landmarks, attributes, crop) -> tuple[Face, np.ndarray]:
    names, skipped = images.list_pictures(folder)
    points = portrait_files.read_landmarks(landmarks) if landmarks else None
    found = portraits.read_portraits(folder, names, size=SIZE, landmarks=points, crop=crop)
    for name, reason in (*skipped, *found.skipped):
        print(f"left out: {name}: {reason}", file=sys.stderr)
    persons = portrait_files.read_persons(attributes, found.names) if attributes else None
    return Face(found.images, found.landmarks), np.array(found.names) if persons is None else persons


def _with_faults(natural: Face, persons: np.ndarray, seed: int) -> tuple[Faces, dict[str, Faces]]:
    """Crops of the faces, with every fault that can be made of them, each drawn ROUNDS times."""
    crops, seeds = naturalness.crops(*natural), range(seed * ROUNDS, (seed + 1) * ROUNDS)
    rounds = [naturalness.make_defects(crops, seed=one) for one in seeds]
    faulty = {name: [made[name] for made in rounds] for name in rounds[0]}
    faulty[SWAP] = [_swapped(natural, one) for one in seeds[:SWAPS]]
    several = {name: Faces(np.concatenate(one), np.tile(persons, len(one))) for name, one in faulty.items()}
    return Faces(crops, persons), several


def _swapped(people: Face, seed: int) -> np.ndarray:
    """Crops of every face, swapped with another one at random; by outlines, since meshes want a program each."""
    people, count = Face(people.image, np.asarray(outline(people.landmarks))), len(people.image)
    other = (np.arange(count) + np.random.default_rng(seed).integers(1, count, count)) % count
    made = in_batches(swap_face, people, jax.tree.map(lambda leaf: leaf[other], people))
    return naturalness.crops(*made)
