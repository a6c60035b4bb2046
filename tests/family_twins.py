"""Networks of other code bases in PyTorch, written from their public descriptions, in float64, for comparison.

`Ir` is the IR network of AdaFace, TFace and CVLface, and, without the norm before the PReLU of a block, that of
face.evoLVe, CurricularFace and InsightFace_Pytorch. MagFace and pytorch-insightface are `torch_twin.IResNet` with
another epsilon and a free scale of the last norm. Weights are drawn so that every difference shows: small running
variances for epsilon, scales and means away from 1 and 0.
"""

import numpy as np
import torch
from torch import nn

from tests import torch_twin


class IrBlock(nn.Module):
    """Norm, 3x3, (norm,) PReLU, strided 3x3, norm; plus the input, max-pooled by size 1 where no channel changes."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, norm_before_prelu: bool, gates: bool = False):
        super().__init__()
        self.shortcut_layer = nn.MaxPool2d(1, stride)
        if inputs != outputs:
            projection = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_layer = nn.Sequential(projection, nn.BatchNorm2d(outputs))
        layers = [nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs)] if norm_before_prelu else []
        layers += [nn.PReLU(outputs), nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs)] + ([Gate(outputs)] if gates else [])
        self.res_layer = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class Gate(nn.Module):
    """Squeeze and excitation: each channel times a number between 0 and 1."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(channels // 16, 1), 1, bias=False)
        self.fc2 = nn.Conv2d(max(channels // 16, 1), channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squeezed = torch.relu(self.fc1(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.fc2(squeezed))


class Ir(nn.Module):
    """The IR network; its output is the vector before any division by its length."""

    def __init__(
        self,
        layers: tuple[int, int, int, int],
        *,
        width: int,
        image_size: int,
        embedding_size: int,
        norm_before_prelu: bool = True,
        affine: bool = False,
        gates: bool = False,
    ):
        super().__init__()
        stem = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.input_layer = nn.Sequential(stem, nn.BatchNorm2d(width), nn.PReLU(width))
        blocks, inputs = [], width
        for stage, depth in enumerate(layers):
            for i in range(depth):
                outputs, stride = width * 2**stage, 1 if i else 2
                blocks.append(IrBlock(inputs, outputs, stride, norm_before_prelu=norm_before_prelu, gates=gates))
                inputs = outputs
        self.body = nn.Sequential(*blocks)
        fc = nn.Linear(inputs * (image_size // 16) ** 2, embedding_size)
        last = nn.BatchNorm1d(embedding_size, affine=affine)
        self.output_layer = nn.Sequential(nn.BatchNorm2d(inputs), nn.Dropout(0.4), nn.Flatten(), fc, last)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output_layer(self.body(self.input_layer(x)))


def arcface(*, epsilon: float, free_scale: bool, layers=(1, 1, 1, 1), **options: int) -> nn.Module:
    """The network with the names of arcface_torch, in the form of MagFace and pytorch-insightface."""
    network = torch_twin.IResNet(layers, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps = epsilon
    return with_weights(network, fixed=() if free_scale else ("features.weight",))


def with_weights(network: nn.Module, *, fixed: tuple[str, ...] = ()) -> nn.Module:
    """Random weights in float64 that float32 holds exactly, in eval mode."""
    random = np.random.default_rng(7)
    weights = {}
    for name, tensor in network.state_dict().items():
        z = random.standard_normal(tuple(tensor.shape))
        if name.endswith("running_var"):
            z = 1e-3 * np.exp(0.3 * z)  # small: epsilon counts
        elif name.endswith("running_mean") or name.endswith("bias"):
            z = 0.1 * z
        elif z.ndim > 1:
            z = 0.05 * z / np.sqrt(np.prod(z.shape[1:]))
        elif z.ndim == 1:
            z = 0.6 + 0.1 * z
        weights[name] = tensor if name in fixed else torch.tensor(z.astype(np.float32), dtype=tensor.dtype)
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(1000)
    network.load_state_dict(weights)
    return network.double().eval()


def embeddings(network: nn.Module, pictures: np.ndarray, *, bgr: bool, black: float, white: float) -> np.ndarray:
    """float64 embeddings of uint8 RGB pictures `[B, H, W, 3]`, in the colors and the range that the weights expect."""
    colors = pictures[..., ::-1] if bgr else pictures
    planes = colors.astype(np.float64).transpose(0, 3, 1, 2) / 255 * (white - black) + black
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(planes))).numpy()
