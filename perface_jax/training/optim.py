"""Optimizers of the collection `params`; `constants` and `batch_stats` are not optimized.

Learning rate, weight decay and momentum may be traced scalars, so that the replicas of one program may differ in them.
Transformations are therefore built inside the traced function, and no number decides on a branch or on the structure of
a state. Gradients must be averages over the whole batch and all devices; clipping relies on it. Unknown or unfitting
arguments raise a ValueError that names them.
"""

import difflib
import inspect
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax
from optax import schedules

from perface_jax.arrays import AnyArray


def sgd(
    learning_rate: float | jax.Array | optax.Schedule,
    *,
    momentum: float | jax.Array = 0.9,
    weight_decay: float | jax.Array = 5e-4,
    nesterov: bool = False,
) -> optax.GradientTransformation:
    """Stochastic gradient descent as in PyTorch: the decay is added to the gradient, then momentum and learning rate.

    `g <- g + weight_decay * w;  v <- momentum * v + g;  w <- w - learning_rate * v`. Every parameter decays, including
    norms and slopes, as in the paper. Numbers that are arrays must have the dtype of the parameters.

    Args:
      learning_rate: > 0, or a function of the step; the paper uses 0.01.
      momentum: in [0, 1).
      weight_decay: at least 0.
      nesterov: use `g + momentum * v` instead of the last `v`.

    Source: torch.optim.SGD with dampening 0; PerFace (ICIP 2025), section 4.1.
    """
    descent = optax.sgd(learning_rate, momentum=momentum, nesterov=nesterov)
    return optax.chain(optax.add_decayed_weights(weight_decay), descent)


def schedule(
    name: str, *, steps: int, warmup: int = 0, boundaries: Sequence[int] = (), factor: float = 0.1
) -> optax.Schedule:
    """The factor of the learning rate, in [0, 1], as a function of the step (from 0).

    Before step `warmup`: `(step + 1) / (warmup + 1)`. After it, with `t = step - warmup`, constant: 1; cosine:
    `(1 + cos(pi t / (steps - warmup))) / 2`; step: `factor ** (number of boundaries <= step)`.

    Args:
      name: constant, cosine or step.
      steps: length of the whole run; only the cosine depends on it.
      warmup: in [0, steps).
      boundaries: increasing, after the warm-up, counted from the start of the run.
      factor: in [0, 1].

    Source: torch.optim.lr_scheduler: LinearLR, then CosineAnnealingLR or MultiStepLR.
    """
    if not 0 <= warmup < steps:
        raise ValueError(f"warm-up of {warmup} steps in a run of {steps}; wanted at least 0 and fewer than the run has")
    if list(boundaries) != sorted({step for step in boundaries if step > warmup}):
        raise ValueError(f"boundaries are {tuple(boundaries)}; wanted increasing steps after the warm-up of {warmup}")
    match name:
        case "constant":
            after = schedules.constant_schedule(1.0)
        case "cosine":
            after = schedules.cosine_decay_schedule(1.0, steps - warmup)
        case "step":
            after = schedules.piecewise_constant_schedule(1.0, {step - warmup: factor for step in boundaries})
        case _:
            raise ValueError(f"schedule is {name!r}; wanted constant, cosine or step")
    before = schedules.linear_schedule(1 / (warmup + 1), 1.0, max(warmup, 1))
    joined = schedules.join_schedules([before, after], [warmup])
    return lambda step: joined(jnp.asarray(step, float))  # under strict promotion optax wants no whole numbers here


def create(
    params: Any,
    *,
    name: str = "sgd",
    learning_rate: float | AnyArray,
    weight_decay: float | AnyArray,
    schedule: optax.Schedule = lambda step: 1.0,
    rules: Sequence[tuple[str, float | str]] = ((".*", 1.0),),
    clip_norm: float = 0.0,
    **options,
) -> optax.GradientTransformation:
    """The optimizer of a run: clips the gradient, then updates each parameter by its rule.

    Args:
      params: the parameters or their shapes, all of one dtype; numbers given as arrays are cast to it.
      name: sgd, or another optimizer of optax whose learning rate may be a function: adamw, lion, rmsprop.
      learning_rate: > 0.
      weight_decay: at least 0. Added to the gradient, unless the optimizer has its own decay (adamw).
      schedule: a factor of the learning rate.
      rules: as in `by_pattern`. A value is the factor of the weight decay, or "frozen": the parameter never changes,
        has no momentum, and its gradient does not count in the clipping.
      clip_norm: largest norm of the whole gradient as one vector; 0 = no clipping.
      **options: of the optimizer, by optax's names: momentum, nesterov, b1, eps.

    Known difference: torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm that it divides by.
    """
    build, dtype = _find(name), jax.tree.leaves(params)[0].dtype
    labels = by_pattern(params, [(pattern, str(value)) for pattern, value in rules])
    options = {key: value.astype(dtype) if hasattr(value, "astype") else value for key, value in options.items()}

    def rate(step):
        return jnp.asarray(learning_rate, dtype) * jnp.asarray(schedule(step), dtype)

    def descend(label):
        if label == "frozen":
            return optax.stateless_with_tree_map(lambda g, _: jnp.full_like(g, -0.0))  # +0 would turn a -0 into a +0
        decay = float(label) * jnp.asarray(weight_decay, dtype)
        if "weight_decay" in inspect.signature(build).parameters:
            return build(rate, weight_decay=decay, **options)
        return optax.chain(optax.add_decayed_weights(decay), build(rate, **options))

    # Not a set: its order differs between processes, and so would their programs.
    groups = {label: descend(label) for label in dict.fromkeys(jax.tree.leaves(labels))}
    moving = jax.tree.map(lambda label: label != "frozen", labels)
    clip = optax.masked(optax.clip_by_global_norm(clip_norm), moving) if clip_norm else optax.identity()
    return optax.chain(clip, optax.partition(groups, labels))


def by_pattern(params: Any, rules: Sequence[tuple[str, Any]]) -> Any:
    """For each parameter the value of the first rule whose pattern matches its whole path, `layer1_0/bn1/scale`.

    `rules` are pairs of a regular expression and a value. A parameter without a rule, or a rule that matches no
    parameter, raises a ValueError.
    """
    leaves, structure = jax.tree.flatten_with_path(params)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    first = [next((i for i, (pattern, _) in enumerate(rules) if re.fullmatch(pattern, path)), None) for path in paths]
    faults = sorted(f"- {path}" for path, i in zip(paths, first, strict=True) if i is None)
    faults += [f"+ {pattern}" for i, (pattern, _) in enumerate(rules) if i not in first]
    if faults:
        raise ValueError("parameters without a rule (-), rules without a parameter (+):\n" + "\n".join(faults))
    return jax.tree.unflatten(structure, [rules[i][1] for i in first if i is not None])


def _find(name):
    functions = inspect.getmembers(optax, inspect.isfunction)
    known = {key: found for key, found in functions if "learning_rate" in inspect.signature(found).parameters}
    if name not in known:
        close = ", ".join(difflib.get_close_matches(name, known)) or "none"
        raise ValueError(f"optax has no optimizer {name!r} that takes a learning rate; close to it: {close}")
    return sgd if name == "sgd" else known[name]
