"""Every public function that takes floating numbers gives the answer of the same numbers in float32 or float64.

Traceable functions are traced and not run: whatever touches half precision, other than moving it, must widen it. Host
functions are run. A public function that takes floating numbers must have a case here, or a reason for having none.
"""

import functools
import types
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import landmarks, precision
from perface_jax.fidelity.lighting import Lighting
from perface_jax.fidelity.pose import Head, Pose
from perface_jax.fidelity.regions import Regions
from perface_jax.groups import Rule
from perface_jax.metrics import Logistic
from perface_jax.selection import Selection, least_similar, ranking
from perface_jax.selection.blocks import Lowest
from perface_jax.similarity import similarity
from tests import test_types

ROOMS = (
    "similarity", "losses", "groups", "metrics", "selection", "verification", "classification", "privacy", "fidelity",
    "statistics", "precision", "similarity_scale", "annotator_masks", "naturalness",
)  # fmt: skip
HALF = ("float16", "bfloat16")
FLOATING = {*HALF, "float32"}
MOVES = {
    "broadcast_in_dim", "concatenate", "convert_element_type", "dynamic_slice", "gather", "reshape", "slice", "split",
    "squeeze", "transpose", "copy", "select_n", "rev",
}  # fmt: skip


def whole(*shape, low=-32, high=33, over=32.0):
    """Numbers that float16 and bfloat16 hold exactly."""
    return np.random.default_rng(sum(shape)).integers(low, high, shape) / over


MANY = (whole(12, 5), whole(12, 5, over=16.0))  # a picture of each of 12 people, anonymized and as it was
X, Y, Z = (whole(6, 5), whole(6, 5, over=16.0), whole(6, 5, over=8.0))
SCORES, OTHERS, SOURCE = whole(6, low=0), whole(6, low=0, over=64.0), np.array([0, 0, 1, 1, 2, 2])
SAME, MASK = np.array([True, False] * 3), np.ones((2, 6), bool)
PERSONS, KEY = np.arange(6), jax.random.key(0)
WEIGHTS = whole(4, 3, low=1, high=3, over=1.0)  # of three clusters, in four resamples
POINTS = np.rint(landmarks.GENERIC[:, :2] * 8 + 20)
PICTURE, SOFT = whole(12, 12, 3, low=40, high=200, over=1.0), whole(12, 12, low=0)
VOTES, LOGISTIC = np.full(6, 3.0), Logistic(np.float32(2), np.float32(0))
HEAD = Head(np.eye(3), np.array(8.0), np.array([20.0, 20.0]))
LAMP = Lighting(np.array([0.25, -0.25, 0.5]), np.array(0.0))
FACES = {"r": (X, Y)}


def case(*args, **options):
    return types.SimpleNamespace(args=args, options=options)


CASES = {
    "similarity.last_sums": case(X),
    "similarity.length": case(X),
    "similarity.root": case(SCORES),
    "similarity.unit": case(X),
    "similarity.similarity": case(X, Y),
    "similarity.pairwise_similarity": case(X, Y),
    "similarity.masked_similarity": case(X, Y, Z),
    "similarity.cosine": case(X, Y),
    "annotator_masks.mask": case(X),
    "annotator_masks.logits": case(X),
    "losses.cosine_triplet": case(X, Y, Z, margin=SCORES),
    "losses.soft_vote": case(X, Y, Z, np.ones((6, 2)), temperature=np.array(0.5)),
    "losses.annotator_votes": case(X, Y, Z, whole(6, 2, 5, low=0), np.ones((6, 2), int), temperature=np.array(0.5)),
    "losses.odd_one_out": case(X, Y, Z, temperature=np.array(0.5)),
    "losses.arcface": case(X, Y, PERSONS, margin=np.array(0.5), scale=np.array(8.0)),
    "groups.distances": case(X, Y),
    "groups.group_distances": case(whole(3, 6, low=0), where=MASK, rule=Rule.SPREAD_LIMIT, factor=np.array(2.0)),
    "groups.classify": case(whole(3, 6, low=0), where=MASK, rule=Rule.PERCENTILE, abstain=True),
    "groups.check_distances": case(X, queries=list("abcdef"), members=list("abcde")),
    "metrics.calibration.fit_logistic": case(SCORES, VOTES / 3, VOTES),
    "metrics.calibration.vote_log_likelihood": case(SCORES, VOTES / 3, VOTES, LOGISTIC),
    "metrics.calibration.calibration": case(SCORES, VOTES / 3, VOTES, LOGISTIC),
    "metrics.calibration_uncertainty.perfect_errors": case(SCORES, VOTES, LOGISTIC, draws=5),
    "metrics.calibration_uncertainty.reliability_intervals": case(SCORES, VOTES / 3, VOTES, LOGISTIC, SOURCE),
    "metrics.human_agreement.bapps_ceiling": case(SCORES),
    "metrics.triplets.triplet_scores": case(X, Y, Z),
    "metrics.triplets.pair_scores": case(SCORES, OTHERS),
    "metrics.triplets.triplet_accuracy": case(X, Y, Z),
    "metrics.triplets.soft_scores": case(SCORES, OTHERS),
    "metrics.triplets.odd_one_out_scores": case(X, Y, Z, np.zeros(6, int)),
    "selection.ranking.least_similar": case(X, Y, k=2),
    "selection.ranking.most_similar": case(X, Y, k=2),
    "selection.ranking.least_similar_diverse": case(X, Y, k=2, max_similarity=np.array(0.5)),
    "selection.ranking.similarity_band": case(X, Y, low=0.1, high=0.9),
    "selection.ranking.random_choice": case(KEY, X, Y, k=2),
    "selection.blocks.lowest": case(X, k=2),
    "selection.blocks.lower": case(Lowest(np.full((5, 2), 0.5), np.full((5, 2), 7)), X, start=0),
    "selection.cosines.cosines": case(X, Y),
    "selection.streaming.merge": case(*[Selection(np.arange(6)[None], SCORES[None])] * 2, k=2),
    "selection.streaming.least_similar_streaming": case(X, Y, k=2, chunk=4),
    "verification.verification_accuracy": case(SCORES, SAME, folds=2),
    "verification.threshold_at": case(SCORES, SAME, false_accept_rate=0.5),
    "verification.true_accept_rate": case(SCORES, SAME, false_accept_rate=0.5),
    "verification.roc": case(SCORES, SAME),
    "verification.equal_error_rate": case(SCORES, SAME),
    "classification.classification_report": case(
        SOURCE, SOURCE[::-1], whole(6, 3, low=0), ["a", "b", "c"], resamples=10
    ),
    "privacy.adaptive_attack.adaptive_attack": case(*MANY, folds=2, false_accept_rate=0.3, resamples=5),
    "naturalness.auc.auc": case(SCORES, OTHERS),
    "naturalness.auc.auc_estimate": case(SCORES, OTHERS, SOURCE, SOURCE, resamples=10),
    "privacy.arguments.directions": case(X, "vectors"),
    "privacy.arguments.scores": case(SCORES, "scores"),
    "privacy.equal_errors.equal_error": case(SCORES, impostors=Y, resamples=5),
    "privacy.equal_errors.false_accepts": case(SCORES, Y),
    "privacy.gaps.largest_gap": case(SCORES, ["a", "b"] * 3, resamples=5),
    "privacy.identification.ranks": case(X, Y),
    "privacy.pairs.paired_similarity": case(X, Y),
    "privacy.pairs.impostor_pairs": case(X),
    "privacy.pairs.genuine_pairs": case(X, SOURCE),
    "privacy.recognizer_tables.recognizer_table": case(FACES, persons=PERSONS, false_accept_rate=0.3, resamples=5),
    "privacy.shares.is_protected": case(SCORES, 0.3),
    "privacy.shares.protection_success": case(SCORES, 0.3, resamples=5),
    "privacy.shares.share": case(SCORES, resamples=5),
    "privacy.thresholds.match_threshold": case(X, false_accept_rate=0.3, resamples=5),
    "fidelity.expression.frontal_outline": case(POINTS),
    "fidelity.expression.measure_expression": case(POINTS),
    "fidelity.expression.expression_distance": case(POINTS, POINTS + 1),
    "fidelity.faces.check_mask": case(SOFT, PICTURE),
    "fidelity.lighting.fit_lighting": case(PICTURE, POINTS, where=SOFT),
    "fidelity.lighting.light_direction": case(LAMP),
    "fidelity.lighting.light_angle": case(LAMP, LAMP),
    "fidelity.lighting.relight": case(PICTURE, LAMP, POINTS, where=SOFT, strength=np.array(0.5)),
    "fidelity.pose.head_pose": case(POINTS),
    "fidelity.pose.pose_error": case(POINTS, POINTS + 1),
    "fidelity.pose.fit_head": case(POINTS),
    "fidelity.pose.rotation_of": case(Pose(*SCORES[:3])),
    "fidelity.pose.pose_of": case(np.eye(3)),
    "fidelity.quality.l1": case(PICTURE, PICTURE + 1),
    "fidelity.quality.rmse": case(PICTURE, PICTURE + 1),
    "fidelity.quality.psnr": case(PICTURE, PICTURE + 1),
    "fidelity.quality.ssim": case(PICTURE, PICTURE + 1),
    "fidelity.quality.perceptual_loss": case(PICTURE, PICTURE + 1, Regions(*[SOFT] * 5)),
    "fidelity.regions.landmark_regions": case(POINTS, 12),
    "fidelity.regions.face_region": case(POINTS, 12),
    "fidelity.skin.skin_color": case(PICTURE, SOFT),
    "fidelity.skin.individual_typology_angle": case(X[:, :3]),
    "fidelity.skin.skin_difference": case(PICTURE, PICTURE + 1, SOFT),
    "fidelity.skin.match_skin_color": case(PICTURE, PICTURE + 1, SOFT, strength=np.array(0.5)),
    "fidelity.surface.height": case(SCORES, OTHERS),
    "fidelity.surface.normals": case(SCORES, OTHERS),
    "fidelity.surface.project": case(SCORES, OTHERS, HEAD, POINTS),
    "fidelity.surface.over_pixels": case(HEAD, POINTS, (4, 4)),
    "statistics.heterogeneity.cochran_q": case(
        np.array([[0, 1, 1]] * 3 + [[1, 0, -1]] * 3),
        np.arange(18).reshape(6, 3) % 4,
        whole(6, 1),
        given=np.ones((6, 1)),
    ),
    "statistics.arguments.floats": case(SCORES, "scores"),
    "statistics.cluster_bootstrap.cluster_interval": case(KEY, SCORES, SOURCE, resamples=5),
    "statistics.cluster_bootstrap.bootstrap_means": case(KEY, SCORES, SOURCE, resamples=5),
    "statistics.cluster_bootstrap.percentiles": case(SCORES, 0.95, np.array(3)),
    "statistics.cluster_bootstrap.fewest": case(OTHERS),
    "statistics.cluster_ids.checked": case(SCORES, [SOURCE], None),
    "statistics.cluster_ids.sums_by": case(SCORES, SOURCE),
    "statistics.cluster_robust.robust_mean": case(SCORES, SOURCE, SOURCE[::-1]),
    "statistics.cluster_robust.robust_interval": case(SCORES, SOURCE),
    "statistics.cluster_robust.centered": case(SCORES, SAME),
    "statistics.score_intervals.score_interval": case(SCORES, SOURCE),
    "statistics.student.quantile": case(VOTES, 0.95),
    "statistics.student.two_sided_p": case(SCORES, VOTES),
    "statistics.student.one_sided_p": case(SCORES, VOTES),
    "statistics.student.expanded_tail": case(VOTES, 0.95),
    "statistics.student.expanded_p": case(OTHERS, VOTES),
    "statistics.cluster_bootstrap.cluster_sums": case(SCORES, SOURCE),
    "statistics.cluster_bootstrap.resampled_means": case(KEY, SCORES, OTHERS, resamples=5),
    "statistics.cluster_bootstrap.weighted_means": case(SCORES, OTHERS, whole(6, 4, low=1)),
    "statistics.estimates.percentile_interval": case(SCORES),
    "statistics.estimates.percentile_estimate": case(0.5, SCORES),
    "statistics.paired_tests.paired_bootstrap": case(KEY, SCORES, OTHERS, SOURCE, resamples=5),
    "statistics.paired_tests.robust_test": case(SCORES, OTHERS, SOURCE),
    "statistics.paired_tests.equivalence_test": case(SCORES, OTHERS, SOURCE, margin=0.1),
    "statistics.paired_tests.sign_flip_test": case(KEY, SCORES, OTHERS, SOURCE, resamples=5),
    "statistics.paired_tests.mcnemar": case(SAME.astype(float), np.roll(SAME, 1).astype(float)),
    "statistics.multiple.holm": case(SCORES),
    "statistics.resampling.sum_by": case(X, SOURCE, 3),
    "statistics.resampling.ratio": case(SCORES, OTHERS),
    "statistics.resampling.divide": case(SCORES, OTHERS),
    "statistics.shares.share_of": case(SCORES, SOURCE, WEIGHTS),
    "statistics.shares.mean_of": case(SCORES, SOURCE, WEIGHTS),
    "statistics.agreement.spearman_brown": case(SCORES, OTHERS),
    "precision.widen": case("numbers", SCORES, OTHERS),
    "similarity_scale.background.different_people": case(X, SOURCE),
    "similarity_scale.robust.robust_errors": case(SCORES, SOURCE),
    "similarity_scale.slope.fit_slope": case(np.stack([SCORES, OTHERS], axis=-1), SAME, VOTES, SOURCE, SOURCE[::-1]),
}
HOST_ROOMS = ("verification", "classification", "privacy", "similarity_scale", "naturalness")
HOST_FILES = ("agreement", "calibration_uncertainty", "estimates", "heterogeneity", "multiple", "resampling", "shares")
HOST = {
    "groups.check_distances", "selection.streaming.least_similar_streaming", "statistics.paired_tests.mcnemar",
    *(name for name in CASES if name.split(".")[0] in HOST_ROOMS),
    *(name for name in CASES if name.split(".")[1] in HOST_FILES),
}  # fmt: skip
PICTURES = {  # float32 throughout
    *(name for name in CASES if name.split(".")[1] in ("quality", "regions", "skin", "lighting", "faces")),
} - {"fidelity.lighting.light_direction", "fidelity.lighting.light_angle", "fidelity.skin.individual_typology_angle"}
AS_GIVEN = {"fidelity.lighting.relight", "fidelity.skin.match_skin_color"}  # pictures come back in their dtype
WITHOUT = {
    "metrics.achievable_accuracy.achievable_accuracy": "counts",
    "metrics.calibration_uncertainty.calibration_reference": "float64 inside the package",
    "statistics.beta_binomial.cell_chances": "float64 inside the package",
    "statistics.beta_binomial.fit_beta_binomial": "counts",
    "statistics.variance_components.variance_components": "float64 inside the package",
    "statistics.pilot.effects": "float64 inside the package",
    "statistics.planning.robust_mean": "float32 inside the package",
    "statistics.mixtures.bounds": "float64 inside the package",
    "statistics.mixtures.nearest_mixture": "float64 inside the package",
    "selection.ranking.check_embeddings": "looks at dtypes and shapes",
    "verification.lowest_threshold": "float64 inside the package",
    "verification.crossing": "float64 inside the package",
    "privacy.identification.people_of": "persons are integers or names",
    "privacy.identification.ranks_of": "float64 inside the package",
    "naturalness.network.crops": "float32 inside the package",
    "privacy.arguments.numbered": "persons are integers or names",
    "privacy.gaps.gap_of": "names and a function",
    "privacy.gaps.group_names": "names",
    "privacy.gaps.groups_of": "names",
    "privacy.identification.cumulative_match": "integer ranks",
    "privacy.pairs.weight_of_pairs": "counts, float64 inside the package",
    "privacy.thresholds.independent_threshold": "as threshold_at, on many pairs",
    "fidelity.faces.each": "applies a function",
    "statistics.cluster_ids.numbered": "refuses floating numbers",
    "statistics.arguments.integers": "refuses floating numbers",
    "statistics.arguments.mask": "a mask",
    "statistics.arguments.same_shape": "looks at shapes",
    "precision.option": "casts to another array",
    "similarity_scale.background.projected": "float64 inside the package",
}


def takes_floats(hint) -> bool:
    """Whether a type holds arrays that may be floating: `Float`, `Num`, `Shaped` and unions of them."""
    dtypes = getattr(hint, "dtypes", ())
    floating = not isinstance(dtypes, list | tuple) or bool(set(dtypes) & FLOATING)
    return floating or any(map(takes_floats, typing.get_args(hint)))


def functions():
    """Name -> public function of these rooms, for those with an argument that may be floating."""
    before, test_types.ROOMS = test_types.ROOMS, ROOMS
    try:
        found = {one.id.removeprefix("perface_jax."): one.values[0] for one in test_types._functions()}
    finally:
        test_types.ROOMS = before
    for name, function in found.items():
        hints = typing.get_type_hints(function, include_extras=True)
        hints.pop("return", None)
        if name in CASES or any(map(takes_floats, hints.values())):
            yield name, function


FUNCTIONS = dict(functions())


def test_every_public_function_that_takes_floats_has_a_case():
    listed = CASES.keys() | WITHOUT.keys()
    assert sorted(FUNCTIONS.keys() - listed) == [], "add a case to CASES, or a reason to WITHOUT"
    assert sorted(listed - FUNCTIONS.keys()) == [], "no such function"


def split(one, *dtypes):
    """The floating arrays of a case, cast to the dtypes in turn, and a call with other arrays in their place."""
    leaves, tree = jax.tree.flatten((one.args, one.options), is_leaf=lambda x: isinstance(x, str))
    places = [i for i, x in enumerate(leaves) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
    cast = [leaves[place].astype(jnp.dtype(dtypes[i % len(dtypes)])) for i, place in enumerate(places)]

    def call(function, arrays):
        filled = list(leaves)
        for place, x in zip(places, arrays, strict=True):
            filled[place] = x
        args, options = jax.tree.unflatten(tree, filled)
        return function(*args, **options)

    return cast, call


def touches(jaxpr):
    """The primitives that compute with half precision."""
    for equation in jaxpr.eqns:
        inner = [x for x in jax.tree.leaves(list(equation.params.values()), is_leaf=is_program) if is_program(x)]
        if inner:
            for one in inner:
                yield from touches(getattr(one, "jaxpr", one))
        elif equation.primitive.name not in MOVES and any(str(x.aval.dtype) in HALF for x in equation.invars):
            yield equation.primitive.name


def is_program(x) -> bool:
    return hasattr(x, "eqns") or hasattr(x, "jaxpr")


def floating(tree) -> list[str]:
    """The dtypes of the floating arrays in a result."""
    return [str(x.dtype) for x in jax.tree.leaves(tree) if hasattr(x, "dtype") and precision.is_floating(x.dtype)]


@pytest.mark.parametrize("name", sorted(CASES.keys() - HOST))
def test_traceable_functions_compute_and_return_what_is_documented(name):
    several = [[*HALF, "float32"]] + [["float64"], ["float64", *HALF]] * (name not in PICTURES)
    for dtypes in ([HALF[0]], [HALF[1]], ["float32"], *several):
        with jax.enable_x64("float64" in dtypes):
            arrays, call = split(CASES[name], *dtypes)
            program = jax.make_jaxpr(functools.partial(call, FUNCTIONS[name]))(arrays)
        assert not list(touches(program.jaxpr)), dtypes
        wanted = {dtypes[0] if name in AS_GIVEN else "float64" if "float64" in dtypes else "float32"}
        assert set(floating(program.out_avals)) <= wanted, dtypes


@pytest.mark.parametrize("name", sorted(HOST))
def test_host_functions_give_the_answer_of_the_same_numbers(name):
    arrays, call = split(CASES[name], "float32")
    wanted = jax.tree.leaves(call(FUNCTIONS[name], arrays))
    for dtypes in ([HALF[0]], [HALF[1]], ["float64"], ["bfloat16", "float32", "float64"]):
        arrays, call = split(CASES[name], *dtypes)
        found = jax.tree.leaves(call(FUNCTIONS[name], arrays))
        for one, other in zip(found, wanted, strict=True):
            if not callable(one) and not isinstance(one, str):
                np.testing.assert_array_equal(one, other)
    assert set(floating(found)) <= {"float32" if "streaming" in name else "float64"}


def test_half_precision_that_is_not_widened_is_found():
    program = jax.make_jaxpr(jax.jit(lambda x: (x[1:] - x[:-1]).astype(jnp.float32)))(jnp.ones(3, jnp.bfloat16))
    assert list(touches(program.jaxpr)) == ["sub"]


@pytest.mark.parametrize("dtype", HALF)
def test_the_cosine_of_a_vector_with_itself_is_one_up_to_float32(dtype):
    vectors = jnp.asarray(np.random.default_rng(0).normal(size=(50, 512)), dtype)
    np.testing.assert_allclose(similarity(vectors, vectors), 1, rtol=0, atol=1e-6)


def test_a_large_gallery_in_half_precision_is_widened_block_by_block(monkeypatch):
    whole_at_once = least_similar(X.astype(np.float16), Y.astype(np.float16), k=3)
    monkeypatch.setattr(ranking, "ROWS", 4)
    found = least_similar(X.astype(np.float16), Y.astype(np.float16), k=3)
    np.testing.assert_array_equal(found.index, whole_at_once.index)
    np.testing.assert_allclose(found.similarity, whole_at_once.similarity, rtol=1e-6)
    program = jax.make_jaxpr(functools.partial(least_similar, k=3))(
        jnp.ones((1, 8), "float16"), jnp.ones((12, 8), "float16")
    )
    assert "f32[12,8]" not in str(program)
