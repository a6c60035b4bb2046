"""What a cosine means: how it compares with pairs of different people, and how people would judge the pair.

    pairs = different_people(embeddings, person)  # the background
    slope = fit_slope(similarities, votes_for_a, votes, source, target)
    scale = fit(pairs, slope, model=fingerprint, crop="arcface")
    share_below(scale, .61)  # of pairs of different people: Estimate(.972, .95, .99)
    probability(scale, .61)  # that people call the pair more alike than a random one: Estimate(.93, .88, .96)

`write` and `read` keep it as `scale.json` in a model folder. Everything is computed on the host, in float64, except
the sums of the fit and of the errors, which are float32. docs/similarity_scale.md says how to read the numbers, and
what they do not say: a scale is not a threshold for verification.
"""

from perface_jax.similarity_scale.background import Background, Pairs, different_people, quantiles
from perface_jax.similarity_scale.curves import Curve, curve
from perface_jax.similarity_scale.scale import SimilarityScale, cosines_at, extrapolates, fit, probability, share_below
from perface_jax.similarity_scale.scale_file import NAME, made, read, write
from perface_jax.similarity_scale.slope import Slope, fit_slope

__all__ = [
    "NAME",
    "Background",
    "Curve",
    "Pairs",
    "SimilarityScale",
    "Slope",
    "cosines_at",
    "curve",
    "different_people",
    "extrapolates",
    "fit",
    "fit_slope",
    "made",
    "probability",
    "quantiles",
    "read",
    "share_below",
    "write",
]
