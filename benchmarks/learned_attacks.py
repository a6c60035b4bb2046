"""What an attacker who learns finds in anonymized pictures of drawn people, beside the fixed recognizer.

    python -m benchmarks.learned_attacks --perface MODEL_FOLDER --recognizer MODEL_FOLDER [--write]

A check of the program on drawn faces, not evidence about people. Every person has two pictures, with different hair,
pose, light and background. The first is anonymized: by a baseline, by the swap with a random member of the group, or
with the one that the metric rule chooses among five. Those who are swapped in are in no gallery. The attacker
(`privacy.adaptive_attack`) searches the result in the originals themselves, where hair and background help, or in the
other pictures, where only the face does. Three more ways start from the PerFace vectors of the originals:

    vector            an attacker learns to translate them into vectors of the recognizer
    generator         a network draws a face from the vector (`benchmarks.inversion`); the recognizer, as it is,
                      searches this face
    wrong generator   the same face in search of the next person, for comparison
"""

import argparse

import jax
import numpy as np

from benchmarks import inversion, record
from benchmarks.chosen_swaps import draw, embed
from perface_jax import images, privacy, selection, swap
from perface_jax.anonymization import anonymize, preservation
from perface_jax.network.model_folder import load_model
from perface_jax.statistics.estimates import Estimate
from perface_jax.swap import Face, swap_face
from perface_jax.synthetic import faces, population, world

COVERS = {"blur": swap.blur, "pixelate": swap.pixelate, "black box": swap.black_box}
SIDE = 48  # pixels of the pictures that the generator draws


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--perface", required=True, help="folder of a PerFace model")
    made.add_argument("--recognizer", required=True, help="folder of a recognizer")
    made.add_argument("--people", type=int, default=300)
    made.add_argument("--candidates", type=int, default=160, help="people who are swapped in")
    made.add_argument("--drawn", type=int, default=1000, help="people whose pictures train the generator")
    made.add_argument("--steps", type=int, default=1000, help="of training the generator")
    made.add_argument("--false_accept_rate", type=float, default=0.01)
    made.add_argument("--seed", type=int, default=3001)
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each way and gallery."""
    perface, recognizer = load_model(options.perface), load_model(options.recognizer)
    rate = options.false_accept_rate
    originals, others, _ = photograph(options.seed, options.people)
    ways = {"nothing": originals.image, **covered(originals)}
    vectors = {way: (embed(recognizer, pictures), np.arange(options.people)) for way, pictures in ways.items()}
    vectors |= swapped(originals, perface, recognizer, options)
    vectors["vector"] = embed(perface, originals.image), np.arange(options.people)
    galleries = {"the same pictures": vectors["nothing"][0], "other pictures": embed(recognizer, others)}
    rows = [
        {"name": f"{way}, {name}"} | attack(*one, gallery, rate)
        for way, one in vectors.items()
        for name, gallery in galleries.items()
        if (way, name) != ("nothing", "the same pictures")
    ]
    drawn = embed(recognizer, generate(vectors["vector"][0], perface, options))
    return {"people": options.people, "false_accept_rate": rate, "rows": rows + search(drawn, galleries, rate)}


def photograph(seed: int, count: int) -> tuple[Face, np.ndarray, np.ndarray]:
    """A picture of each person with landmarks, another picture, and the groups of STEP 1, bool `[4, count]`."""
    source, target = world.create_people(seed, count)
    again = population.sample_targets(jax.random.fold_in(jax.random.key(seed), 2), target.female, target.age)
    first, other = (draw(source.faces, one, faces.natural(count)) for one in (target.faces, again))
    group = (source.female > 0.5) + 2 * (source.age >= 40)
    return Face(first, np.asarray(faces.landmarks(source.faces, target.faces))), other, np.arange(4)[:, None] == group


def covered(originals: Face) -> dict[str, np.ndarray]:
    """The pictures by each way that shows nobody else."""
    return {name: np.asarray(preservation.in_batches(way, *originals)) for name, way in COVERS.items()}


def swapped(originals: Face, perface: tuple, recognizer: tuple, options: argparse.Namespace) -> dict:
    """The recognizer's vectors of the swaps, and whom they replace: of a random member, and of the rule's choice."""
    candidates, _, members = photograph(options.seed + 1, options.candidates)
    theirs = embed(recognizer, candidates.image)
    limit = privacy.match_threshold(theirs, false_accept_rate=options.false_accept_rate).value
    found = anonymize.anonymize(
        originals,
        candidates,
        members=members,
        perceive=lambda pictures, _: embed(perface, pictures),
        recognizers={"recognizer": lambda pictures, _: embed(recognizer, pictures)},
        policy=anonymize.SelectionPolicy({"recognizer": limit}),
        feature_loss=lambda *pair: preservation.in_batches(preservation.feature_loss, *pair),
    )
    inside = members[found.proposal.group]
    vectors = np.zeros((len(inside), 1)), np.zeros((len(theirs), 1))  # nothing is asked of them
    drawn = np.asarray(selection.random_choice(jax.random.key(0), *vectors, k=1, where=inside).index)
    random = anonymize.swap_all(originals, candidates, drawn, swap_face).image[:, 0]
    chosen, places = found.selected()
    return {
        "random swap": (embed(recognizer, random), np.arange(len(random))),
        "metric rule": (embed(recognizer, chosen.image), places),
    }


def attack(anonymized: np.ndarray, places: np.ndarray, gallery: np.ndarray, rate: float) -> dict:
    """Fixed and learned, with intervals; `places` are the persons of the pictures. With too few, only their number."""
    if len(places) < privacy.FEWEST_ATTACKED:
        return {"pictures": len(places)}  # of the rule, which may admit few
    persons = {"persons": places, "original_persons": np.arange(len(gallery))}
    found = privacy.adaptive_attack(anonymized, gallery, **persons, false_accept_rate=rate)
    shares = {
        f"{who} {name}": described(share)
        for who in ("fixed", "learned")
        for name, share in zip(("Re-ID", "TAR"), getattr(found, who), strict=True)
    }
    facts = {"pictures": found.pictures, "gallery": found.gallery, "chance": round(found.chance, 4)}
    return facts | shares | {"gain": described(found.gain), "heads": found.heads}


def generate(vectors: np.ndarray, perface: tuple, options: argparse.Namespace) -> np.ndarray:
    """Faces drawn from these PerFace vectors by a generator that has seen other people, uint8."""
    first, others, _ = photograph(options.seed + 2, options.drawn)
    pictures = np.concatenate([first.image, others])
    known, small = embed(perface, pictures), np.asarray(images.resize(pictures, SIDE))
    return inversion.draw(inversion.train(known, small, steps=options.steps, seed=options.seed), vectors)


def search(drawn: np.ndarray, galleries: dict[str, np.ndarray], rate: float) -> list[dict]:
    """The recognizer as it is, on faces that a generator drew: whom it finds, and whom it matches.

    The threshold comes from pairs of two people in the other pictures. The shares of `wrong generator` pair each drawn
    face with the next person: what the recognizer would accept of a face that tells nothing.
    """
    limit = privacy.match_threshold(galleries["other pictures"], false_accept_rate=rate).value
    rows = []
    for name, gallery in galleries.items():
        found = privacy.found_within(privacy.ranks(drawn, gallery), k=1)
        facts = {"pictures": len(drawn), "gallery": len(gallery), "chance": round(1 / len(gallery), 4)}
        rows.append({"name": f"generator, {name}"} | facts | {"fixed Re-ID": described(privacy.share(found))})
        for row, shift in (("generator", 0), ("wrong generator", 1)):
            matched = privacy.paired_similarity(np.roll(gallery, shift, axis=0), drawn) > limit
            if shift:
                rows.append({"name": f"{row}, {name}"} | facts)
            rows[-1]["fixed TAR"] = described(privacy.share(matched))
    return rows


def described(found: Estimate) -> dict | None:
    """Value and interval, to three digits; None if unknown."""
    if np.isnan(found.value):
        return None
    value, *interval = (round(float(bound), 3) for bound in found)
    return {"value": value, "interval": interval}


if __name__ == "__main__":
    record.run("learned_attacks", parser(), measure)
