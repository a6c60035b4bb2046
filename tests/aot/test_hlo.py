"""The text of compiled programs, on lines as XLA prints them."""

import pytest

from perface_jax.aot import hlo

TEXT = """\
HloModule jit_f, is_scheduled=true, entry_computation_layout={(f32[2,3]{1,0})->f32[3]{0}}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b), metadata={op_name="jit(f)/reduce_sum"}
}

ENTRY %main.5 (x.1: f32[2,3]) -> f32[3] {
  %x.1 = f32[2,3]{1,0:T(8,128)} parameter(0)
  %zero = f32[]{:T(128)} constant(0)
  ROOT %reduce.2 = f32[3]{0:T(128)S(1)} reduce(%x.1, /*index=1*/%zero), dimensions={0}, to_apply=%add, metadata={op_name="a)b"}
}
"""  # noqa: E501


def test_computations_operations_and_operands():
    module = hlo.parse(TEXT)
    assert module.entry == "main.5"
    assert list(module.computations) == ["add", "main.5"]
    root = module.computations["main.5"]["reduce.2"]
    assert (root.opcode, root.operands, root.is_root) == ("reduce", ("x.1", "zero"), True)
    assert (root.called("to_apply"), root.called("calls")) == ("add", "")
    assert module.computations["main.5"]["zero"].inside == "0"


def test_shapes_have_their_bytes_padding_and_memory_space():
    (plain,) = hlo.shapes("f32[2,3]{1,0}")
    assert (plain.dtype, plain.sides, plain.size, plain.padded, plain.space) == ("f32", (2, 3), 24, 24, 0)
    (tiled,) = hlo.shapes("f32[2,3]{1,0:T(8,128)}")
    assert (tiled.size, tiled.padded) == (24, 8 * 128 * 4)
    (turned,) = hlo.shapes("bf16[16,56,56,64]{3,0,2,1:T(8,128)(2,1)S(1)}")  # 64 channels in 128 lanes, 16 images in 16
    assert (turned.size, turned.padded, turned.space) == (16 * 56 * 56 * 64 * 2, 16 * 56 * 56 * 128 * 2, 1)
    (scalar,) = hlo.shapes("u32[]{:T(128)}")
    assert (scalar.size, scalar.padded) == (4, 512)
    assert [str(one) for one in hlo.shapes("(f32[4]{0}, /*index=1*/pred[2,2]{1,0})")] == ["f32[4]", "pred[2,2]"]
    assert hlo.shapes("s4[3]")[0].size == 2  # three half bytes


def test_what_is_no_program_is_refused():
    with pytest.raises(ValueError, match="no ENTRY computation"):
        hlo.parse("HloModule nothing")
    with pytest.raises(ValueError, match="'strange'"):
        hlo.bits("strange")
    with pytest.raises(ValueError, match="closing parenthesis"):
        hlo.parse("ENTRY %m (a: f32[]) -> f32[] {\n  %b = f32[] add(%a, %a\n}")
