"""The numpyro recipe of docs/mixed_models.md, unchanged, on simulated votes with known variance components."""

import re

import jax
import numpy as np
import pytest

from perface_jax.evaluation import write_votes_table
from tests.conftest import ROOT
from tests.fake_faces import Colors

TRUE = {"sd_source": 1.2, "sd_target": 0.5, "sd_triplet": 0.6, "sd_annotator": 0.8, "slope": 1.0, "intercept": 0.2}
SOURCES, TARGETS, PEOPLE, VOTES = 80, 24, 40, 4


def recipe() -> str:
    """The block of Python below the heading `numpyro`."""
    text = (ROOT / "docs" / "mixed_models.md").read_text()
    return re.search(r"^## numpyro\n.*?^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


def write_simulated(file, rng) -> None:
    triplets = Colors()
    triplets.source_id, triplets.target_id = np.indices((SOURCES, TARGETS)).reshape(2, -1)
    triplets.ids = tuple(f"t{i:04d}" for i in range(SOURCES * TARGETS))
    similar = rng.normal(0.5, 0.1, (SOURCES * TARGETS, 2))
    difference = similar[:, 0] - similar[:, 1]
    sizes = {"source": SOURCES, "target": TARGETS, "triplet": SOURCES * TARGETS, "annotator": PEOPLE}
    effects = {name: rng.normal(0, TRUE[f"sd_{name}"], size) for name, size in sizes.items()}
    who = np.argsort(rng.random((SOURCES * TARGETS, PEOPLE)), axis=1)[:, :VOTES]
    logit = TRUE["intercept"] + TRUE["slope"] * (difference - difference.mean()) / difference.std() + effects["triplet"]
    logit = logit + effects["source"][triplets.source_id] + effects["target"][triplets.target_id]
    for_a = rng.random(who.shape) < 1 / (1 + np.exp(-logit[:, None] - effects["annotator"][who]))
    triplets.votes = (~for_a).astype(np.int8)
    names = np.array([f"p{i}" for i in range(PEOPLE)])[who]
    write_votes_table(file, triplets, np.arange(SOURCES * TARGETS), similar, annotator=names)


def test_the_recipe_is_code():
    compile(recipe(), "mixed_models.md", "exec")


@pytest.mark.slow
def test_the_recipe_recovers_the_variance_components(tmp_path):
    """Every 95% interval but one at the most has the truth, and every mean is near it, for the data are many."""
    pytest.importorskip("numpyro")
    write_simulated(tmp_path / "after-i.csv", np.random.default_rng(0))
    names = {}
    with jax.numpy_dtype_promotion("standard"):  # numpyro relies on it
        exec(recipe().replace("tables/after-i.csv", str(tmp_path / "after-i.csv")), names)
    found = {
        name: (float(names["draws"][name].mean()), *np.percentile(names["draws"][name], [2.5, 97.5])) for name in TRUE
    }
    print({name: [round(float(one), 2) for one in three] for name, three in found.items()})
    assert sum(low <= TRUE[name] <= high for name, (_, low, high) in found.items()) >= len(TRUE) - 1
    for name, tolerance in {
        "sd_source": 0.3,
        "sd_target": 0.25,
        "sd_triplet": 0.15,
        "sd_annotator": 0.25,
        "slope": 0.15,
    }.items():
        assert found[name][0] == pytest.approx(TRUE[name], abs=tolerance), name
