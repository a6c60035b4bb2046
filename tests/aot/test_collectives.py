"""Who communicates with whom, in the notations of XLA."""

import pytest

from perface_jax.aot import collectives, hlo

MESH = {"replica": 2, "data": 4}  # devices 0..3 train one replica, 4..7 the other


@pytest.mark.parametrize(
    ("notation", "groups"),
    [
        ("replica_groups={{0,1},{2,3}}, use_global_device_ids=true", [[0, 1], [2, 3]]),
        ("replica_groups={}, to_apply=%add", [[0, 1, 2, 3]]),
        ("channel_id=1", [[0, 1, 2, 3]]),
        ("replica_groups=[2,2]<=[4], to_apply=%add", [[0, 1], [2, 3]]),
        ("replica_groups=[2,2]<=[2,2]T(1,0), to_apply=%add", [[0, 2], [1, 3]]),
        ("replica_groups=mesh['a'=2,'b'=2] {'b'}, to_apply=%add", [[0, 1], [2, 3]]),
        ("replica_groups=mesh['a'=2,'b'=2] {'a'}, to_apply=%add", [[0, 2], [1, 3]]),
        ("replica_groups=mesh['a'=4,'b'=1] {'a','b'}, to_apply=%add", [[0, 1, 2, 3]]),
        ("replica_groups=mesh['a'=4] {'a':(2)2}, to_apply=%add", [[0, 1], [2, 3]]),
        ("replica_groups=mesh['a'=4] {'a':(1)2}, to_apply=%add", [[0, 2], [1, 3]]),
        ("channel_id=3, source_target_pairs={{0,1},{1,0}}", [[0, 1], [1, 0]]),
    ],
)
def test_groups_of_devices(notation, groups):
    assert collectives.device_groups(notation, 4) == groups


def test_an_unknown_notation_is_refused():
    with pytest.raises(ValueError, match="not known here"):
        collectives.device_groups("replica_groups=@something", 4)
    with pytest.raises(ValueError, match="not known here"):
        collectives.device_groups("replica_groups=mesh['a'=4, device_ids=([4]T(0))] {'a'}", 4)


@pytest.mark.parametrize(
    ("groups", "axes"),
    [
        ([[0, 1, 2, 3], [4, 5, 6, 7]], "data"),
        ([[0, 4], [1, 5], [2, 6], [3, 7]], "replica"),
        ([[0, 1, 2, 3, 4, 5, 6, 7]], "replica+data"),
        ([[i] for i in range(8)], ""),
    ],
)
def test_axes_are_those_along_which_members_of_a_group_differ(groups, axes):
    assert collectives.axes(groups, MESH) == axes


def test_a_collective_has_its_kind_axes_and_bytes():
    text = """ENTRY %m (p: f32[3]) -> f32[3] {
  %p = f32[3]{0:T(128)} parameter(0)
  %q = bf16[2]{0} parameter(1)
  %r = (f32[3]{0}, bf16[2]{0}) all-reduce-start(%p, %q), replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%add
  ROOT %s = (f32[3]{0}, bf16[2]{0}) all-reduce-done(%r)
}"""
    computation = hlo.parse(text).computations["m"]
    found = collectives.collective(computation["r"], computation, MESH)
    assert found == ("all-reduce", "data", 3 * 4 + 2 * 2)
    assert collectives.collective(computation["s"], computation, MESH) is None
