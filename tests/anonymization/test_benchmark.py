"""The rows of the benchmark and their tables: the numbers of `privacy`, and none for a pair without vectors."""

import numpy as np
import pytest

from perface_jax import privacy
from perface_jax.anonymization import benchmark, sections, summaries
from perface_jax.anonymization.embedders import Embedders
from perface_jax.anonymization.methods import Method
from perface_jax.anonymization.preservation import MEASURES
from perface_jax.datasets.portraits import Portraits
from perface_jax.statistics.estimates import UNKNOWN
from tests.figure_checks import labeled

COUNT = 60
RATE = 0.01
SEX = np.repeat(["female", "male"], COUNT // 2)
TITLES = [(method, measure) for method in ("ours", "plain") for measure in MEASURES]
AGE = np.array(["few"] * 6 + ["older", "young"] * 26 + ["", ""])


class Given:
    """Vectors that are given, of originals and methods by name; of new pictures those of the method `plain`."""

    def __init__(self, vectors, *, embeds_new_pictures=True):
        self.vectors, self.embeds_new_pictures = vectors, embeds_new_pictures

    def embed(self, pictures, points, *, role=None, names=()):
        return self.vectors[role or "plain"]


def faces():
    """As many faces as there are originals, black and named by their numbers."""
    pictures, points = np.zeros((COUNT, 4, 4, 3), np.uint8), np.zeros((COUNT, 5, 2), np.float32)
    names = tuple(map(str, range(COUNT)))
    return Portraits(names, pictures, points, True, np.zeros((COUNT, 3)), np.full((COUNT, 2), 4))


@pytest.fixture(scope="module")
def vectors():
    """Of the perceptual model and of one recognizer: `ours` protects men, `plain` protects nobody."""
    random = np.random.default_rng(0)
    originals, noise = random.normal(size=(2, COUNT, 24)).astype(np.float32)
    ours = np.where((SEX == "male")[:, None], noise, originals + 0.6 * noise)
    return {"originals": originals, "ours": ours, "plain": originals + 0.3 * noise}


@pytest.fixture(scope="module")
def found(vectors):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "measure", lambda *_: {})
        patch.setattr(benchmark, "no_contours", lambda *_: "no landmarks of the results")
        methods = {"ours": Method(faces(), np.arange(COUNT), False), "plain": Method(faces(), np.arange(COUNT), True)}
        files = Given(vectors, embeds_new_pictures=False)
        embedders = Embedders(Given(vectors), {"r50": Given(vectors), "files": files})
        options = {"attributes": {"sex": SEX, "age": AGE}, "false_accept_rate": RATE}
        return benchmark.benchmark(faces(), methods, embedders, **options)


def _lines(section):
    """Lines of the network as column -> cell."""
    lines = [dict(zip(section.table.columns, line, strict=True)) for line in section.table.lines]
    return [line for line in lines if line["recognizer"] == "r50"]


def _value(cell):
    return float(cell.split()[0])


def test_only_a_pair_of_a_method_and_a_recognizer_that_embeds_it_has_rows_points_and_curves(found):
    pairs = [("ours", "r50"), ("ours", "files"), ("plain", "r50")]
    assert [(row.method, row.matched.recognizer) for row in found.overall()] == pairs
    assert {(row.method, row.matched.recognizer) for row in found.of_groups()} == set(pairs)
    assert [(method, name) for method, scores in found.scores.items() for name in scores.matched] == pairs
    assert {(gap.method, gap.recognizer) for gap in found.gaps} == {*pairs, ("ours", None), ("plain", None)}
    of_two, of_one = (row for row in found.overall() if row.method == "ours")
    assert of_two.perceived == of_one.perceived


def test_without_a_perceptual_model_there_is_no_perceived_similarity_and_no_scatter(vectors, monkeypatch):
    monkeypatch.setattr(benchmark, "measure", lambda *_: {})
    monkeypatch.setattr(benchmark, "no_contours", lambda *_: "none")
    embedders = Embedders(None, {"r50": Given(vectors)})
    methods = {"ours": Method(faces(), np.arange(COUNT), False)}
    found = benchmark.benchmark(faces(), methods, embedders, attributes={"sex": SEX}, false_accept_rate=RATE)
    assert [row.perceived for row in found.rows] == 3 * [None]
    assert "perceived" not in {gap.measure for gap in found.gaps}
    section = sections.both_axes(found, faces(), methods)
    assert _lines(section)[0]["perceived"] == ""
    assert len(section.figures) == 1  # the sheet


def test_equal_error_true_accepts_and_ranks_are_those_of_privacy(found, vectors):
    ours, plain = _lines(sections.recognizer_matches(found))
    assert (ours["method"], plain["method"], ours["recognizer"]) == ("ours", "plain", "r50")
    (row,) = privacy.recognizer_table({"r50": (vectors["originals"], vectors["ours"])}, false_accept_rate=RATE).rows
    similarity = privacy.paired_similarity(vectors["originals"], vectors["ours"])
    impostors = privacy.impostor_pairs(vectors["originals"]).similarity
    both, same = np.concatenate([similarity, impostors]), np.arange(COUNT + len(impostors)) < COUNT
    assert _value(ours["EER"]) == pytest.approx(privacy.equal_error_rate(both, same), abs=5e-4)
    true = privacy.true_accept_rate(both, same, false_accept_rate=RATE)
    assert _value(ours["TAR at FAR 0.01"]) == pytest.approx(true, abs=5e-4)
    assert ours["TAR at FAR 0.01"] == f"{true:.3f} [{1 - row.protected.high:.3f}, {1 - row.protected.low:.3f}]"
    ranks = privacy.cumulative_match(privacy.ranks(vectors["ours"], vectors["originals"]), most=20)
    for rank in (1, 5, 20):
        wanted = ranks[rank - 1]
        assert ours[f"rank {rank}"] == f"{wanted.value:.3f} [{wanted.low:.3f}, {wanted.high:.3f}]"


def test_every_rank_with_its_interval_is_in_the_rows_and_in_the_figure(found):
    section = sections.recognizer_matches(found)
    rows = [row for row in section.rows if row.recognizer == "r50"]
    assert [(row.method, row.rank) for row in rows] == [(m, k) for m in ("ours", "plain") for k in range(1, 21)]
    roc, ranks = (picture.figure for picture in section.figures)
    drawn = labeled(ranks.axes[0])["ours"].get_ydata()
    np.testing.assert_array_equal(drawn, [row.found.value for row in rows if row.method == "ours"])
    assert {"ours", "plain", "false accept rate 0.01"} <= set(labeled(roc.axes[0]))


def test_both_axes_leave_the_equal_error_rate_to_its_table_and_show_originals_that_have_results(found):
    measures = [benchmark.PreservationRow(*title, UNKNOWN, 0, 0, COUNT, "none") for title in TITLES]
    methods = {"ours": Method(faces(), np.arange(40, COUNT), False)}  # none of the first six
    section = sections.both_axes(found._replace(preservation=measures), faces(), methods)
    assert "EER" not in section.table.columns
    (panel,) = section.figures[1].figure.axes
    assert [text.get_text() for text in panel.texts if text.get_text().isdigit()] == [*map(str, range(40, 46))]


def test_the_learned_attack_is_that_of_privacy_beside_the_fixed_recognizer(found, vectors):
    section = sections.learned_attacks(found)
    assert [line[:2] for line in section.table.lines] == [
        ("ours", "r50"), ("ours", "files"), ("ours", "perceptual model"),
        ("plain", "r50"), ("plain", "perceptual model"),
    ]  # fmt: skip
    wanted = privacy.adaptive_attack(vectors["ours"], vectors["originals"], false_accept_rate=RATE)
    assert found.attack_of("ours", "r50").attack == wanted
    learned, fixed = wanted.learned.re_identified, wanted.fixed.re_identified
    line = dict(zip(section.table.columns, section.table.lines[0], strict=True))
    assert line["Re-ID, learned"] == f"{learned.value:.3f} [{learned.low:.3f}, {learned.high:.3f}]"
    assert line["Re-ID, fixed"] == f"{fixed.value:.3f} [{fixed.low:.3f}, {fixed.high:.3f}]"
    shown = summaries.benchmark_summary(found)
    assert summaries.Score("learned Re-ID", "ours", *learned) in shown.scores


def test_few_persons_cannot_be_attacked_and_the_column_says_so(found):
    few = found._replace(attacks=[row._replace(attack=None, persons=4) for row in found.attacks])
    assert sections.learned_attacks(few) is None
    measures = [benchmark.PreservationRow(*title, UNKNOWN, 0, 0, COUNT, "none") for title in TITLES]
    methods = {"ours": Method(faces(), np.arange(COUNT), False)}
    section = sections.both_axes(few._replace(preservation=measures), faces(), methods)
    assert _lines(section)[0]["learned Re-ID"] == "n/a: 4 persons"


def test_groups_have_every_measure_with_its_interval(found, vectors):
    lines = _lines(sections.group_gaps(found))
    women = next(line for line in lines if (line["method"], line["group"]) == ("ours", "female"))
    there = SEX == "female"
    within = privacy.found_within(privacy.ranks(vectors["ours"], vectors["originals"]), k=1)
    share = privacy.share(within[there])
    assert women["Re-ID"] == f"{share.value:.3f} [{share.low:.3f}, {share.high:.3f}]"
    felt = privacy.paired_similarity(vectors["originals"], vectors["ours"])[there].mean()
    assert _value(women["perceived"]) == pytest.approx(felt, abs=5e-4)
    assert all("[" in women[column] for column in ("similarity", "protected", "Re-ID", "EER", "perceived"))
    groups = [line["group"] for line in lines if (line["method"], line["attribute"]) == ("ours", "age")]
    assert groups == [
        "few",
        "older",
        "young",
        "largest gap (p)",
        "gap by chance",
    ]  # the empty name is no group


def test_the_largest_gap_of_every_measure_is_below_its_groups(found):
    lines = [
        line for line in _lines(sections.group_gaps(found)) if (line["method"], line["attribute"]) == ("ours", "sex")
    ]
    women, men, gap, chance = lines
    assert gap["group"] == "largest gap (p)"
    for column in ("protected", "Re-ID", "EER", "perceived"):
        difference = abs(_value(women[column]) - _value(men[column]))
        assert _value(gap[column]) == pytest.approx(difference, abs=1.1e-3)
        assert float(gap[column].split("(")[1][:-1]) <= 0.001  # men are protected, women are not
        assert _value(chance[column]) < _value(gap[column])
        assert "[" in chance[column]


def test_a_group_of_few_persons_has_a_reason_instead_of_an_equal_error_rate(found):
    section = sections.group_gaps(found)
    few = next(line for line in _lines(section) if line["group"] == "few")
    assert few["EER"] == "n/a: 6 persons"
    gaps = [row for row in section.rows if isinstance(row, benchmark.GapRow)]
    measures = [(gap.attribute, gap.measure) for gap in gaps if (gap.method, gap.recognizer) == ("ours", "r50")]
    assert measures == [(one, m) for one in ("sex", "age") for m in ("protected", "re_identified", "equal_error")]


def test_without_groups_there_is_no_table(found):
    alone = found._replace(rows=found.overall())
    assert sections.group_gaps(alone) is None
