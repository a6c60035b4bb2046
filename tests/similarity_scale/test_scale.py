"""p of a cosine from its parts, what is extrapolated, and the file."""

import json

import numpy as np
import pytest

from perface_jax import similarity_scale
from tests.similarity_scale.simulation import people, votes


@pytest.fixture(scope="module")
def parts():
    return similarity_scale.different_people(*people(5)), similarity_scale.fit_slope(*votes(5), origin="votes")


@pytest.fixture(scope="module")
def scale(parts):
    return similarity_scale.fit(*parts, model="0123", crop="arcface", origin="faces", made=(("date", "today"),))


def test_p_is_the_mean_over_the_background(parts, scale):
    pairs, slope = parts
    for cosine in (-1, -0.2, 0.1, 0.33, 0.6, 1):
        wanted = np.mean(1 / (1 + np.exp(-slope.value.value * (cosine - pairs.cosine))))
        found = similarity_scale.probability(scale, cosine)
        assert found.value == pytest.approx(wanted, abs=2e-4)
        assert found.low < found.value < found.high
    assert similarity_scale.probability(scale, 5) == similarity_scale.probability(scale, 1)


def test_the_interval_is_that_of_persons_left_out_and_of_the_slope(parts, scale):
    """The delete-one-person jackknife is another estimate of the variance of the background's part."""
    pairs, slope = parts
    sure = slope._replace(error=0.0)
    found = similarity_scale.curve(pairs, sure)
    place = int(np.argmin(np.abs(found.cosine - 0.3)))
    odds, person = [], pairs.clusters[0]
    for one in np.unique(person):
        without = (person[pairs.first] != one) & (person[pairs.second] != one)
        p = np.mean(1 / (1 + np.exp(-slope.value.value * (found.cosine[place] - pairs.cosine[without]))))
        odds.append(np.log(p / (1 - p)))
    jackknife = np.sqrt((len(odds) - 1) * np.var(odds))
    half = (found.high - found.low)[place] / 2
    assert half == pytest.approx(2.13145 * jackknife, rel=0.15)  # t of 15, the fewer of people and targets
    step = 1e-3
    more = similarity_scale.curve(pairs, sure._replace(value=sure.value._replace(value=slope.value.value + step)))
    both = similarity_scale.curve(pairs, slope)
    wanted = np.hypot(half / 2.13145, (more.log_odds - found.log_odds)[place] / step * slope.error)
    assert (both.high - both.low)[place] / 2 == pytest.approx(2.13145 * wanted, rel=1e-3)


def test_a_steep_slope_stays_finite(parts):
    pairs, slope = parts
    steep = similarity_scale.curve(pairs, slope._replace(value=slope.value._replace(value=5000.0), error=100.0))
    assert np.isfinite(np.stack(steep)).all()
    assert (np.diff(steep.log_odds) >= -1e-9).all()


def test_what_no_vote_was_on_is_extrapolated(scale):
    middle = float(np.median(scale.background.quantiles))
    narrow = scale._replace(slope=scale.slope._replace(widest=0.2, lowest=-0.5, highest=0.9))
    assert not similarity_scale.extrapolates(narrow, middle + 0.1)
    assert similarity_scale.extrapolates(narrow, middle + 0.3)
    assert similarity_scale.extrapolates(narrow._replace(slope=narrow.slope._replace(widest=2.0)), 0.95)
    assert not similarity_scale.extrapolates(narrow._replace(slope=None), 0.95)


def test_what_is_missing_is_none_and_says_why(parts):
    alone = similarity_scale.fit(parts[0], "no probability: no votes", model="", crop="arcface")
    assert similarity_scale.probability(alone, 0.5) is None
    assert similarity_scale.share_below(alone, 5.0).value == 1
    assert alone.missing == ("no probability: no votes",)
    assert similarity_scale.share_below(alone._replace(background=None), 0.5) is None


def test_a_scale_comes_back_from_its_file_as_it_was(scale, tmp_path):
    assert similarity_scale.read(tmp_path) is None
    empty = scale._replace(background=None, slope=None, curve=None, missing=("why",))
    for one in (scale, empty):
        similarity_scale.write(tmp_path, one)
        back = similarity_scale.read(tmp_path)
        for name, value in one._asdict().items():
            np.testing.assert_equal(getattr(back, name), value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record | {"format": 9}, "format 9, wanted 1"),
        (lambda record: {name: value for name, value in record.items() if name != "slope"}, "no 'slope'"),
        (lambda record: record | {"model": 5}, "5 is not a text"),
        (lambda record: record | {"slope": record["slope"] | {"votes": "many"}}, "'many' is not a whole number"),
        (lambda record: record | {"background": record["background"] | {"quantiles": [1, 2]}}, "2 numbers in"),
        (lambda record: record | {"curve": record["curve"] | {"cosine": [*"abc"]}}, "'a' is not a number"),
        (lambda record: [record], "a field of another kind"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_one_line(scale, tmp_path, change, message):
    file = similarity_scale.write(tmp_path, scale)
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(ValueError, match=message) as refused:
        similarity_scale.read(tmp_path)
    assert "\n" not in str(refused.value)
    assert "`perface scale`" in str(refused.value)
    file.write_text("{")
    with pytest.raises(ValueError, match=r"scale.json is damaged"):
        similarity_scale.read(tmp_path)
