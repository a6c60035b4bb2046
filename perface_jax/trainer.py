"""The training loop, in the order in which things happen."""

import functools
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, experiment, optim, parallel, state
from perface_jax.datasets.batches import steps_per_epoch, training_batches
from perface_jax.model_folder import save_model
from perface_jax.step import train_step


def train(config: ConfigDict, workdir: epath.PathLike) -> epath.Path:
    """Run the training that the config describes, or continue it where it was saved last.

    Args:
      config: see `configs/perface_r50.py`, whose comments say what each field means.
      workdir: the run's own folder: config.json, log.jsonl, checkpoints/, model/.

    Returns:
      the model folder with the state that `config.export` names: the best on the validation triplets, or the last.

    Raises:
      ValueError: the workdir holds another run, or the config cannot be run; nothing is changed then.
      FloatingPointError: the loss stopped being a number; the message says between which steps.
    """
    experiment.check(config)
    mesh = parallel.data_mesh()
    parallel.check_batch_size(config.batch_size, mesh)
    record = json.loads(config.to_json())
    state.refuse_other_run(workdir, record)
    model, variables = experiment.starting_point(config)
    data = experiment.open_data(config)
    workdir = state.claim(workdir, record)

    optimizer = optim.sgd(config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay)
    step = parallel.spmd(
        functools.partial(
            train_step, model=model, optimizer=optimizer, margin=config.margin, train_norms=config.batch_norm == "train"
        ),
        mesh,
    )
    epoch = steps_per_epoch(data.training, config.batch_size)
    last = round(config.epochs * epoch)
    last = min(last, config.max_steps) if config.max_steps else last

    run = state.begin(parallel.replicate(state.create(variables, optimizer), mesh))
    with state.checkpoints(workdir) as manager:
        run = state.restore(manager, run) or run
        first = int(run.state.step)
        batches = training_batches(
            data.triplets,
            data.training_labels,
            data.training,
            batch_size=config.batch_size,
            seed=config.seed,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
            start_step=first,
            flip=config.flip,
        )
        log = Log(workdir / "log.jsonl", first, last, config.log_every)
        for at in range(first, last + 1):
            # Before the next batch is taken: the state saved and the position in the data are one instant.
            if at % (config.evaluate_every * epoch) == 0 or at == last:
                log.flush(at)  # a state that is no number any more must not replace a good one
                score = _validate(config, model, run.state, data)
                log.write({"step": at, "validation_accuracy": score})
                run = state.keep_best(run, score)
                state.save(manager, run)
            if at < last:
                new, sums = step(run.state, parallel.to_global(next(batches), mesh))
                run = run.replace(state=new)
                log.after_step(at + 1, sums)
        log.write({"step": last, "best_step": int(run.best_step), "best_validation_accuracy": float(run.best_score)})
    return _export(config, workdir, model, run)


class Log:
    """Lines of numbers, on the screen and in a JSON-lines file.

    The sums of the steps stay on the device and are fetched once per log point.
    """

    def __init__(self, file: epath.Path, first: int, last: int, every: int):
        self.file, self.last, self.every = file, last, every
        self.seen, self.sums, self.since = first, None, time.perf_counter()

    def after_step(self, step: int, sums: dict[str, jax.Array]) -> None:
        """Add the sums of a step; at a log point, write their means."""
        self.sums = sums if self.sums is None else jax.tree.map(jnp.add, self.sums, sums)
        if step % self.every == 0:
            self.flush(step)

    def flush(self, step: int) -> None:
        """Write the means of the steps since the last time, and stop a run that diverged.

        Raises:
          FloatingPointError: the loss is not finite.
        """
        if self.sums is None:
            return
        total = jax.device_get(self.sums)
        rate = float(total["count"]) / (time.perf_counter() - self.since)
        means = {name: float(total[name] / total["count"]) for name in ("loss", "correct", "active")}
        if not np.isfinite(means["loss"]):
            raise FloatingPointError(
                f"the loss is {means['loss']} between steps {self.seen} and {step}: the run diverged. Lower"
                " config.learning_rate; the last good state is in the workdir's checkpoints."
            )
        self.write({"step": step, "loss": means["loss"], "training_accuracy": means["correct"],
                    "active_triplets": means["active"], "triplets_per_second": rate})
        self.seen, self.sums, self.since = step, None, time.perf_counter()

    def write(self, line: dict) -> None:
        """Write one line of named numbers; on several hosts, the first one writes."""
        if jax.process_index():
            return
        with self.file.open("a") as file:
            file.write(json.dumps(line) + "\n")
        numbers = "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in line.items() if name != "step")
        print(f"step {line['step']}/{self.last}  {numbers}", flush=True)


def _validate(config, model, train_state, data):
    embeddings = evaluation.embed_triplets(
        model,
        train_state.variables,
        data.triplets,
        data.labels,
        data.settings["validation"],
        batch_size=config.evaluation_batch_size,
    )
    if not np.isfinite(embeddings).all():
        raise FloatingPointError(
            f"the embeddings after step {int(train_state.step)} are not finite: the run diverged. Lower"
            " config.learning_rate; the last good state is in the workdir's checkpoints."
        )
    return evaluation.triplet_row("", "validation", embeddings, np.zeros(len(embeddings), int)).accuracy


def _export(config, workdir, model, run):
    folder = workdir / "model"
    if not folder.exists():
        best = config.export == "best"
        variables = state.best_variables(run) if best else jax.device_get(run.state.variables)
        steps = int(run.best_step if best else run.state.step)
        source = {"trained_from": config.init or f"random weights, seed {config.seed}", "steps": steps}
        licence = "the licences of the weights it started from and of the training data apply"
        save_model(folder, model.clone(crop=config.crop), variables, source=source, licence=licence)
    return folder
