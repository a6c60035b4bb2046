"""The networks and a run anew, in PyTorch and float64, from a description of the original alone.

For weights and sizes that the golden values lack. Every weight is drawn when its key is asked for. Pictures and latents
are [batch, channels, height, width].
"""

import math

import torch
from torch.nn import functional

from tests.diffusion import formula


class Weights:
    """The formula weights of one network: `of(prefix)` narrows the keys."""

    def __init__(self, network, salt, prefix=""):
        self.network, self.salt, self.prefix = network, salt, prefix

    def of(self, name):
        return Weights(self.network, self.salt, f"{self.prefix}{name}.")

    def get(self, key, *shape):
        return torch.from_numpy(formula.weight(self.network, self.prefix + key, shape, self.salt)).double()

    def linear(self, name, x, width, bias=True):
        part = self.of(name)
        return functional.linear(x, part.get("weight", width, x.shape[-1]), part.get("bias", width) if bias else None)

    def conv(self, name, x, width, size=3, bias=True, **options):
        part = self.of(name)
        kernel = part.get("weight", width, x.shape[1], size, size)
        return functional.conv2d(x, kernel, part.get("bias", width) if bias else None, **options)

    def group_norm(self, name, x, groups, epsilon):
        part, width = self.of(name), x.shape[1]
        return functional.group_norm(x, groups, part.get("weight", width), part.get("bias", width), epsilon)

    def layer_norm(self, name, x):
        part, width = self.of(name), x.shape[-1]
        return functional.layer_norm(x, (width,), part.get("weight", width), part.get("bias", width), 1e-5)


def resnet(w, x, width, groups, epsilon, time=None):
    y = w.conv("conv1", functional.silu(w.group_norm("norm1", x, groups, epsilon)), width, padding=1)
    y = y if time is None else y + w.linear("time_emb_proj", functional.silu(time), width)[..., None, None]
    y = w.conv("conv2", functional.silu(w.group_norm("norm2", y, groups, epsilon)), width, padding=1)
    return y + (x if x.shape[1] == width else w.conv("conv_shortcut", x, width, 1))


def attention(w, x, memory, heads, names=("to_q", "to_k", "to_v", "to_out.0"), bias=False):
    width = x.shape[-1]
    q, k, v = (
        w.linear(name, y, width, bias).unflatten(-1, (heads, -1)).transpose(1, 2)
        for name, y in zip(names, (x, memory, memory), strict=False)
    )
    shares = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), -1)
    return w.linear(names[3], (shares @ v).transpose(1, 2).flatten(2), width)


def transformer(w, x, heads, groups, context, references):
    """The result, and the state."""
    width, size = x.shape[1], x.shape[2:]
    y = w.linear("proj_in", w.group_norm("norm", x, groups, 1e-6).flatten(2).mT, width)
    block = w.of("transformer_blocks.0")
    own = block.layer_norm("norm1", y)
    y = y + attention(block.of("attn1"), own, own if references is None else torch.cat([own, references], 1), heads)
    y = y + attention(block.of("attn2"), block.layer_norm("norm2", y), context, heads)
    values, gates = block.linear("ff.net.0.proj", block.layer_norm("norm3", y), 8 * width).chunk(2, -1)
    y = y + block.linear("ff.net.2", values * functional.gelu(gates), width)
    return x + w.linear("proj_out", y, width).mT.unflatten(2, size), own


def unet(w, s, x, waves, context, references=None):
    """The output and the states; `waves` are the sines of the timesteps, `references` the states to look at."""
    channels, states = s.channels, {}
    time = w.linear("time_embedding.linear_1", waves, 4 * channels[0])
    time = w.linear("time_embedding.linear_2", functional.silu(time), 4 * channels[0])

    def layer(name, j, x, width, heads):
        x = resnet(w.of(f"{name}.resnets.{j}"), x, width, s.groups, s.epsilon, time)
        return attend(name, j, x, heads) if heads else x

    def attend(name, j, x, heads):
        seen = None if references is None else references[name]
        x, state = transformer(w.of(f"{name}.attentions.{j}"), x, heads, s.groups, context, seen)
        states.setdefault(name, state)
        return x

    skips = [x := w.conv("conv_in", x, channels[0], padding=1)]
    for i, width in enumerate(channels):
        for j in range(s.layers):
            skips.append(x := layer(f"down_blocks.{i}", j, x, width, s.heads[i] * s.down_attention[i]))
        if i < len(channels) - 1:
            name = f"down_blocks.{i}.downsamplers.0.conv"
            skips.append(x := w.conv(name, x, width, stride=2, padding=1))
    x = resnet(w.of("mid_block.resnets.0"), x, channels[-1], s.groups, s.epsilon, time)
    x = attend("mid_block", 0, x, s.heads[-1])
    x = resnet(w.of("mid_block.resnets.1"), x, channels[-1], s.groups, s.epsilon, time)
    for i, width in enumerate(reversed(channels)):
        heads = s.heads[-1 - i] * s.up_attention[i]
        for j in range(s.layers + 1):
            x = layer(f"up_blocks.{i}", j, torch.cat([x, skips.pop()], 1), width, heads)
        if skips:
            x = functional.interpolate(x, skips[-1].shape[2:], mode="nearest")
            x = w.conv(f"up_blocks.{i}.upsamplers.0.conv", x, width, padding=1)
    x = functional.silu(w.group_norm("conv_norm_out", x, s.groups, s.epsilon))
    return w.conv("conv_out", x, s.latents, padding=1), states


def middle(w, x, s):
    width, size = x.shape[1], x.shape[2:]
    x = resnet(w.of("resnets.0"), x, width, s.groups, 1e-6)
    own = w.group_norm("attentions.0.group_norm", x, s.groups, 1e-6).flatten(2).mT
    x = x + attention(w.of("attentions.0"), own, own, 1, bias=True).mT.unflatten(2, size)
    return resnet(w.of("resnets.1"), x, width, s.groups, 1e-6)


def encode(w, s, x):
    """Mean and log variance."""
    x = w.conv("encoder.conv_in", x, s.channels[0], padding=1)
    for i, width in enumerate(s.channels):
        for j in range(s.layers):
            x = resnet(w.of(f"encoder.down_blocks.{i}.resnets.{j}"), x, width, s.groups, 1e-6)
        if i < len(s.channels) - 1:
            name = f"encoder.down_blocks.{i}.downsamplers.0.conv"
            x = w.conv(name, functional.pad(x, (0, 1, 0, 1)), width, stride=2)
    x = middle(w.of("encoder.mid_block"), x, s)
    x = functional.silu(w.group_norm("encoder.conv_norm_out", x, s.groups, 1e-6))
    x = w.conv("encoder.conv_out", x, 2 * s.latents, padding=1)
    mean, spread = w.conv("quant_conv", x, 2 * s.latents, 1).chunk(2, 1)
    return mean, spread.clip(-30, 20)


def decode(w, s, x):
    x = w.conv("post_quant_conv", x, s.latents, 1)
    x = middle(w.of("decoder.mid_block"), w.conv("decoder.conv_in", x, s.channels[-1], padding=1), s)
    for i, width in enumerate(reversed(s.channels)):
        for j in range(s.layers + 1):
            x = resnet(w.of(f"decoder.up_blocks.{i}.resnets.{j}"), x, width, s.groups, 1e-6)
        if i < len(s.channels) - 1:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = w.conv(f"decoder.up_blocks.{i}.upsamplers.0.conv", x, width, padding=1)
    x = functional.silu(w.group_norm("decoder.conv_norm_out", x, s.groups, 1e-6))
    return w.conv("decoder.conv_out", x, 3, padding=1)


def embed(w, s, x):
    """The class token, [batch, 1, width]."""
    w = w.of("vision_model")
    x = w.conv("embeddings.patch_embedding", x, s.width, s.patch, bias=False, stride=s.patch).flatten(2).mT
    x = torch.cat([w.get("embeddings.class_embedding", s.width).expand(len(x), 1, -1), x], 1)
    x = w.layer_norm("pre_layrnorm", x + w.get("embeddings.position_embedding.weight", x.shape[1], s.width))
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    for i in range(s.layers):
        layer = w.of(f"encoder.layers.{i}")
        own = layer.layer_norm("layer_norm1", x)
        x = x + attention(layer.of("self_attn"), own, own, s.heads, names, bias=True)
        y = layer.linear("mlp.fc1", layer.layer_norm("layer_norm2", x), s.hidden)
        x = x + layer.linear("mlp.fc2", y * torch.sigmoid(1.702 * y), s.width)
    return w.layer_norm("post_layernorm", x[:, :1])


def waves(t, width):
    """Correctly rounded to float32."""
    half = width // 2
    rates = torch.exp((-math.log(10000) * torch.arange(half).float() / half).double()).float()
    angles = (t.float()[:, None] * rates).double()
    return torch.cat([angles.cos(), angles.sin()], 1).float().double()


def generate(settings, salt, picture, crop, noise, t, degree, scale):
    """The picture of a run with the timesteps `t`, a degree above 0 and guidance; the denoiser's last velocities."""
    w = {name: Weights(name, salt) for name in ("unet", "referencenet", "conditioning_referencenet", "vae")}
    mean, spread = encode(w["vae"], settings.vae, picture)
    own, beside = (0.18215 * (mean + torch.exp(spread / 2) * noise[i]) for i in range(2))
    token = embed(Weights("image_encoder", salt), settings.encoder, crop)
    zero = torch.zeros_like
    tokens = torch.cat([zero(token), (1 - degree) * token]), torch.cat([token, token])
    still = waves(torch.zeros(2 * len(own)), settings.unet.channels[0])
    _, shown = unet(w["referencenet"], settings.unet, torch.cat([zero(own), own]), still, tokens[0])
    _, rest = unet(w["conditioning_referencenet"], settings.unet, torch.cat([beside, beside]), still, tokens[1])
    for name, state in shown.items():
        null, real = state.chunk(2)
        shown[name] = torch.cat([torch.cat([null, (1 - degree) * real + degree * null]), rest[name]], 1)
    x, context, stride = noise[2], torch.cat(tokens, 1), t[0] - t[1]
    alphas = torch.cumprod(1 - torch.linspace(0.00085**0.5, 0.012**0.5, 1000).double() ** 2, 0)
    for now, drawn in zip(t, noise[3:], strict=True):
        sines = waves(torch.full((2 * len(x),), now), settings.unet.channels[0])
        without, seen = unet(w["unet"], settings.unet, torch.cat([x, x]), sines, context, shown)[0].chunk(2)
        v = (1 - scale) * without + scale * seen
        here, there = alphas[now], alphas[now - stride] if now >= stride else torch.tensor(1.0).double()
        kept = here / there
        clean = here.sqrt() * x - (1 - here).sqrt() * v
        x = (there.sqrt() * (1 - kept) * clean + kept.sqrt() * (1 - there) * x) / (1 - here)
        x = x + ((1 - there) / (1 - here) * (1 - kept)).sqrt() * drawn
    return decode(w["vae"], settings.vae, x / 0.18215)
