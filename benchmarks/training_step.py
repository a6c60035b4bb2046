"""A training step: time and memory against the batch, beside PyTorch with the same weights, loss and optimiser.

    python -m benchmarks.training_step [--write]

One step is what the paper trains with: bytes of B triplets, normalisation, one forward pass of their 3 B pictures with
batch statistics, the cosine triplet loss, its gradients, SGD with momentum and weight decay. Variants: `perface_jax`;
the same that recomputes the activations of each block in the backward pass (`remat`); PyTorch eager in both layouts and
by torch.compile; a GPU computes in bfloat16, PyTorch under autocast. All begin with the same weights and see the same
batch over and over; `losses` are those of every step, so that one sees that all do the same. `working_memory_mib` is
what our compiled program holds beside state and batch: activations above all.
"""

import argparse
import functools
import time
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks import networks, record
from perface_jax import compilation, optim, state
from perface_jax.step import Loss, Norms, train_step, triplet_objective

NUMBERS = {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "margin": 0.1}  # the paper's


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    networks.add_choices(made, ["r18", "r50"], [4, 32], "triplets")
    made.add_argument("--rounds", type=int, default=3, help="in which each variant is timed once")
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each architecture and batch."""
    return networks.measure(_rows, options)


def _rows(arch: str, options: argparse.Namespace) -> Iterator[dict]:
    size = {"width": options.width, "image_size": options.image_size}
    twin, model, variables = networks.pair(arch, **size)
    facts = {"arch": arch, "gflop_per_triplet": 3 * networks.operations(arch, training=True, **size) / 1e9}
    random = np.random.default_rng(0)
    for batch in options.batches:
        triplets = random.integers(0, 256, (batch, 3, options.image_size, options.image_size, 3), np.uint8)
        compiled, ours = _ours(model, variables, triplets)
        found = _compare(ours | _pytorch(twin, triplets), options)
        yield {"name": f"{arch}, batch {batch}", "batch": batch, **facts, **compiled, **found}


def _compare(calls, options):
    """Seconds of all that run here, and the losses of their steps."""
    losses = {name: [] for name in calls}
    calls = {name: functools.partial(_keep, losses[name], call) for name, call in calls.items()}
    why = "left out" if options.skip_compiled else networks.fault(calls["PyTorch compiled"])
    if why:
        del calls["PyTorch compiled"], losses["PyTorch compiled"]
    return {
        "not_run": {"PyTorch compiled": why} if why else {},
        "seconds": record.in_turns(calls, options.rounds),
        "losses": losses,
    }


def _keep(kept, call):
    kept.append(call())


def _ours(model, variables, triplets) -> tuple[dict, dict[str, Callable[[], float]]]:
    """What is known of our variants once they are compiled, and one step of each."""
    batch = jax.device_put({"images": triplets, "weight": np.ones(len(triplets), np.float32)})
    compiling, memory, calls = {}, {}, {}
    for name, remat in (("perface_jax", False), ("perface_jax remat", True)):
        begun, started = _state(variables), time.perf_counter()
        program = _program(model.clone(remat=remat)).lower(begun, batch).compile()
        compiling[name] = round(time.perf_counter() - started, 2)
        memory[name] = round(program.memory_analysis().temp_size_in_bytes / 2**20, 1)
        calls[name] = _stepping(program, begun, batch)
    return {"compile_seconds": compiling, "working_memory_mib": memory}, calls


def _program(model):
    """What `parallel.spmd` makes of the step on one device, without its leading axes."""
    objective = functools.partial(triplet_objective, choices=(Loss.COSINE_TRIPLET,))
    step = functools.partial(train_step, model=model, optimizer=_optimizer, objective=objective, norms=Norms.GLOBAL)
    return jax.jit(step, donate_argnums=0, compiler_options=compilation.options())


def _optimizer(hyper):
    return optim.sgd(hyper.learning_rate, momentum=hyper.momentum, weight_decay=hyper.weight_decay)


def _state(variables):
    numbers = {name: np.float32(value) for name, value in (NUMBERS | {"temperature": 1}).items()}
    hyper = state.Hyper(**numbers, loss=np.int32(0))
    # A copy: what is donated cannot be read again.
    return jax.tree.map(jnp.array, state.create(variables, _optimizer(hyper), hyper))


def _stepping(program, now, batch):
    def step():
        nonlocal now
        now, sums = jax.block_until_ready(program(now, batch))
        return float(sums["loss"] / sums["count"])

    return step


def _pytorch(twin, triplets) -> dict[str, Callable[[], float]]:
    """One step of PyTorch's variants."""
    pictures, calls = triplets.reshape(-1, *triplets.shape[2:]), {}
    for layout in networks.LAYOUTS:
        calls[f"PyTorch {layout}"] = _pytorch_step(networks.in_layout(twin, layout), networks.planes(pictures, layout))
    network, planes = networks.in_layout(twin, layout), networks.planes(pictures, layout)
    return calls | {"PyTorch compiled": _pytorch_step(network, planes, how=networks.compiled)}


def _pytorch_step(network, planes, *, how=lambda loss: loss):
    learnt = [weight for weight in network.train().parameters() if weight.requires_grad]
    descent = {"momentum": NUMBERS["momentum"], "weight_decay": NUMBERS["weight_decay"]}
    optimiser = torch.optim.SGD(learnt, NUMBERS["learning_rate"], **descent)
    forward = how(functools.partial(_loss, network))

    def step():
        optimiser.zero_grad()
        loss = forward(planes)
        loss.backward()
        optimiser.step()
        networks.wait()
        return loss.item()

    return step


def _loss(network, planes):
    with networks.reduced():
        embeddings = network(planes.float().sub(127.5).div(127.5)).float()
    reference, positive, negative = embeddings.unflatten(0, (-1, 3)).unbind(1)
    closeness = torch.cosine_similarity(reference, positive)
    return torch.relu(torch.cosine_similarity(reference, negative) - closeness + NUMBERS["margin"]).mean()


if __name__ == "__main__":
    record.run("training_step", parser(), measure, compared_with=("torch",))
