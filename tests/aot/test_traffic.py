"""Bytes of kernels, counted by hand."""

from perface_jax.aot import hlo, traffic

FUSED = """\
%body (a: f32[100,4], i: s32[], new: f32[1,4]) -> f32[100,4] {{
  %a = f32[100,4]{{1,0}} parameter(0)
  %i = s32[] parameter(1)
  %new = f32[1,4]{{1,0}} parameter(2)
  {lines}
}}

ENTRY %main (x: f32[100,4], k: s32[], y: f32[1,4]) -> f32[] {{
  %x = f32[100,4]{{1,0}} parameter(0)
  %k = s32[] parameter(1)
  %y = f32[1,4]{{1,0}} parameter(2)
  ROOT %f = {result} fusion(%x, %k, %y), kind=kLoop, calls=%body
}}
"""


def moved(text, name="f"):
    module = hlo.parse(text)
    computation = module.computations[module.entry]
    return traffic.moved(computation[name], computation, module)


def one(line, *operands):
    lines = "\n".join(f"  %p{i} = {shape} parameter({i})" for i, shape in enumerate(operands))
    return moved(f"ENTRY %m (p: f32[]) -> f32[] {{\n{lines}\n  ROOT %f = {line}\n}}")


def test_a_kernel_reads_its_operands_and_writes_its_results():
    assert one("f32[8]{0} add(%p0, %p1)", "f32[8]{0}", "f32[8]{0}") == 3 * 32
    assert one("(bf16[8]{0}, u8[5]{0}) custom-call(%p0)", "bf16[4]{0}") == 16 + 5 + 8


def test_what_moves_nothing_is_free():
    for line in ("f32[8]{0} bitcast(%p0)", "(f32[8]{0}) tuple(%p0)", "f32[8]{0} copy-done(%p0)"):
        assert one(line, "f32[8]{0}") == 0


def test_other_memory_spaces_count_only_where_they_are_copied():
    near = "f32[8]{0:S(1)}"
    assert one(f"{near} add(%p0, %p1)", near, "f32[8]{0}") == 32
    assert one(f"({near}, f32[8]{{0}}, u32[]{{:S(2)}}) copy-start(%p0)", "f32[8]{0}") == 32


def test_an_asynchronous_slice_reads_what_it_takes():
    near, far = "f32[1,4]{1,0:S(1)}", "f32[100,4]{1,0}"
    assert one(f"(({far}), {near}, s32[]{{:S(2)}}) slice-start(%p0), slice={{[0:1], [0:4]}}", far) == 16
    assert one(f"{near} slice-done(%p0)", near) == 0


def test_a_slice_reads_what_it_takes():
    assert one("f32[1,4]{1,0} dynamic-slice(%p0, %p1)", "f32[100,4]{1,0}", "s32[]") == 16 + 16 + 4
    assert one("f32[3,4]{1,0} gather(%p0, %p1)", "f32[100,4]{1,0}", "s32[3]{0}") == 48 + 48 + 12
    assert one("f32[100,4]{1,0} dynamic-update-slice(%p0, %p1, %p2)", "f32[100,4]{1,0}", "f32[1,4]{1,0}", "s32[]") == (
        2 * (16 + 4)
    )


def test_a_fusion_that_slices_reads_the_slice():
    lines = "\n  ".join(
        [
            "%cut = f32[1,4]{1,0} dynamic-slice(%a, %i, %i), dynamic_slice_sizes={1,4}",
            "ROOT %sum = f32[1,4]{1,0} add(%cut, %new)",
        ]
    )
    assert moved(FUSED.format(lines=lines, result="f32[1,4]{1,0}")) == 16 + 4 * 0 + 16 + 16 + 4


def test_a_fusion_that_updates_in_place_writes_the_update():
    lines = "ROOT %put = f32[100,4]{1,0} dynamic-update-slice(%a, %new, %i, %i)"
    assert moved(FUSED.format(lines=lines, result="f32[100,4]{1,0}")) == 0 + 4 + 16 + 16


def test_a_fusion_that_uses_all_of_an_operand_reads_all_of_it():
    lines = "\n  ".join(["%cut = f32[1,4]{1,0} slice(%a)", "ROOT %twice = f32[100,4]{1,0} add(%a, %a)"])
    assert moved(FUSED.format(lines=lines, result="f32[100,4]{1,0}")) == 1600 + 1600
