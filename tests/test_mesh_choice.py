"""The mesh of a sweep, by cost: which is chosen, with how many devices, and what it must fit."""

import itertools
import math

import pytest

from perface_jax import mesh_choice
from perface_jax.mesh_choice import Choice, choose, cost

BATCHES = 32, 64


@pytest.mark.parametrize(
    ("replicas", "devices", "all_devices", "wanted"),
    [
        (1, 1, False, (1, 1, 1)),
        (1, 4, False, (1, 4, 1)),
        (1, 8, False, (1, 4, 1)),  # more than four do not pay
        (8, 8, False, (8, 1, 1)),
        (3, 8, False, (3, 2, 1)),
        (30, 16, False, (15, 1, 2)),  # one device is idle
        (30, 16, True, (16, 1, 2)),  # 32 replicas
        (30, 256, False, (30, 4, 1)),
        (30, 256, True, (32, 8, 1)),
        (31, 16, False, (16, 1, 2)),  # no divisor
        (30, 4, True, (4, 1, 8)),  # rather than two groups without repeats
    ],
)
def test_the_cheapest_mesh_with_fewest_devices(replicas, devices, all_devices, wanted):
    assert choose(replicas, devices, BATCHES, pictures=3, all_devices=all_devices) == wanted


def test_nothing_is_much_cheaper_and_everything_fits():
    """Against every mesh there is, for every small number of replicas and devices."""
    for replicas, devices, all_devices in itertools.product(range(1, 13), range(1, 13), (False, True)):
        found = choose(replicas, devices, BATCHES, pictures=3, all_devices=all_devices)
        assert found.devices == devices if all_devices else found.devices <= devices
        assert found.turns == math.ceil(replicas / found.groups)
        assert BATCHES[0] % found.data == 0
        others = [
            cost(Choice(groups, data, math.ceil(replicas / groups)), replicas, 96)
            for groups, data in itertools.product(range(1, devices + 1), (1, 2, 4, 8))
            if (groups * data == devices if all_devices else groups * data <= devices)
        ]
        assert cost(found, replicas, 96) <= (1 + mesh_choice.TOLERANCE) * min(others) + 1e-9


def test_a_number_of_devices_that_is_asked_for_is_kept():
    assert choose(3, 8, BATCHES, data=4) == (2, 4, 2)
    assert choose(1, 8, BATCHES, data=3) == (1, 3, 1)
    assert choose(1, 8, BATCHES, data=4, all_devices=True) == (2, 4, 1)
    for data, all_devices in ((16, False), (3, True)):
        with pytest.raises(ValueError, match=rf"8 devices cannot be cut into groups of {data} \(config.mesh.data\)"):
            choose(1, 8, BATCHES, data=data, all_devices=all_devices)


def test_without_repeats_groups_divide_the_replicas():
    assert choose(3, 16, BATCHES, pictures=3, all_devices=True) == (4, 4, 1)
    assert choose(3, 16, BATCHES, pictures=3, all_devices=True, repeat=False) == (1, 16, 3)
    assert choose(1, 64, (32,), all_devices=True, repeat=False) == (1, 64, 1)  # whose batch is then refused


def test_a_larger_batch_takes_more_devices():
    assert choose(1, 8, (512, 64), pictures=3).devices == 8
