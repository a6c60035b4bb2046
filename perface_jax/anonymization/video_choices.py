"""Which face replaces a track: the best source that no recognizer matches to the track, by the rule of pictures.

Every source is put into some frames of the track, its *key* frames. The results are compared with the original frames
on both axes. A source counts with the frame in which a recognizer matches it most.
"""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import jax
import numpy as np

from perface_jax.anonymization.anonymize import Axes, SelectionPolicy, choose
from perface_jax.anonymization.video_methods import Method, Proposed
from perface_jax.landmarks import outline
from perface_jax.swap import Face


class Judge(NamedTuple):
    """How results are scored, and the rule that chooses."""

    score: Callable[[Face, Face], Axes]  # originals `[n, ...]`, results `[n, k, ...]`
    policy: SelectionPolicy


class Replacement(NamedTuple):
    """The face that replaces a track."""

    name: str
    source: Face
    perceived: float | None = None  # similarity to the original, mean over the key frames; None = not scored
    matched: Mapping[str, float] = {}  # highest similarity under each recognizer


def choose_replacement(
    method: Method, keys: Face, judge: Judge | None, *, number: int = 0, taken: Collection[str] = ()
) -> Replacement | None:
    """The replacement of a track; None if no source is admitted.

    Args:
      method: proposes sources.
      keys: some faces of the track, `[n, ...]`.
      judge: None = the first source, without scores.
      number: of the track.
      taken: sources of other faces in the same frames; one of these only if no other is admitted.
    """
    proposed = method.propose(keys, number=number)
    if not len(proposed.names):
        return None
    free = np.array([name not in taken for name in proposed.names])
    if judge is None:
        return _replacement(proposed, int(np.argmax(free)))
    axes = over_frames(judge.score(keys, _results(method, keys, proposed)))
    found = (int(jax.device_get(choose(axes, judge.policy, where=where).chosen)) for where in (free, None))
    chosen = next((place for place in found if place >= 0), None)
    return None if chosen is None else _replacement(proposed, chosen, axes)


def over_frames(axes: Axes) -> Axes:
    """The scores `[n, k]` of n frames as those of k sources: the highest match, the lowest naturalness, else means."""
    matched = {name: np.asarray(values).max(0) for name, values in axes.matched.items()}
    natural = None if axes.naturalness is None else np.asarray(axes.naturalness).min(0)
    return Axes(np.asarray(axes.perceived).mean(0), matched, np.asarray(axes.feature_loss).mean(0), natural)


def _results(method, keys, proposed: Proposed) -> Face:
    """Every source in every key frame, `[n, k, ...]`."""
    frames, sources = len(keys.image), len(proposed.names)
    targets = Face(*(np.repeat(np.asarray(part), sources, axis=0) for part in keys))
    others = Face(*(np.concatenate([np.asarray(part)] * frames) for part in proposed.faces))
    made = method.replace(targets, others)
    points = np.asarray(outline(np.asarray(targets.landmarks, np.float32)))
    return Face(*(part.reshape(frames, sources, *part.shape[1:]) for part in (made, points)))


def _replacement(proposed, place, axes=None):
    name, source = proposed.names[place], Face(*(np.asarray(part)[place] for part in proposed.faces))
    if axes is None:
        return Replacement(name, source)
    return Replacement(
        name, source, float(axes.perceived[place]), {n: float(x[place]) for n, x in axes.matched.items()}
    )
