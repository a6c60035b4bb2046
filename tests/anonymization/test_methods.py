"""Methods that are given and methods that are made here: their names and their places."""

import numpy as np
import pytest

from configs import synthetic
from perface_jax.anonymization import methods
from perface_jax.anonymization.anonymize import Anonymized, Choice, Proposal
from perface_jax.anonymization.inputs import Inputs
from perface_jax.anonymization.methods import Baseline
from perface_jax.datasets.portraits import Portraits

COUNT = 3


@pytest.fixture
def originals():
    names = tuple("abc")
    pictures, points = np.zeros((COUNT, 4, 4, 3), np.uint8), np.zeros((COUNT, 5, 2), np.float32)
    return Portraits(names, pictures, points, True, np.zeros((COUNT, 3)), np.full((COUNT, 2), 4))


def test_a_given_method_must_not_have_the_name_of_one_made_here():
    config = synthetic.get_config("demo")
    methods.refuse_clashes(config, Inputs("o", {"ours": "d", "blur + skin": "d"}))
    with pytest.raises(ValueError, match="--anonymized names blur, which is the name of a method made here"):
        methods.refuse_clashes(config, Inputs("o", {"blur": "d"}))
    config.anonymize.retouch = ("skin",)
    for clash in ("blur + skin", "ours + skin"):
        with pytest.raises(ValueError, match=rf"names {clash.replace('+', '.')}, which"):
            methods.refuse_clashes(config, Inputs("o", {"ours": "d", clash: "d"}))
    config.anonymize.references, config.anonymize.retouch = (), ()
    methods.refuse_clashes(config, Inputs("o", {"blur": "d"}))


def pipeline(chosen):
    """Results whose gray values are 10 original + place."""
    images = np.array([[10 * original + place for place in range(2)] for original in range(COUNT)], np.uint8)
    images = np.broadcast_to(images[..., None, None, None], (COUNT, 2, 4, 4, 3))
    proposal, choice = Proposal(np.zeros(COUNT, int), None, None), Choice(None, None, np.asarray(chosen))
    return Anonymized(proposal, images, np.ones((COUNT, 2, 59, 2), np.float32), None, choice)


def test_the_chosen_swap_has_only_results_that_are_admitted(originals):
    options = {"members": np.ones((COUNT, 1, COUNT), bool), "vectors": None, "seed": 0}
    wanted = [Baseline.BLUR, Baseline.CHOSEN_SWAP]
    made = methods.with_swap(wanted, originals, originals, pipeline([1, -1, 0]), **options)
    chosen = made["chosen swap"]
    assert list(made) == ["chosen swap"]
    assert (list(chosen.places), chosen.portraits.names) == ([0, 2], ("a", "c"))
    np.testing.assert_array_equal(chosen.portraits.images[:, 0, 0, 0], [1, 20])
    assert chosen.portraits.landmarks.shape == (2, 59, 2)
    assert chosen.portraits.skipped == (("b", "no result is admitted"),)
    assert methods.with_swap(wanted, originals, originals, pipeline([-1, -1, -1]), **options) == {}
