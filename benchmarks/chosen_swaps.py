"""Which swaps look less like the original: PerFace's choice, a recognizer's farthest, or random ones?

    python -m benchmarks.chosen_swaps --perface MODEL_FOLDER --recognizer MODEL_FOLDER [--write]

A check of the pipeline, not evidence about people: the faces are drawn and the annotators are a formula, though with
people, faces and weights that training never saw. In every world, STEP 1 chooses a group for each original, and the
renderer swaps in its members. All three methods choose among the same results: those of the whole group that the
recognizer does not match at the false accept rate. Then 18 new annotators vote, for every original, which of two
results is less like it. The answer is the expected share of the votes, one half if both methods chose the same result.
Intervals of a world resample originals and the faces that PerFace chose, crossed; over the worlds they are t-intervals.
"""

import argparse

import jax
import numpy as np
from scipy import stats

from benchmarks import record
from perface_jax import evaluation, images, metrics, privacy
from perface_jax.anonymization.anonymize import propose
from perface_jax.network.model_folder import load_model
from perface_jax.similarity import similarity
from perface_jax.synthetic import annotators, faces, population, world

WAYS = ("farthest", "random")
BATCH = 20  # pictures drawn and embedded at once


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    made.add_argument("--perface", required=True, help="model folder")
    made.add_argument("--recognizer", required=True, help="model folder")
    made.add_argument("--seeds", type=int, nargs="+", default=[1001, 1002, 1003, 1004, 1005], help="of the worlds")
    made.add_argument("--queries", type=int, default=80, help="a world")
    made.add_argument("--candidates", type=int, default=160, help="a world, in four groups")
    made.add_argument("--false_accept_rate", type=float, default=1e-3)
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each world, and the mean of their shares."""
    models = {name: load_model(getattr(options, name)) for name in ("perface", "recognizer")}
    rows = [ask(seed, models, options) for seed in options.seeds]
    return {
        "queries": options.queries,
        "candidates": options.candidates,
        "false_accept_rate": options.false_accept_rate,
        "rows": rows,
        "over_worlds": {way: over_worlds([row[way]["share"] for row in rows]) for way in WAYS},
    }


def ask(seed: int, models: dict, options: argparse.Namespace) -> dict:
    """One world: the share of the votes that call PerFace's choice less like the original than the other's."""
    count = options.queries
    sources, targets = world.create_people(seed, count + options.candidates)
    portraits = draw(sources.faces, targets.faces, faces.natural(len(sources.age)))
    group = np.array(sources.female > 0.5) + 2 * (sources.age >= 40)
    members = np.array([group[count:] == i for i in range(4)])
    seen = {name: embed(model, portraits) for name, model in models.items()}
    limit = privacy.match_threshold(seen["recognizer"][count:], false_accept_rate=options.false_accept_rate).value
    vectors = seen["perface"][:count], seen["perface"][count:]
    chosen_group = np.asarray(propose(*vectors, members=members, k=1).group)
    people, gain = new_annotators(seed)
    rows = []
    for query in range(count):
        pool = np.flatnonzero(members[chosen_group[query]]) + count
        results = draw(
            pick(sources.faces, pool), pick(targets.faces, np.full(len(pool), query)), seams(seed, query, len(pool))
        )
        alike = {name: to_original(model, seen[name][query], results) for name, model in models.items()}
        rows.append(vote(query, pool, alike, limit, sources.faces, targets.faces, people, gain, seed))
    kept = [row for row in rows if row]
    return {"name": f"world {seed}", "seed": seed, "asked": len(kept), "threshold": round(limit, 3)} | {
        way: summary([row[way] for row in kept], [row["source"] for row in kept]) for way in WAYS
    }


def vote(query, pool, alike, limit, sources, targets, people, gain, seed) -> dict | None:
    """The expected votes on the choices for one original; None if the recognizer matches all results."""
    free = np.flatnonzero(alike["recognizer"] <= limit)
    if not len(free):
        return None
    random = np.random.default_rng((seed, query, 5))
    chosen = {
        "perface": free[alike["perface"][free].argmin()],
        "farthest": free[alike["recognizer"][free].argmin()],
        "random": random.choice(free),
    }
    target = pick(targets, np.array([query]))
    original = world.perceived_features(pick(sources, np.array([query])), target)[0]
    features = {way: world.perceived_features(pick(sources, pool[[i]]), target)[0] for way, i in chosen.items()}
    found = {"source": int(pool[chosen["perface"]])}
    for way in WAYS:
        margin = annotators.margins(people, np.stack([features["perface"], features[way], original])[None])
        closer = annotators.chances(people._replace(bias=0 * people.bias), margin, gain).mean()
        found[way] = 0.5 if chosen[way] == chosen["perface"] else 1.0 - closer
    return found


def new_annotators(seed: int) -> tuple[annotators.Annotators, float]:
    """New annotators, as noisy on triplets of a release as those of the real file."""
    features = world.triplet_features(world.create_world(seed))
    people = annotators.recruit([seed, 9], features.shape[-1], careless=0)
    return people, annotators.calibrate(people, annotators.margins(people, features))


def summary(shares: list[float], sources: list[int]) -> dict:
    """Mean share with its interval."""
    shares, places = np.asarray(shares, np.float32), np.unique(sources, return_inverse=True)[1].astype(np.int32)
    clusters = np.arange(len(shares), dtype=np.int32), places
    low, high = metrics.cluster_interval(jax.random.key(0), shares, *clusters)
    return {
        "share": round(float(shares.mean()), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "same_choice": round(float(np.mean(shares == 0.5)), 3),
    }


def over_worlds(shares: list[float]) -> dict:
    """Mean share of the worlds with a t-interval."""
    low, high = stats.ttest_1samp(shares, 0.5).confidence_interval(0.95)
    return {"share": round(float(np.mean(shares)), 3), "interval": [round(float(low), 3), round(float(high), 3)]}


def seams(seed: int, query: int, count: int) -> faces.Seam:
    """What the swaps of one query leave behind."""
    return population.sample_seams(jax.random.fold_in(jax.random.key(seed), query), count)


def draw(source: faces.Source, target: faces.Target, seam: faces.Seam) -> np.ndarray:
    """Pictures in the SimSwap frame."""
    count, drawn = len(target.yaw), []
    for start in range(0, count, BATCH):
        places = np.minimum(np.arange(start, start + BATCH), count - 1)
        drawn.append(np.asarray(faces.render(*(pick(one, places) for one in (source, target, seam))))[: count - start])
    return np.concatenate(drawn)


def embed(model: tuple, pictures: np.ndarray) -> np.ndarray:
    """Embeddings of pictures in the SimSwap frame."""
    network, variables = model
    return evaluation.embed(
        network, variables, np.asarray(images.resize(pictures, network.image_size)), batch_size=BATCH
    )


def to_original(model: tuple, original: np.ndarray, results: np.ndarray) -> np.ndarray:
    """Similarity of the results to the original's vector."""
    return np.asarray(similarity(original[None], embed(model, results)))


def pick(tree, places: np.ndarray):
    """The faces at these positions."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[places], tree)


if __name__ == "__main__":
    record.run("chosen_swaps", parser(), measure)
