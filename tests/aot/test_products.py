"""Operations of convolutions and products, counted by hand."""

import pytest

from perface_jax.aot import hlo, products

DW = "window={size=4x4 pad=1_1x1_1}, dim_labels=f01b_i01o->01bf"
PLAIN = "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f"
TAPS = (2 + 3 + 3 + 2) ** 2  # of 4 x 4 pixels with 3 x 3 taps: two taps at an edge, three inside


def product(line, *operands):
    text = "\n".join(f"  %p{i} = {shape} parameter({i})" for i, shape in enumerate(operands))
    module = hlo.parse(f"ENTRY %m (p: f32[]) -> f32[] {{\n{text}\n  ROOT %r = {line}\n}}")
    computation = module.computations["m"]
    return products.product(computation["r"], computation)


def flops(line, *operands):
    return product(line, *operands).flops


def test_a_convolution_counts_the_taps_within_the_image():
    image, kernel = "bf16[2,4,4,8]{3,2,1,0}", "bf16[3,3,8,16]{3,2,1,0}"
    found = product(f"bf16[2,4,4,16]{{3,2,1,0}} convolution(%p0, %p1), {PLAIN}", image, kernel)
    assert found.flops == 2 * TAPS * 2 * 8 * 16
    assert (found.dtype, found.precision) == ("bf16", "default")
    assert found.text == "bf16[2,4,4,8] x bf16[3,3,8,16] -> bf16[2,4,4,16]"


def test_a_stride_takes_every_second_pixel():
    window = "window={size=3x3 stride=2x2 pad=1_1x1_1}, dim_labels=b01f_01io->b01f"
    line = f"f32[1,2,2,1]{{3,2,1,0}} convolution(%p0, %p1), {window}"
    assert flops(line, "f32[1,4,4,1]{3,2,1,0}", "f32[3,3,1,1]{3,2,1,0}") == 2 * (2 + 3) ** 2


def test_zeros_between_pixels_do_not_count():
    window = "window={size=3x3 pad=1_2x1_2 lhs_dilate=2x2}, dim_labels=b01f_01io->b01f"
    line = f"f32[1,4,4,1]{{3,2,1,0}} convolution(%p0, %p1), {window}"
    # Pixels at 0 and 2 of 0..2, outputs from -1: taps meet pixels 1, 2, 1 and 1 times.
    assert flops(line, "f32[1,2,2,1]{3,2,1,0}", "f32[3,3,1,1]{3,2,1,0}") == 2 * (1 + 2 + 1 + 1) ** 2


def test_a_kernel_derivative_has_batch_and_channels_exchanged():
    line = f"f32[3,3,8,16]{{3,2,1,0}} convolution(%p0, %p1), {DW}"
    image, derivative = "f32[2,4,4,8]{3,2,1,0}", "f32[2,4,4,16]{3,2,1,0}"
    text = line.replace("f01b_i01o->01bf", "f01b_i01o->01bf")
    assert flops(text, image, derivative) == 2 * TAPS * 8 * 2 * 16


def test_groups_divide_the_channels_or_the_images():
    image, kernel = "f32[4,4,4,8]{3,2,1,0}", "f32[3,3,2,8]{3,2,1,0}"
    line = f"f32[4,4,4,8]{{3,2,1,0}} convolution(%p0, %p1), {PLAIN}, feature_group_count=4"
    assert flops(line, image, kernel) == 2 * TAPS * 4 * 2 * 8
    line = line.replace("feature_group_count=4", "batch_group_count=4")
    assert flops(line, image, "f32[3,3,8,8]{3,2,1,0}") == 2 * TAPS * 1 * 8 * 8


@pytest.mark.parametrize(
    ("target", "operands", "result"),
    [
        ("convForward", ("bf16[2,4,4,8]{3,2,1,0}", "bf16[16,3,3,8]{3,2,1,0}"), "bf16[2,4,4,16]{3,2,1,0}"),
        ("convBackwardInput", ("bf16[2,4,4,16]{3,2,1,0}", "bf16[16,3,3,8]{3,2,1,0}"), "bf16[2,4,4,8]{3,2,1,0}"),
        ("convBackwardFilter", ("bf16[2,4,4,8]{3,2,1,0}", "bf16[2,4,4,16]{3,2,1,0}"), "bf16[16,3,3,8]{3,2,1,0}"),
    ],
)
def test_cudnn_counts_as_the_convolution_it_belongs_to(target, operands, result):
    window = "window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_o01i->b01f"
    line = f'({result}, u8[0]{{0}}) custom-call(%p0, %p1), {window}, custom_call_target="__cudnn${target}"'
    assert flops(line, *operands) == 2 * TAPS * 2 * 8 * 16


def test_matrix_products_and_their_precision():
    dot = "f32[5,7]{1,0} dot(%p0, %p1), lhs_contracting_dims={1}, rhs_contracting_dims={0}"
    found = product(f"{dot}, operand_precision={{highest,highest}}", "f32[5,3]{1,0}", "f32[3,7]{1,0}")
    assert (found.flops, found.dtype, found.precision) == (2 * 5 * 3 * 7, "f32", "highest")
    gemm = (
        '(f32[5,7]{1,0}, s8[9]{0}) custom-call(%p0, %p1), custom_call_target="__cublas$gemm",'
        ' backend_config={"gemm_backend_config":{"dot_dimension_numbers":{"lhs_contracting_dimensions":["0"]}}}'
    )
    assert flops(gemm, "f32[3,5]{1,0}", "f32[3,7]{1,0}") == 2 * 5 * 3 * 7
    matrix = "f32[5,7]{1,0} convolution(%p0, %p1), dim_labels=bf_io->bf"  # as TPUs compute it
    assert flops(matrix, "f32[5,3]{1,0}", "f32[3,7]{1,0}") == 2 * 5 * 3 * 7


def test_other_operations_are_no_products():
    assert product("f32[4]{0} add(%p0, %p0)", "f32[4]{0}") is None
    assert product('f32[4]{0} custom-call(%p0), custom_call_target="Sort"', "f32[4]{0}") is None


def test_the_layer_is_named_and_its_gradients_say_so():
    name = 'op_name="jit(program)/jit(main)/transpose(jvp(IResNet))/layer2_0/conv1/conv_general_dilated"'
    line = f"bf16[2,4,4,16]{{3,2,1,0}} convolution(%p0, %p1), {PLAIN}, metadata={{{name}}}"
    operands = "bf16[2,4,4,8]{3,2,1,0}", "bf16[3,3,8,16]{3,2,1,0}"
    assert product(line, *operands).layer == "layer2_0/conv1 gradient"
    assert product(line.replace("transpose(jvp(IResNet))", "jvp(IResNet)"), *operands).layer == "layer2_0/conv1"
