"""The fingerprint of a model folder: digits that tell its model from others, without reading weights.

They stay when the folder is copied or moved. With hashes in `model.json`, they follow from those of the weights and of
the module, so that the same weights have the same fingerprint whichever machine wrote the folder. Older folders have
that of their known answer, whose last digits depend on the machine.
"""

import hashlib
import json

from etils import epath

from perface_jax.network import known_answer, model_json
from perface_jax.network.array_hashes import text_hash

DIGITS = 16


def fingerprint(path: epath.PathLike) -> str:
    """The fingerprint of a model folder; "" where it has none, or is damaged."""
    return _of_weights(path) or _of_answer(path)


def has_fingerprint(path: epath.PathLike, digits: str) -> bool:
    """Whether these digits are the fingerprint of a model folder, now or before folders had hashes."""
    return bool(digits) and digits in (_of_weights(path), _of_answer(path))


def _of_weights(path):
    try:
        hashes = model_json.read(epath.Path(path) / model_json.NAME).get("hashes", {})
        weights = {name: value for name, value in hashes.items() if not name.startswith(known_answer.NAME)}
    except (AttributeError, OSError, ValueError):
        return ""
    return text_hash(json.dumps(weights, sort_keys=True))[:DIGITS] if weights else ""


def _of_answer(path):
    try:
        embeddings = known_answer.read_known_answer(path)["embeddings"]
    except (OSError, ValueError):
        return ""
    return hashlib.sha256(embeddings.tobytes()).hexdigest()[:DIGITS]
