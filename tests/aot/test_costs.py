"""Loops, fusions and choices in the costs of a program."""

from perface_jax.aot import costs, hlo

TEXT = """\
%multiply (a: f32[4,4], b: f32[4,4]) -> f32[4,4] {
  %a = f32[4,4]{1,0} parameter(0)
  %b = f32[4,4]{1,0} parameter(1)
  ROOT %dot = f32[4,4]{1,0} dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%body (state: (s32[], f32[4,4])) -> (s32[], f32[4,4]) {
  %state = (s32[], f32[4,4]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%state), index=0
  %x = f32[4,4]{1,0} get-tuple-element(%state), index=1
  %y = f32[4,4]{1,0} fusion(%x, %x), kind=kOutput, calls=%multiply, backend_config={"estimated_cycles":"70"}
  %z = f32[4,4]{1,0} all-reduce(%y), replica_groups={{0,1}}, to_apply=%add
  ROOT %next = (s32[], f32[4,4]{1,0}) tuple(%i, %z)
}

%until (state: (s32[], f32[4,4])) -> pred[] {
  %state = (s32[], f32[4,4]{1,0}) parameter(0)
  %j = s32[] get-tuple-element(%state), index=0
  %limit = s32[] constant(15)
  ROOT %less = pred[] compare(%j, %limit), direction=LT
}

ENTRY %main (x: (s32[], f32[4,4])) -> f32[4,4] {
  %x = (s32[], f32[4,4]{1,0}) parameter(0)
  %loop = (s32[], f32[4,4]{1,0}) while(%x), condition=%until, body=%bodyKNOWN
  ROOT %end = f32[4,4]{1,0} get-tuple-element(%loop), index=1
}
"""


def count(known):
    return costs.count(hlo.parse(TEXT.replace("KNOWN", known)), {"data": 2})


def test_a_loop_counts_as_often_as_the_compiler_says_or_its_condition():
    for known, trips in ((', backend_config={"known_trip_count":{"n":"6"}}', 6), ("", 15)):
        found = count(known)
        assert found.flops == trips * 2 * 4 * 4 * 4
        assert found.size == trips * (3 * 64 + 2 * 64)  # a product of two operands, and a sum over devices
        assert [(times, one.kind, one.axes, one.size) for times, one in found.collectives] == [
            (trips, "all-reduce", "data", 64)
        ]


def test_a_fusion_is_one_kernel_with_the_products_in_it():
    kernel = count("").kernels[0]
    assert (kernel.name, kernel.times, kernel.cycles, kernel.written) == ("y", 15, 70, 64)
    assert [one.flops for one in kernel.products] == [128]
    assert [one.name for one in count("").kernels] == ["y", "z"]


def test_of_a_choice_the_heaviest_branch_counts():
    text = (
        TEXT.partition("%body")[0]
        + TEXT.partition("%body")[0].replace("%multiply", "%again")
        + """\

ENTRY %main (k: s32[], x: f32[4,4]) -> f32[4,4] {
  %k = s32[] parameter(0)
  %x = f32[4,4]{1,0} parameter(1)
  ROOT %c = f32[4,4]{1,0} conditional(%k, %x, %x), branch_computations={%again, %multiply}
}
"""
    )
    assert costs.count(hlo.parse(text), {"data": 1}).flops == 128
