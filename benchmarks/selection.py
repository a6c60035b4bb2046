"""The least similar of a million faces: time against faiss-cpu, memory, and whether they are the right ones.

    python benchmarks/selection.py [--write]

Times `least_similar_streaming` and `faiss.IndexFlatIP` (normalised vectors, negated queries, search only) in turns in
one process, for 10 and for 100 faces a query. Ours normalises the gallery within its time; faiss has done it before.
Memory is the peak of this process after our searches, before faiss has its copy, less the gallery; Python and JAX are
in it. Ids are compared with a float64 sort by NumPy. Prints one JSON object; `--write` also keeps it as
benchmarks/results/selection.json.
"""

import argparse
import json
import pathlib
import resource
import time

import faiss
import machine
import numpy as np

from perface_jax.selection import least_similar_streaming

RESULTS = pathlib.Path(__file__).parent / "results" / "selection.json"
DIMENSIONS = 512
COUNTS = (10, 100)
ROWS = 50_000  # drawn, normalised and sorted at once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3, help="in which each search is timed once")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS}")
    options = parser.parse_args()
    described = machine.describe()  # before this process itself makes load
    result = described | {"faiss": faiss.__version__} | measure(options.faces, options.queries, options.rounds)
    print(json.dumps(result, indent=2))
    if options.write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measure(faces: int, queries: int, rounds: int) -> dict:
    """Seconds of every round, the ratio of the best ones, memory and exactness."""
    gallery, wanted = np.empty((faces, DIMENSIONS), np.float32), np.empty((queries, DIMENSIONS), np.float32)
    random = np.random.default_rng(0)
    for array in (wanted, *_parts(gallery)):
        random.standard_normal(dtype=np.float32, out=array)
    found = {k: least_similar_streaming(wanted, gallery, k=k).index for k in COUNTS}  # compiles, too
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - gallery.nbytes / 2**20
    index = faiss.IndexFlatIP(DIMENSIONS)
    for part in _parts(gallery):
        index.add(_unit(part))
    searches = {
        "perface_jax": lambda k: least_similar_streaming(wanted, gallery, k=k),
        "faiss": lambda k: index.search(-_unit(wanted), k),
    }
    seconds = {f"{name}_{k}": [] for k in COUNTS for name in searches}
    for _ in range(rounds):
        for k in COUNTS:
            for name, search in searches.items():
                started = time.perf_counter()
                search(k)
                seconds[f"{name}_{k}"].append(round(time.perf_counter() - started, 3))
    return {
        "faces": faces,
        "queries": queries,
        "seconds": seconds,
        "faiss_to_perface_jax": {
            k: round(min(seconds[f"faiss_{k}"]) / min(seconds[f"perface_jax_{k}"]), 2) for k in COUNTS
        },
        "peak_mib_above_the_gallery": round(peak),
        "largest_error_of_rank": _errors(wanted, gallery, found),
    }


def _errors(wanted, gallery, found) -> dict:
    """How much more similar, in float64, the face at a rank is than the one that belongs there, at the most."""
    right = np.concatenate(
        [_unit(wanted.astype(np.float64)) @ _unit(part.astype(np.float64)).T for part in _parts(gallery)], 1
    )
    largest = {}
    for k, index in found.items():
        ranked = np.sort(np.partition(right, k, axis=1)[:, :k], axis=1)
        largest[k] = float(np.abs(np.take_along_axis(right, index, axis=1) - ranked).max())
    return largest


def _parts(gallery):
    return [gallery[start : start + ROWS] for start in range(0, len(gallery), ROWS)]


def _unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
