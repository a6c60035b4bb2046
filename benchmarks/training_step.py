"""A training step: time and memory against the batch, beside PyTorch with the same weights, loss and optimizer.

    python -m benchmarks.training_step [--write]

One step is that of the paper: bytes of B triplets, normalization, one forward pass of their 3 B pictures with
batch statistics, the cosine triplet loss, its gradients, SGD with momentum and weight decay. Variants: `perface_jax`;
the same that recomputes the activations of each block in the backward pass (`remat`); PyTorch eager in both layouts and
by torch.compile; a GPU computes in bfloat16, PyTorch under autocast. All start from the same weights and use the
same batch repeatedly; `losses`, of the first step of every call, show that all compute the same.

With `--largest`, the default on a GPU, the largest batch that fits is found first: see `largest_batch`.
"""

import argparse
import functools
from collections.abc import Callable, Iterator

from benchmarks import largest_batch, networks, record, steps


def parser() -> argparse.ArgumentParser:
    """The options of this part."""
    made = record.parser(__doc__)
    networks.add_choices(made, ["r50"], [32, 128] if networks.GPU else [4, 32], "triplets")
    made.add_argument("--rounds", type=int, default=3, help="in which each variant is timed once")
    largest_batch.add_choices(made)
    return made


def measure(options: argparse.Namespace) -> dict:
    """A row for each architecture and batch, then one for the largest batch of each variant.

    Raises:
      ValueError: `--largest` without `--memory-gib` on a CPU.
    """
    # The search comes first, because this process keeps all accelerator memory that it once held.
    largest = list(largest_batch.rows(options)) if options.largest else []
    found = networks.measure(_rows, options)
    return found | {"rows": found["rows"] + largest}


def _rows(arch: str, options: argparse.Namespace) -> Iterator[dict]:
    size = {"width": options.width, "image_size": options.image_size}
    twin, model, variables = networks.pair(arch, **size)
    gflop = 3 * networks.operations(arch, training=True, **size) / 1e9
    for batch in options.batches:
        triplets = steps.random_triplets(batch, options.image_size)
        compiled, ours = _ours(model, variables, triplets, options.queued)
        found = _compare(ours, _pytorch(twin, triplets, options.queued), options)
        name = f"{arch}, batch {batch}"
        yield {"name": name, "batch": batch, "arch": arch, "gflop_per_triplet": gflop, **compiled, **found}


def _compare(ours, theirs, options):
    """Seconds of all variants that run here, and the losses of their steps."""
    losses = {name: [] for name in (*ours, *theirs)}
    calls = {name: functools.partial(_keep, losses[name], call) for name, call in (ours | theirs).items()}
    left_out = {"PyTorch compiled": "left out"} if options.skip_compiled else {}
    for name in ours:
        calls[name]()
    first, failed = networks.first_calls({name: calls[name] for name in theirs if name not in left_out})
    run = (*ours, *first)
    return {
        "first_call_seconds": first,
        "not_run": left_out | failed,
        "seconds": record.in_turns(
            {name: calls[name] for name in run}, options.rounds, queued=options.queued, warm=True
        ),
        "losses": {name: losses[name] for name in run},
    }


def _keep(kept, call):
    kept.extend(call())


def _ours(model, variables, triplets, queued) -> tuple[dict[str, dict], dict[str, Callable[[], list[float]]]]:
    """Facts about our compiled variants, by name, and the variants."""
    known, calls = {}, {}
    for name, remat in (("perface_jax", False), ("perface_jax remat", True)):
        facts, calls[name] = steps.ours(model.clone(remat=remat), variables, triplets, queued=queued)
        for fact, value in facts.items():
            known.setdefault(fact, {})[name] = value
    return known, calls


def _pytorch(twin, triplets, queued) -> dict[str, Callable[[], list[float]]]:
    """PyTorch's variants."""
    step = functools.partial(steps.pytorch, twin, triplets, queued=queued)
    calls = {f"PyTorch {layout}": step(layout=layout) for layout in networks.LAYOUTS}
    return calls | {"PyTorch compiled": step(layout="channels_last", compiled=True)}


if __name__ == "__main__":
    record.run("training_step", parser(), measure, compared_with=("torch",))
