"""What a training will do, said before it starts, and what it found, said when it is done; lines of 80 columns."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epath
from jax.sharding import Mesh
from ml_collections import ConfigDict

from perface_jax.formatting import interval, wrapped
from perface_jax.network.mesh_axes import DATA, REPLICA
from perface_jax.training import checkpoint_choice
from perface_jax.training.progress import read_log

ROWS = {"triplets": "triplets", "identities": "pictures", "anonymizer": "faces"}
SCORES = {
    "triplets": "Accuracy on validation triplets",
    "identities": "Accuracy on validation pairs of pictures",
    "anonymizer": "Protection times likeness of validation faces (docs/learned_anonymizer.md)",
}


def planned(
    config: ConfigDict,
    mesh: Mesh,
    *,
    devices: int,
    runs: int,
    epochs: Sequence[int],
    first: int,
    last: int,
    workdir: epath.PathLike,
) -> list[str]:
    """What begins at step `first` and ends at `last`; `epochs` are the steps in one pass, of each run.

    `devices` are all there are, of which the mesh may use a part.
    """
    what = f"{runs} runs as one program" if runs > 1 else "one run"
    used = f"{mesh.size} of {devices}" if mesh.size < devices else f"{devices}"
    on = f"{used} device{'s' * (devices > 1)} ({mesh.devices.flat[0].platform}){_shared(mesh, runs)}"
    rows = ROWS[config.task]
    passes = f"{min(epochs)} to {max(epochs)}" if min(epochs) < max(epochs) else f"{max(epochs)}"
    begin = f"continues at step {first:,} of {last:,}" if first else f"{last:,} steps"
    start = config.init or "random weights"
    return [
        wrapped(f"Training in {workdir}: {what} on {on}, from {start}."),
        wrapped(
            f"{begin} of {config.batch_size} {rows} each, {passes} in one pass over the data; Ctrl-C saves and stops."
        ),
    ]


def _shared(mesh, runs):
    """How the runs of a sweep share the devices."""
    groups, each = mesh.shape[REPLICA], mesh.shape[DATA]
    turns = -(-runs // groups)
    return f", {each} for each run" * (runs > 1 < each) + f", {turns} runs in turn" * (turns > 1)


def smaller(config: ConfigDict, runs: int) -> str:
    """What to make smaller where `runs` runs at a time do not fit into memory, with the values of this config."""
    pictures = "triplets of three pictures" if config.task == "triplets" else ROWS[config.task]
    model = config.model
    found = [
        f"config.batch_size ({config.batch_size} {pictures} now)",
        f"config.evaluation_batch_size ({config.evaluation_batch_size})",
        f"config.model.width ({model.width})",
        f"config.model.image_size ({model.image_size})",
    ]
    found += [f"the values of config.sweep ({runs} runs are trained at a time)"] if runs > 1 else []
    other = [] if getattr(model, "remat", True) else ["config.model.remat=True takes less memory and more time"]
    if getattr(config, "feed", "disk") != "disk" and runs == 1:
        other.append(f"config.feed=disk does not keep all pictures on every device, as {config.feed} does")
    return "; ".join([f"Lower {', '.join(found[:-1])} or {found[-1]}", *other])


def found(config: ConfigDict, workdir: epath.PathLike, models: Sequence[epath.Path]) -> list[str]:
    """What the validations of a finished run say, what that is worth, and where the models are."""
    lines = read_log(epath.Path(workdir) / "log.jsonl")
    where = str(models[0]) if len(models) == 1 else f"{models[0].parent}, {len(models)} models"
    return [
        *(wrapped(sentence, indent="") for sentence in _sentences(config, lines, models)),
        wrapped(f"The model: {where}. Next: {_next(config, workdir, models[0])}", indent=""),
    ]


def _next(config, workdir, model):
    if config.task == "anonymizer":
        return f"perface anonymize --method=learned --learned={model}"
    return f"perface evaluate --workdir={workdir}"


def _sentences(config, lines, models):
    scores: dict[str, dict[int, float]] = {}
    for line in lines:
        if "validation_accuracy" in line:
            scores.setdefault(line.get("replica", ""), {})[line["step"]] = line["validation_accuracy"]
    if not scores:
        yield "Nothing was validated: how good the model is, its evaluation says."
        return
    kept = [_kept(scores, model, len(models) == 1) for model in models]
    first = [of_run[min(of_run)] for of_run in scores.values()]
    which = "the best" if config.export == "best" else "the last"
    what = SCORES[config.task]
    at = f", of step {_steps(models[0]):,}" if len(models) == 1 else f", in {len(models)} runs"
    kept_model = f"{_mean(kept)} with the model kept ({which}{at})"
    yield f"{what}: {_mean(first)} at the start, {kept_model}."
    choices = checkpoint_choice.from_log(lines)
    held_out = [choice.held_out for choice in choices.values() if np.isfinite(choice.held_out)]
    if held_out and config.export == "best":
        sources = next(iter(choices.values())).sources
        yield (
            f"The best of {len(next(iter(scores.values())))} validations on {sources} sources is partly luck; on new"
            f" sources expect about {_mean(held_out)}, the score of choices that do not see the source."
        )


def _kept(scores: dict[str, dict[int, float]], model: epath.Path, alone: bool) -> float:
    return scores.get("" if alone and "" in scores else model.name, {}).get(_steps(model), np.nan)


def _steps(model: epath.Path) -> int:
    described: dict[str, Any] = json.loads((model / "model.json").read_text())
    return described["source"]["steps"]


def _mean(values: Sequence[float]) -> str:
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return "unknown"
    spread = f" {interval(known.min(), known.max())}" if len(known) > 1 else ""
    return f"{known.mean():.3f}{spread}"
