"""A fake model and plain pictures, so that every number of an evaluation can be counted by hand."""

import types

import jax.numpy as jnp
import numpy as np

from perface_jax import evaluation
from perface_jax.annotations import Setting, Split, SplitBy
from perface_jax.evaluation import Answers, LabeledTriplets, Role, Run, title

RIGHT, WRONG, TIE = (0.9, 0.1), (0.1, 0.9), (0.5, 0.5)  # where people chose a


def similarities(*pairs):
    return np.array(pairs, np.float32)


def only(rows, **wanted):
    (row,) = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
    return row


class MeanColor(types.SimpleNamespace):
    """A fake model whose embedding is the mean color, so that scores can be checked by eye."""

    embedding_size = 3
    image_size = 4

    def apply(self, variables, images):
        return jnp.mean(images, axis=(1, 2)) + 1

    def __hash__(self):
        return 0


def fake_network(batch_size=3):
    return evaluation.Network(MeanColor(), {}, batch_size=batch_size)


class Colors:
    """Plain pictures: a triplet is (a, b, reference), each of one color."""

    ids = ("t0000", "t0001", "t0002", "t0003", "t0004")
    votes = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 1, 1]], np.int8)
    source_id = np.array([0, 0, 1, 1, 2])
    target_id = np.array([0, 1, 0, 1, 0])
    metadata = {}
    colors = np.array(
        [
            [[250, 0, 0], [0, 250, 0], [200, 0, 0]],  # a is red like the reference, people say a: right
            [[250, 0, 0], [0, 250, 0], [200, 0, 0]],  # people say b: wrong
            [[0, 0, 90], [0, 0, 90], [0, 0, 90]],  # a tie
            [[99, 99, 99], [0, 9, 250], [50, 50, 50]],  # right
            [[0, 9, 250], [99, 99, 99], [50, 50, 50]],  # right: people say b
        ]
    )

    def __len__(self):
        return 5

    def __getitem__(self, position):
        return np.ones((3, 4, 4, 3), np.uint8) * self.colors[position, :, None, None].astype(np.uint8)


def data(triplets=None, *, labels=None, training=(), **settings):
    """What `builders.divide` would give, of these settings; by default all five triplets are `i`."""
    triplets = triplets or Colors()
    votes = triplets.votes
    if labels is None:
        labels = np.where((votes == votes[:, :1]).all(1), votes[:, 0], -1)
    rows = {"validation": [], **(settings or {"i": np.arange(len(votes))})}
    rows = {Setting(name): np.asarray(places, int) for name, places in rows.items()}
    return LabeledTriplets(
        triplets=triplets,
        labels=labels,
        training_labels=labels,
        training=np.asarray(training, int),
        split=Split(SplitBy.IDS, rows, None, None, 0, "by hand"),
        settings={name: places[labels[places] >= 0] for name, places in rows.items()},
    )


def run(of, *, seed=(), cell="", **similarities):
    """A run whose models are called `before` (the start), `after` (trained) or anything else (external)."""
    roles = {"before": Role.START, "after": Role.TRAINED}
    answers = {}
    for name, pairs in similarities.items():
        role = roles.get(name, Role.EXTERNAL)
        identity = f"{name} {cell} {seed}" if role is Role.TRAINED else name
        answers[role] = Answers(title(role, name, cell), identity, pairs)
    return Run(seed, of, answers)
