"""Tensors of odd kinds are named, not run into."""

import numpy as np
import pytest
import torch

from converters.tensors import to_numpy


def quantized():
    return torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torch, where these kinds are made
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (quantized, r"fc\.weight is a quantized tensor \(qint8\)"),
        (lambda: torch.eye(2).to_sparse(), r"fc\.weight is a sparse tensor \(sparse_coo\); save fc\.weight\.to_dense"),
        (lambda: torch.eye(2).to_sparse_csr(), r"sparse tensor \(sparse_csr\)"),
        (lambda: torch.empty(2, 2, device="meta"), r"fc\.weight is a meta tensor, a shape without numbers"),
        (lambda: torch.ones(2, dtype=torch.complex64), "no tensor of floating numbers but complex64"),
        (lambda: torch.ones(2, dtype=torch.int8), "no tensor of floating numbers but int8"),
        (lambda: (torch.ones(2), None), "no tensor of floating numbers"),
    ],
    ids=["quantized", "sparse", "sparse rows", "meta", "complex", "int8", "a tuple"],
)
def test_odd_tensors_are_named(made, said):
    with pytest.raises(ValueError, match=said):
        to_numpy("fc.weight", made())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_floating_tensors_keep_their_values(dtype):
    seen = to_numpy("fc.weight", torch.nn.Parameter(torch.tensor([0.5, -3], dtype=getattr(torch, dtype))))
    assert seen.dtype == np.float32
    assert seen.tolist() == [0.5, -3]
