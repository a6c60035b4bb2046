"""The repair: columns are moved into the order of the pictures, and what votes cannot determine is refused."""

import dataclasses

import numpy as np
import pytest

from perface_jax.annotations import Audit, GridOrder, Kind, Votes, audit, repair
from tests.annotations.test_audits import BY_TARGET, GROUPS, QUICK, votes_of
from tests.simulated_votes import in_order, simulated_cells

CELLS = simulated_cells(np.random.default_rng(1), 24, 24)


@pytest.fixture(scope="module")
def faulty() -> Votes:
    return votes_of(in_order(CELLS, GROUPS, BY_TARGET, GROUPS))


@pytest.fixture(scope="module")
def found(faulty) -> Audit:
    return audit(faulty, **QUICK)


@pytest.mark.parametrize("pictures", [GROUPS, BY_TARGET], ids=lambda order: order.words())
def test_columns_are_moved_into_the_order_of_the_pictures_whichever_it_is(faulty, found, pictures):
    repaired = repair(faulty, found, pictures=pictures)
    np.testing.assert_array_equal(repaired.votes, in_order(CELLS, pictures, pictures, pictures))


def test_pictures_in_an_order_that_no_column_has_are_refused(faulty, found):
    with pytest.raises(ValueError, match="source-major, but no answer column is .*ans2: target-major"):
        repair(faulty, found, pictures=GridOrder(Kind.SOURCE_MAJOR, 24, 24))


def test_a_column_that_is_shifted_is_not_repaired(faulty, found):
    alarm = found.order_alarms[0]
    change = dataclasses.replace(alarm.order, seen=dataclasses.replace(GROUPS, shift=13))
    shifted = dataclasses.replace(found, order_alarms=(alarm._replace(order=change),))
    with pytest.raises(ValueError, match=f"{alarm.column} is .*, 13 rows down .approximately.: .* reorder by hand"):
        repair(faulty, shifted, pictures=GROUPS)


def test_a_file_without_an_alarm_is_not_repaired():
    clean = votes_of(in_order(CELLS, GROUPS, GROUPS, GROUPS))
    assert repair(clean, audit(clean, **QUICK), pictures=BY_TARGET) is clean
