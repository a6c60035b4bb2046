"""IR-ResNet in PyTorch, written from the description of the architecture, for tests that convert, export and compare.

Names of modules and the order of the state dict are those of insightface's arcface_torch (`tests/golden/keys_*.json`).
Pictures are NCHW, RGB in [-1, 1]. `perface_jax.model` is the same network in NHWC and shares no code with this one.
"""

import torch
from torch import nn

from tests.golden import formula

LAYERS = {
    "r18": (2, 2, 2, 2),
    "r34": (3, 4, 6, 3),
    "r50": (3, 4, 14, 3),
    "r100": (3, 13, 30, 3),
    "r200": (6, 26, 60, 6),
}


class IBasicBlock(nn.Module):
    """norm, 3x3, norm, PReLU, 3x3 (strided), norm, plus the input (via a strided 1x1 and norm where it shrinks)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        y = self.bn3(self.conv2(y))
        return y + (x if self.downsample is None else self.downsample(x))


class IResNet(nn.Module):
    """Stem, four stages that each halve the picture, norm, flatten, linear layer, norm with its scale fixed at 1."""

    def __init__(
        self, layers: tuple[int, int, int, int], *, width: int = 64, image_size: int = 112, embedding_size: int = 512
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        inputs = width
        for i, depth in enumerate(layers):
            outputs = width * 2**i
            blocks = [IBasicBlock(inputs if j == 0 else outputs, outputs, 2 if j == 0 else 1) for j in range(depth)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            inputs = outputs if depth else inputs
        self.bn2 = nn.BatchNorm2d(inputs)
        halvings = sum(depth > 0 for depth in layers)
        self.fc = nn.Linear(inputs * (image_size >> halvings) ** 2, embedding_size)
        self.features = nn.BatchNorm1d(embedding_size)
        nn.init.ones_(self.features.weight)
        self.features.weight.requires_grad = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


def golden(arch: str | tuple[int, int, int, int], **options: int) -> IResNet:
    """The network with the weights of `tests.golden.formula`, in eval mode; options as those of `IResNet`."""
    network = IResNet(LAYERS.get(arch, arch), **options).eval()
    weights = {key: torch.tensor(formula.tensor(key, tuple(x.shape))) for key, x in network.state_dict().items()}
    network.load_state_dict(weights)
    return network


def planes(pictures) -> torch.Tensor:
    """uint8 `[B, H, W, 3]` -> what the network sees: float32 `[B, 3, H, W]` in [-1, 1]."""
    return torch.tensor(pictures).permute(0, 3, 1, 2).contiguous().float().sub(127.5).div(127.5)
