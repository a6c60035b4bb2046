"""Saves and restores a run whose program repeats its last replica: see `parallel.padded`.

A checkpoint holds the replicas of the run only, so it can be continued on any number of devices. A run with repeated
replicas passes through the memory of the hosts: the first one collects what is saved, and every one reads all of it.
"""

import operator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from perface_jax import parallel


def empty(run: Any, replicas: int) -> Any:
    """Host arrays for this many replicas of a tree with leading replica axes; their values are arbitrary."""
    return jax.tree.map(lambda x: np.empty((replicas, *x.shape[1:]), x.dtype), run)


def without(run: Any, replicas: int, mesh: Mesh) -> Any:
    """The tree itself if it has no more replicas than this; otherwise the first ones as host arrays, in process 0."""
    if parallel.padded(replicas, mesh) == replicas:
        return run
    host = empty(run, replicas)
    for i in range(replicas):
        one = parallel.take_replica(run, i, mesh)
        if jax.process_index() == 0:
            jax.tree.map(lambda rows, row, i=i: operator.setitem(rows, i, row), host, one)
    return host


def again(host: Any, like: Any) -> Any:
    """Host arrays as global ones with the shapes and places of `like`, the last replica repeated."""

    def place(rows, leaf):
        rows = rows[np.minimum(np.arange(len(leaf)), len(rows) - 1)]
        return jax.make_array_from_callback(leaf.shape, leaf.sharding, lambda index: rows[index])

    return jax.tree.map(place, host, like)
