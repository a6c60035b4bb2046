"""Which mesh trains a sweep in the least time: how many groups of devices, and how many devices share a batch.

Each group trains its replicas in turn, so a step of all takes `turns * step_cost`, where

    step_cost = FIXED + max(share, LEAST) + MESSAGES * log2(devices that share the batch)

in the time of one picture on one device, and `share` is the pictures of a batch on one device. The three numbers
follow what `perface aot` estimates for r50 and r18 on TPUs v5e, in docs/performance.md; other chips differ, but the
order of the meshes hardly does.

Groups need not divide the replicas: the last one is then repeated (`parallel.padded`). That takes no more time, but
power and memory of the host, so it counts: a mesh that only repeats would cost `REPEATED` more. Of meshes within
`TOLERANCE` of the least cost, the one with fewest devices is chosen: the others are free for other runs.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

FIXED, LEAST, MESSAGES = 12, 24, 3  # pictures
REPEATED = 0.2
TOLERANCE = 0.1


class Choice(NamedTuple):
    """A mesh of `groups x data` devices, each group of which trains `turns` replicas, one after another."""

    groups: int
    data: int
    turns: int

    @property
    def devices(self) -> int:
        """The devices in use."""
        return self.groups * self.data

    def fits(self, replicas: int) -> bool:
        """Whether no replica is repeated."""
        return self.groups * self.turns == replicas


def choose(
    replicas: int,
    devices: int,
    batches: Sequence[int],
    *,
    pictures: int = 1,
    data: int = 0,
    all_devices: bool = False,
    repeat: bool = True,
) -> Choice:
    """The mesh for this many replicas on at most this many devices.

    Args:
      replicas: independent runs.
      devices: how many there are.
      batches: rows of every kind of batch; the first is that of a training step. Devices of a group must divide all.
      pictures: in a row of a training step.
      data: devices that share the batch of a run; 0: by cost.
      all_devices: use every device, as programs of several hosts must.
      repeat: whether a replica may be repeated, so that groups need not divide them.

    Returns:
      The choice. If none fits all batches, all devices share them, which `parallel.check_batch_size` refuses.

    Raises:
      ValueError: the devices cannot be cut into groups of `data`.
    """
    if data > devices or (all_devices and data and devices % data):
        raise ValueError(f"{devices} devices cannot be cut into groups of {data} (config.mesh.data)")
    found = [one for one in _fitting(replicas, devices, batches, data, all_devices) if repeat or one.fits(replicas)]
    if not found:
        return Choice(1, data or devices, replicas)
    costs = {one: cost(one, replicas, batches[0] * pictures) for one in found}
    enough = (1 + TOLERANCE) * min(costs.values())
    return min((one for one in found if costs[one] <= enough), key=lambda one: (one.devices, costs[one]))


def cost(one: Choice, replicas: int, pictures: int) -> float:
    """Of a step of all replicas, with batches of this many pictures."""
    repeated = 1 - replicas / (one.groups * one.turns)
    return one.turns * step_cost(pictures, one.data) * (1 + REPEATED * repeated)


def step_cost(pictures: int, devices: int) -> float:
    """The time of one step of one replica whose batch this many devices share."""
    return FIXED + max(pictures / devices, LEAST) + MESSAGES * math.log2(devices)


def _fitting(replicas, devices, batches, data, all_devices) -> Iterator[Choice]:
    shared = [data] if data else [n for n in range(1, devices + 1) if not any(rows % n for rows in batches)]
    for each in shared:
        most = devices // each
        if all_devices:
            groups = [most] if most * each == devices else []
        else:  # with as many turns, the fewest groups
            groups = {math.ceil(replicas / turns) for turns in range(1, replicas + 1)} & {*range(1, most + 1)}
        for one in groups:
            yield Choice(one, each, math.ceil(replicas / one))
