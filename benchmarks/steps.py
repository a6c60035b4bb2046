"""One training step in JAX and in PyTorch: same weights, same B triplets, same loss and optimizer.

Triplets are uint8 `[B, 3, S, S, 3]`: role, rows, columns, channels. A call takes `queued` steps,
waits for the last one only, and returns their losses. The margin exceeds any difference of cosines, so that the loss
and its gradients never become 0.
"""

import functools
import time
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import networks
from perface_jax.network import compilation
from perface_jax.network.model import IResNet
from perface_jax.training import optim, state
from perface_jax.training.step import Loss, Norms, train_step, triplet_objective
from tests import torch_twin

# Those of the paper, except for its margin of 0.1.
NUMBERS = {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "margin": 2.1}


def random_triplets(batch: int, image_size: int) -> np.ndarray:
    """Random triplets, uint8 `[batch, 3, image_size, image_size, 3]`."""
    return np.random.default_rng(0).integers(0, 256, (batch, 3, image_size, image_size, 3), np.uint8)


def ours(
    model: IResNet, variables: Mapping, triplets: np.ndarray, *, queued: int
) -> tuple[dict[str, float], Callable[[], list[float]]]:
    """Our step, compiled.

    Args:
      model: the network.
      variables: its three collections, float32.
      triplets: uint8 `[B, 3, S, S, 3]`.
      queued: steps per call.

    Returns:
      (facts, call). `working_memory_mib` is the memory of the program apart from state and batch, mostly activations;
      `memory_mib` includes both.
    """
    batch = jax.device_put({"images": triplets, "weight": np.ones(len(triplets), np.float32)})
    begun, started = _state(variables), time.perf_counter()
    program = _program(model).lower(begun, batch).compile()
    facts = {"compile_seconds": round(time.perf_counter() - started, 2)}
    sizes = program.memory_analysis()
    whole = sizes.argument_size_in_bytes + sizes.output_size_in_bytes - sizes.alias_size_in_bytes
    facts["working_memory_mib"] = round(sizes.temp_size_in_bytes / 2**20, 1)
    facts["memory_mib"] = round((whole + sizes.temp_size_in_bytes) / 2**20, 1)
    facts["gbyte_accessed"] = networks.bytes_accessed(program)
    return facts, _stepping(program, begun, batch, queued)


def pytorch(
    twin: torch_twin.IResNet, triplets: np.ndarray, *, layout: str, queued: int, compiled: bool = False
) -> Callable[[], list[float]]:
    """PyTorch's step.

    Args:
      twin: the network; a copy of it is trained.
      triplets: uint8 `[B, 3, S, S, 3]`.
      layout: of `networks.LAYOUTS`.
      queued: steps of a call.
      compiled: forward pass, loss and gradients by torch.compile.
    """
    network = networks.in_layout(twin, layout).train()
    planes = networks.planes(triplets.reshape(-1, *triplets.shape[2:]), layout)
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    descent = {"momentum": NUMBERS["momentum"], "weight_decay": NUMBERS["weight_decay"]}
    optimizer = torch.optim.SGD(learned, NUMBERS["learning_rate"], **descent)
    forward = functools.partial(_loss, network)
    forward = networks.compiled(forward) if compiled else forward

    def steps():
        losses = []
        for _ in range(queued):
            optimizer.zero_grad()
            loss = forward(planes)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        networks.wait()
        return [loss.item() for loss in losses]

    return steps


def _program(model):
    """The program of `parallel.spmd` for one device, without its leading axes."""
    objective = functools.partial(triplet_objective, choices=(Loss.COSINE_TRIPLET,))
    step = functools.partial(train_step, model=model, optimizer=_optimizer, objective=objective, norms=Norms.GLOBAL)
    return jax.jit(step, donate_argnums=0, compiler_options=compilation.options())


def _optimizer(hyper):
    return optim.sgd(hyper.learning_rate, momentum=hyper.momentum, weight_decay=hyper.weight_decay)


def _state(variables):
    numbers = {name: np.float32(value) for name, value in (NUMBERS | {"temperature": 1}).items()}
    hyper = state.Hyper(**numbers, loss=np.int32(0))
    # A copy: donated arrays cannot be read again.
    return jax.tree.map(jnp.array, state.create(variables, _optimizer(hyper), hyper))


def _stepping(program, now, batch, queued):
    def steps():
        nonlocal now
        sums = []
        for _ in range(queued):
            now, of_step = program(now, batch)
            sums.append(of_step)
        jax.block_until_ready(now)
        return [float(one["loss"] / one["count"]) for one in sums]

    return steps


def _loss(network, planes):
    with networks.reduced():
        embeddings = network(planes.float().sub(127.5).div(127.5)).float()
    reference, positive, negative = embeddings.unflatten(0, (-1, 3)).unbind(1)
    closeness = torch.cosine_similarity(reference, positive)
    return torch.relu(torch.cosine_similarity(reference, negative) - closeness + NUMBERS["margin"]).mean()
