"""Arrays -> matplotlib figures: those of the paper, and others.

    from perface_jax import figures

    figures.similar_against_dissimilar({"before": (dissimilar, similar)}).savefig("scatter.pdf")       # Fig. 4 and 5
    figures.group_distributions({"young": similarities, "older": others}, "older")                     # Fig. 6
    figures.strips([figures.Strip(name, query, "older", most, least)])                                 # Fig. 7
    figures.examples([figures.Example(name, reference, a, b, votes, scores)])                          # Table 2
    figures.two_axes({"r50": {"blur": (matched, perceived)}}, thresholds={"r50": (0.28, 0.26, 0.31)})  # anonymization

Every function takes NumPy arrays and names and returns a `matplotlib.figure.Figure` that belongs to no window and no
global state; save it with its `savefig`. Values are drawn as they are given, and NaN is left out; only the accuracy and
the means of a scatter are computed here. Figures are as wide as a page (7 inches), text has 8 points or more. Colors
are those of Okabe and Ito, and no meaning rests on color alone: a marker, a line style or a word repeats it.
"""

from perface_jax.figures.anonymized import MethodsRow, Result, ResultsRow, methods, results
from perface_jax.figures.charts import Dot, Kind, accuracy_dots, reliability, training_curves
from perface_jax.figures.matching import degrees, rank_curves, roc_curves, two_axes
from perface_jax.figures.photographs import Photograph, photographs
from perface_jax.figures.planning import power_curves
from perface_jax.figures.points import group_distributions, similar_against_dissimilar
from perface_jax.figures.ranked import ranked
from perface_jax.figures.sheets import Candidate, Example, Strip, examples, strips

__all__ = [
    "Candidate",
    "Dot",
    "Example",
    "Kind",
    "MethodsRow",
    "Photograph",
    "Result",
    "ResultsRow",
    "Strip",
    "accuracy_dots",
    "degrees",
    "examples",
    "group_distributions",
    "methods",
    "photographs",
    "power_curves",
    "rank_curves",
    "ranked",
    "reliability",
    "results",
    "roc_curves",
    "similar_against_dissimilar",
    "strips",
    "training_curves",
    "two_axes",
]
