import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn import metrics

from perface_jax.classification import Drawn, classification_report, confusion_scores, top1_gain
from perface_jax.groups import classify

# Table 4 of the paper, with the slips of its print put right: precision, recall, accuracy and AUC of each class.
# A binary task has one accuracy and one AUC.
TABLE_4 = {
    "male, female, before": (500, [(0.930, 0.936, 0.933, 0.933), (0.936, 0.930, 0.933, 0.933)]),
    "young, older, before": (500, [(0.829, 0.812, 0.822, 0.822), (0.816, 0.832, 0.822, 0.822)]),
    "four groups, before": (
        250,
        [
            (0.698, 0.812, 0.865, 0.847),
            (0.807, 0.652, 0.874, 0.800),
            (0.801, 0.788, 0.898, 0.861),
            (0.770, 0.804, 0.891, 0.862),
        ],
    ),
    "male, female, after": (500, [(0.959, 0.972, 0.965, 0.965), (0.972, 0.958, 0.965, 0.965)]),
    "young, older, after": (500, [(0.871, 0.754, 0.821, 0.821), (0.783, 0.888, 0.821, 0.821)]),
    "four groups, after": (
        250,
        [
            (0.716, 0.856, 0.879, 0.871),
            (0.822, 0.664, 0.880, 0.808),
            (0.872, 0.788, 0.918, 0.875),
            (0.791, 0.864, 0.909, 0.894),
        ],
    ),
}
HALF = 0.0005 + 1e-9  # what a printed number may be off

# Six queries of three classes; the fourth abstained. Chosen: 0 once rightly and once wrongly, 1 twice rightly.
TRUTH = np.array([0, 0, 1, 1, 1, 2])
GROUP = np.array([0, 1, 1, -1, 1, 0])
CONFUSION = [[1, 1, 0, 0], [0, 2, 0, 1], [1, 0, 0, 0]]


def whole_numbers(limit, share, *, of):
    """The n up to `limit` for which `of(n)` prints as `share`."""
    return [n for n in range(1, limit + 1) if abs(of(n) - share) <= HALF]


def counts_of(queries, rows):
    """Right and chosen queries of each class, which precision and recall leave no choice about."""
    found = []
    for precision, recall, *_ in rows:
        (right,) = whole_numbers(queries, recall, of=lambda n: n / queries)
        (chosen,) = whole_numbers(1000, precision, of=lambda n, right=right: right / n)
        found.append((right, chosen))
    return np.transpose(found)


def confusion_of(queries, rows, *, most=0):
    """A confusion matrix with these counts, of all there are one with the largest sum of cells in column `most`."""
    right, chosen = counts_of(queries, rows)
    classes = len(rows)
    sums = np.concatenate(
        [np.kron(np.eye(classes), np.ones(classes)), np.kron(np.ones(classes), np.eye(classes))]
        + [np.eye(classes * classes)[:: classes + 1]]
    )
    cells = -np.arange(classes * classes) * (np.arange(classes * classes) % classes == most)
    solution = linprog(cells, A_eq=sums, b_eq=np.concatenate([np.full(classes, queries), chosen, right]))
    return np.rint(solution.x).astype(int).reshape(classes, classes)


def queries_of(confusion):
    """Truth and choice of each query."""
    return np.repeat(np.stack(np.nonzero(confusion)), confusion[np.nonzero(confusion)], axis=1)


@pytest.mark.parametrize("task", TABLE_4)
def test_table_4_follows_from_its_precisions_and_recalls(task):
    queries, rows = TABLE_4[task]
    right, chosen = counts_of(queries, rows)
    assert chosen.sum() == 1000  # nobody abstained, and the counts fit one another
    for (precision, recall, accuracy, auc), tp, p in zip(rows, right, chosen, strict=True):
        one_versus_rest = [[tp, queries - tp], [p - tp, 1000 - queries - (p - tp)]]
        scores = [column[0] for column in confusion_scores(one_versus_rest)]
        np.testing.assert_allclose(scores, [precision, recall, accuracy, auc], rtol=0, atol=HALF)


@pytest.mark.parametrize(("task", "top1"), [("four groups, before", 0.764), ("four groups, after", 0.793)])
def test_the_top_1_of_table_4_is_determined_and_its_confusion_matrix_is_not(task, top1):
    queries, rows = TABLE_4[task]
    confusions = [confusion_of(queries, rows, most=column) for column in (0, 3)]
    assert (confusions[0] != confusions[1]).any()
    for confusion in confusions:
        truth, group = queries_of(confusion)
        assert len(truth) == 1000
        report = classification_report(truth, group, 1.0 - np.eye(4)[group], list("abcd"), resamples=50)
        assert report.top1.value == pytest.approx(top1, abs=1e-9)
        scores = [[row.precision, row.recall, row.accuracy, row.balanced_accuracy] for row in report.rows]
        np.testing.assert_allclose(np.array(scores)[..., 0], rows, rtol=0, atol=HALF)


def test_scores_of_counts_are_their_formulas():
    scores = confusion_scores(CONFUSION)
    np.testing.assert_allclose(scores.precision, [1 / 2, 2 / 3, np.nan])
    np.testing.assert_allclose(scores.recall, [1 / 2, 2 / 3, 0])
    # right about class 0: query 0, and those of others that were not taken for it: 2, 3, 4
    np.testing.assert_allclose(scores.accuracy, [4 / 6, 4 / 6, 5 / 6])
    np.testing.assert_allclose(scores.balanced_accuracy, [(1 / 2 + 3 / 4) / 2, (2 / 3 + 2 / 3) / 2, (0 + 1) / 2])


def test_scores_of_many_matrices_are_those_of_each():
    many = np.random.default_rng(0).integers(1, 9, (5, 2, 3, 4))
    for index in np.ndindex(5, 2):
        for all_at_once, one in zip(confusion_scores(many), confusion_scores(many[index]), strict=True):
            np.testing.assert_allclose(all_at_once[index], one)


@pytest.fixture(scope="module")
def four_classes():
    """200 queries near their class with noise: truth, classification."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 4, 200)
    values = random.normal(1, 0.25, (200, 40)) - 0.15 * (np.arange(40) % 4 == truth[:, None])
    where = np.arange(40) % 4 == np.arange(4)[:, None]
    return truth, classify(jnp.asarray(values, jnp.float32), where=jnp.asarray(where))


def test_a_report_agrees_with_scikit_learn(four_classes):
    truth, found = four_classes
    group, distances = np.asarray(found.group), np.asarray(found.distances, np.float64)
    report = classification_report(truth, group, distances, list("abcd"), resamples=10)
    theirs = metrics.classification_report(truth, group, target_names=list("abcd"), output_dict=True)
    assert report.top1.value == pytest.approx(theirs["accuracy"])
    np.testing.assert_array_equal(report.confusion[:, :4], metrics.confusion_matrix(truth, group))
    for i, row in enumerate(report.rows):
        wanted = theirs[row.name]
        assert row.queries == wanted["support"]
        assert row.precision.value == pytest.approx(wanted["precision"])
        assert row.recall.value == pytest.approx(wanted["recall"])
        assert row.accuracy.value == pytest.approx(metrics.accuracy_score(truth == i, group == i))
        assert row.balanced_accuracy.value == pytest.approx(metrics.balanced_accuracy_score(truth == i, group == i))
        score = np.delete(distances, i, axis=1).min(axis=1) - distances[:, i]
        assert row.ranking_auc.value == pytest.approx(metrics.roc_auc_score(truth == i, score))
        assert row.note == ""
    assert report.note == ""


def test_ties_of_the_ranking_count_one_half():
    # margins of class 0: .5, 0, 0, -.5 with queries 0 and 1 of it: (1 + 1 + 1/2 + 1) / 4
    distances = np.array([[0.1, 0.6], [0.3, 0.3], [0.4, 0.4], [0.9, 0.4]])
    report = classification_report(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), distances, ["a", "b"], resamples=10)
    assert report.rows[0].ranking_auc.value == 3.5 / 4
    assert report.rows[0].ranking_auc.value == metrics.roc_auc_score([1, 1, 0, 0], [0.5, 0, 0, -0.5])


def test_intervals_are_those_of_drawing_the_queries_again(four_classes):
    truth, found = four_classes
    group, distances = np.asarray(found.group), np.asarray(found.distances, np.float64)
    report = classification_report(truth, group, distances, list("abcd"), resamples=2000)
    score = np.delete(distances, 1, axis=1).min(axis=1) - distances[:, 1]
    drawn = np.random.default_rng(5).integers(0, 200, (500, 200))
    aucs = [metrics.roc_auc_score(truth[rows] == 1, score[rows]) for rows in drawn]
    recalls = [metrics.recall_score(truth[rows] == 1, group[rows] == 1) for rows in drawn]
    for estimate, values in ((report.rows[1].ranking_auc, aucs), (report.rows[1].recall, recalls)):
        np.testing.assert_allclose(estimate[1:], np.percentile(values, (2.5, 97.5)), atol=0.02)
        assert estimate.low < estimate.value < estimate.high
    assert report == classification_report(truth, group, distances, list("abcd"))._replace(confusion=report.confusion)
    other = classification_report(truth, group, distances, list("abcd"), seed=1)
    assert other.rows[1].ranking_auc.low != report.rows[1].ranking_auc.low


def test_an_abstention_counts_as_wrong_and_is_noted():
    report = classification_report(TRUTH, GROUP, 1.0 - np.eye(3)[GROUP], ["a", "b", "c"], resamples=50)
    np.testing.assert_array_equal(report.confusion, CONFUSION)
    assert (report.top1.value, report.decided.value, report.top1_decided.value) == (3 / 6, 5 / 6, 3 / 5)
    assert report.note == "1 of 6 queries abstained and count as wrong"
    assert [row.note for row in report.rows] == [
        "",
        "1 of its 3 queries abstained and count as wrong",
        "no query assigned to this class: no precision",
    ]
    assert np.isnan(report.rows[2].precision).all()
    assert report.rows[2].recall.value == 0


def test_a_class_without_queries_has_an_accuracy_and_a_reason():
    report = classification_report(np.array([0, 0, 1]), np.array([0, 2, 1]), np.eye(3), ["a", "b", "c"], resamples=50)
    absent = report.rows[2]
    assert absent.note == "no query of this class: only the accuracy exists"
    assert absent.accuracy.value == 2 / 3
    for missing in (absent.precision, absent.recall, absent.balanced_accuracy, absent.ranking_auc):
        assert np.isnan(missing).all()


def test_a_class_with_all_queries_and_only_abstentions_have_reasons():
    report = classification_report(np.zeros(3, int), np.full(3, -1), np.ones((3, 2)), ["a", "b"], resamples=50)
    assert report.rows[0].note == (
        "no query assigned to this class: no precision;"
        " all queries are of this class: no balanced accuracy and no ranking AUC;"
        " 3 of its 3 queries abstained and count as wrong"
    )
    assert report.note == "all 3 queries abstained and count as wrong: no accuracy among the decided"
    assert report.top1.value == 0
    assert np.isnan(report.top1_decided).all()
    assert np.isnan(report.rows[0].balanced_accuracy).all()
    assert np.isnan(report.rows[0].ranking_auc).all()


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 5\)"):
        confusion_scores(np.ones((3, 5)))
    good = (TRUTH, GROUP, np.ones((6, 3)), ["a", "b", "c"])
    for place, wrong, error, message in (
        (0, TRUTH + 0.0, TypeError, "truth is float64"),
        (0, TRUTH[:5], ValueError, r"truth \(5,\)"),
        (0, TRUTH + 1, ValueError, "1 to 3"),
        (1, GROUP - 1, ValueError, "group -2 to 0"),
        (2, np.ones((6, 2)), ValueError, r"distances \(6, 2\) and 3 names"),
        (2, np.where([True, False, True], 1, np.nan) * np.ones((6, 1)), ValueError, "distances to b are NaN"),
        (3, ["a"], ValueError, "1 names"),
    ):
        arguments = list(good)
        arguments[place] = wrong
        with pytest.raises(error, match=message):
            classification_report(*arguments)


def test_a_gain_is_the_difference_of_the_shares_that_are_right():
    truth = np.tile([0, 1], 20)
    right, wrong = truth, 1 - truth
    found = top1_gain(truth, right, wrong, resamples=99)
    assert (found.gain, found.p) == ((1, 1, 1), 2 / 100)
    assert top1_gain(truth, right, right, resamples=99) == ((0, 0, 0), 1)
    half = np.where(np.arange(40) < 20, truth, -1)  # an abstention is wrong
    assert top1_gain(truth, right, half, resamples=99).gain.value == 0.5


def test_drawn_members_widen_an_interval_around_its_value(four_classes):
    truth, found = four_classes
    group, distances = np.asarray(found.group), np.asarray(found.distances, np.float64)
    noise = distances + np.random.default_rng(1).normal(0, 0.05, (300, *distances.shape))  # lower scores on the whole
    drawn = Drawn(np.argmin(noise, axis=-1), noise, 10)
    alone = classification_report(truth, group, distances, list("abcd"), resamples=300)
    both = classification_report(truth, group, distances, list("abcd"), drawn=drawn)
    assert both.top1.value == alone.top1.value
    assert both.top1.high - both.top1.low > 1.1 * (alone.top1.high - alone.top1.low)
    assert both.top1.low < both.top1.value < both.top1.high
    assert both.rows[0].ranking_auc.value == alone.rows[0].ranking_auc.value


def test_no_share_of_queries_is_certain():
    ends = []
    for right in (18, 19, 20):
        group = np.where(np.arange(20) < right, 0, 1)
        report = classification_report(np.zeros(20, int), group, np.zeros((20, 2)), ("a", "b"), resamples=200)
        assert report.rows[0].recall == report.top1
        ends.append(report.top1.low)
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(0.8389, abs=1e-4)
