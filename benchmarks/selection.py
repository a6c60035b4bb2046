"""STEP 1 and STEP 2 against the size of the gallery: time, memory, and whether the right faces are chosen.

`least similar K of N`: `least_similar_streaming` against a product and `numpy.argpartition`, and against
`faiss.IndexFlatIP` with negated queries, search only. The gallery has unit length for all; ours normalizes it
again within its time. Ranks are compared with a float64 sort by NumPy.

`G groups of N`: one distance of every query to each group, by the paper's rule (`confidence limit`) and by the mean
alone, against a mean of similarities by NumPy, whose largest difference is told. The gallery is an array of the library
that computes, JAX's or NumPy's.

`peak_mib_above_the_gallery` is the memory of this process after our searches and before faiss copies the gallery, minus
the gallery; it includes Python and JAX.
"""

import argparse
import functools
import resource

import faiss
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import record
from perface_jax import groups
from perface_jax.selection import least_similar_streaming

DIMENSIONS = 512
PART = 5_000  # faces drawn, normalized and sorted at once; more would raise the peak of memory
RULES = {"perface_jax, mean": groups.Rule.MEAN, "perface_jax, confidence limit": groups.Rule.CONFIDENCE_LIMIT}


def parser() -> argparse.ArgumentParser:
    parser = record.parser(__doc__)
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="from few to many")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--choose", type=int, nargs="+", default=[10, 100], help="faces a query")
    parser.add_argument("--groups", type=int, default=4, help="that every face belongs to one of")
    parser.add_argument("--rounds", type=int, default=3, help="in which each is timed once")
    parser.add_argument("--seconds", type=float, default=5.0, help="that a row is timed at least")
    return parser


def measure(options: argparse.Namespace) -> dict:
    """The rows of every size of the gallery, smallest first, because the peak of memory only grows."""
    return {"rows": [row for faces in sorted(options.faces) for row in _rows(faces, options)]}


def _rows(faces, options):
    gallery, queries = _draw(faces, options.queries)
    found = {k: least_similar_streaming(queries, gallery, k=k).index for k in options.choose}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - gallery.nbytes / 2**20
    errors = _errors(queries, gallery, found)
    facts = {"faces": faces, "queries": options.queries}
    yield facts | _group_distances(queries, gallery, options)
    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(gallery)
    for k in options.choose:
        searches = {
            "perface_jax": functools.partial(least_similar_streaming, queries, gallery, k=k),
            "NumPy": functools.partial(_by_numpy, queries, gallery, k),
            "faiss": functools.partial(index.search, -queries, k),
        }
        yield facts | {
            "name": f"least similar {k} of {faces}",
            "chosen": k,
            "peak_mib_above_the_gallery": round(peak),
            "largest_error_of_rank": errors[k],
            "seconds": record.in_turns(searches, options.rounds, seconds=options.seconds),
        }


def _group_distances(queries, gallery, options):
    where = np.arange(len(gallery)) % options.groups == np.arange(options.groups)[:, None]
    arrays = [jnp.asarray(x) for x in (queries, gallery, where)]
    ours = {name: functools.partial(_distances, *arrays, rule=rule) for name, rule in RULES.items()}
    numpys = functools.partial(_mean_distances, queries, gallery, where)
    difference = np.abs(ours["perface_jax, mean"]() - numpys()).max()
    return {
        "name": f"{options.groups} groups of {len(gallery)}",
        "groups": options.groups,
        "largest_difference": float(difference),
        "seconds": record.in_turns(ours | {"NumPy, mean": numpys}, options.rounds, seconds=options.seconds),
    }


def _distances(queries, gallery, where, *, rule):
    return np.asarray(_program(queries, gallery, where, rule=rule))


@functools.partial(jax.jit, static_argnames="rule")
def _program(queries, gallery, where, *, rule):
    return groups.group_distances(groups.distances(queries, gallery), where=where, rule=rule)


def _mean_distances(queries, gallery, where):
    """The mean distance of unit vectors to each group."""
    similarity = queries @ gallery.T
    return np.stack([1 - similarity[:, members].mean(axis=1) for members in where], axis=1)


def _by_numpy(queries, gallery, k):
    """The k least similar of unit vectors, in order."""
    similarity = queries @ gallery.T
    nearest = np.argpartition(similarity, k, axis=1)[:, :k]
    order = np.argsort(np.take_along_axis(similarity, nearest, axis=1), axis=1)
    return np.take_along_axis(nearest, order, axis=1)


def _draw(faces, queries):
    """Gallery `[N, D]` and queries `[Q, D]` of unit length, in random directions."""
    gallery, wanted = np.empty((faces, DIMENSIONS), np.float32), np.empty((queries, DIMENSIONS), np.float32)
    random = np.random.default_rng(0)
    for array in (wanted, *_parts(gallery)):
        random.standard_normal(dtype=np.float32, out=array)
        array /= np.linalg.norm(array, axis=1, keepdims=True)
    return gallery, wanted


def _errors(queries, gallery, found):
    """The largest excess of similarity, in float64, of the face at a rank over the one that belongs there."""
    right = np.concatenate([_unit(queries) @ _unit(part).T for part in _parts(gallery)], axis=1)
    largest = {}
    for k, index in found.items():
        ranked = np.sort(np.partition(right, k, axis=1)[:, :k], axis=1)
        largest[k] = float(np.abs(np.take_along_axis(right, index, axis=1) - ranked).max())
    return largest


def _parts(gallery):
    return [gallery[start : start + PART] for start in range(0, len(gallery), PART)]


def _unit(x):
    x = x.astype(np.float64)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


if __name__ == "__main__":
    record.run("selection", parser(), measure, compared_with=("numpy", "faiss-cpu"))
