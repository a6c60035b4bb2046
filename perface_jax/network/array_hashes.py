"""A hash of every array of a model, by which damage is found.

The SHA-256 of the text `dtype shape`, for instance `float32 (3, 3, 64, 64)`, followed by the bytes of the array in C
order, little-endian; the first 32 hexadecimal digits.
"""

import concurrent.futures
import hashlib
import os
import sys
from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped

from perface_jax.arrays import AnyArray

DIGITS = 32


def array_hash(array: Shaped[AnyArray, "..."]) -> str:
    """The hash of one array; of one on a device, it is fetched.

    >>> import numpy as np
    >>> from perface_jax.network.array_hashes import array_hash
    >>> array_hash(np.zeros((2, 3), np.float32))
    '9b3bae90a9cf15540eb1f0d87c9c59c8'
    """
    host = np.asarray(array)
    if sys.byteorder == "big":
        host = host.byteswap()
    digest = hashlib.sha256(f"{host.dtype.name} {host.shape}".encode())
    digest.update(np.ascontiguousarray(host).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:DIGITS]


def text_hash(text: str) -> str:
    """The hash of a text, of as many digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def array_hashes(arrays: Mapping[str, Shaped[AnyArray, "..."]]) -> dict[str, str]:
    """The hash of every array, by name, in alphabetical order; threads share the work."""
    names = sorted(arrays)
    with concurrent.futures.ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # hashlib releases Python's lock
        return dict(zip(names, pool.map(lambda name: array_hash(arrays[name]), names), strict=True))
