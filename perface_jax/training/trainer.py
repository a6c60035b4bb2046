"""The training loop, in the order in which things happen."""

import functools
import json
import os
import sys

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import disk_space, memory, outputs, parallel
from perface_jax.network.model_folder import replace_model
from perface_jax.training import anonymizers, builders, outlook, programs, run_lock, scales, state, sweeps
from perface_jax.training import workdir as workdirs
from perface_jax.training.preemption import Preempted, Preemption
from perface_jax.training.progress import Progress
from perface_jax.training.tasks import open_task


def train(config: ConfigDict, workdir: epath.PathLike, *, traces: os.PathLike | None = None) -> list[epath.Path]:
    """Run the training that the config describes, or continue it from the last saved state.

    Args:
      config: see `config_schema.FIELDS`; fields of other packages are not read.
      workdir: the run's own folder: config.json, versions.json, log.jsonl, tensorboard/, checkpoints/, and model/, or
        models/NAME/ for each run of a sweep.
      traces: a folder for traced programs, with which the next start of the same run is faster (`stored_traces`). Give
        none where this package is changed while it runs.

    Returns:
      The model folders with the states that `config.export` names: best on the validation rows, or last.

    Raises:
      ValueError: the workdir holds another run, another process trains in it, or the config cannot be run. Nothing has
        been changed then.
      FloatingPointError: all runs have diverged; the message says since which step.
      OutOfMemory: see `memory`; the message says what to make smaller.
      Preempted: on SIGTERM or Ctrl-C, after the state is saved.
    """
    config = workdirs.of_run(config, workdir)
    replicas = sweeps.replicas(config)
    with memory.explained(outlook.smaller(config, len(replicas))):
        return _train(config, workdir, replicas, traces)


def _train(config, workdir, replicas, traces):
    mesh = builders.mesh(config, len(replicas))
    record = workdirs.record(config)
    run_lock.refuse_held(workdir)
    outputs.require_folder(workdir)
    changed = workdirs.refuse_other_run(workdir, record)

    stored = programs.stored(traces, config, mesh)
    model, weights = builders.starting_point(replicas[0].config)
    task = open_task(replicas, mesh)
    inputs, epoch = task.inputs, max(task.inputs.epochs)  # an epoch in steps
    last = min(round(config.epochs * epoch), config.max_steps or sys.maxsize)
    interval = max(1, round(config.evaluate_every * epoch))  # steps from one validation to the next
    optimizer = builders.optimizer(config, task.with_head(weights, config)["params"], last)

    def first_state(i):
        own = replicas[i].config
        same = own.init or own.seed == replicas[0].config.seed  # otherwise other random weights
        variables = task.with_head(weights if same else builders.starting_point(own)[1], own)
        hyper = builders.hyper(own, model.param_dtype, task.losses)
        return state.create(variables, optimizer(hyper), hyper)

    run = state.begin(parallel.stack_replicas(first_state, len(replicas), mesh))
    options = {"model": model, "optimizer": optimizer, "objective": task.objective}
    program = programs.steps(config, mesh, **options)
    compare = programs.validation(config, mesh, model=model, compare=task.compare)
    if stored:
        program = stored.steps(program, model=model, objective=task.objective, last=last)
        compare = stored.validation(compare, model=model)

    # All errors in config, data and weights have been raised by now, and the workdir is unchanged.
    with run_lock.held(workdir):
        folder = parallel.first_process_first(functools.partial(workdirs.claim, workdir, record))
        with state.checkpoints(folder, keep=config.keep_checkpoints) as manager, Preemption() as preemption:
            run = state.restore(manager, run, replicas=len(replicas)) or run
            step = run.step  # how many have been taken
            options = {"first": step, "last": last, "every": config.log_every, "tensorboard": config.tensorboard}
            with Progress(folder, [replica.name for replica in replicas], **options) as progress:
                for name, (before, now) in changed.items():
                    progress.note(step, changed=f"config.{name}: {before} -> {now}")
                for note in task.notes:
                    progress.note(step, data=note)
                progress.note(step, shown=False, steps_per_epoch=list(inputs.epochs))
                runs = {"devices": jax.device_count(), "runs": len(replicas), "epochs": inputs.epochs}
                progress.say(*outlook.planned(config, mesh, first=step, last=last, workdir=workdir, **runs))

                def validate(variables):
                    scores, by_source = _validate(compare, variables, inputs)
                    if np.isfinite(scores).any():
                        progress.validated(step, scores, by_source)
                    return parallel.place_global(scores, mesh, parallel.STATE)

                while True:
                    # The start is validated while the first step runs, so that nobody waits for two compilations. A
                    # first call of many steps waits: what the start is worth is then told before it.
                    starts = step == 0 < last and config.steps_per_call == 1
                    # Before the next batch is taken: the state saved and the position in the data are one instant.
                    if (step % interval == 0 or step == last) and not starts:
                        progress.flush(step, run.state.diverged)
                        run = state.keep_best(run, validate(run.state.variables))
                        if step:  # step 0 is recomputed as fast as it is read
                            state.save(manager, run, replicas=len(replicas))
                    if step == last:
                        progress.chosen(step)
                        break
                    if preemption.requested(step):
                        state.save(manager, run, replicas=len(replicas))
                        raise Preempted(f"told to stop after step {step} of {last}; the state is saved in {folder}")
                    count = min(config.steps_per_call or last, interval - step % interval, last - step)
                    batches = inputs.training(step, count)
                    with jax.transfer_guard_host_to_device("disallow"):
                        new, sums = program(run.state, batches, *inputs.shared)
                    run = run.replace(state=new)
                    if starts:  # the step has taken over the memory of its state, but the best state is the start, too
                        run = state.score_best(run, validate({**run.best, "constants": new.constants}))
                    step += count
                    progress.after_steps(step, count, sums, new.diverged)
        return _export(config, folder, model, run, replicas, mesh, task, functools.partial(_scales, compare, inputs))


def model_folder(workdir: epath.Path, replica: sweeps.Replica) -> epath.Path:
    """The folder of the model of one run of this workdir."""
    return workdir / "models" / replica.name if replica.name else workdir / "model"


def _validate(compare, variables, inputs):
    batches = inputs.validation()
    programs = (compare(variables, batch, *inputs.shared) for batch in batches)
    cosines = [parallel.fetch(found, replicas=len(inputs.epochs))[:, 0] for found, _ in programs]
    if not cosines:  # nothing to validate on, which config.export = "last" allows
        return np.full(len(inputs.epochs), np.nan, np.float32), ()
    cosines = np.concatenate(cosines, axis=1)
    return inputs.score(cosines), inputs.by_source(cosines)


def _scales(compare, inputs, variables):
    """For each replica, what its kept model says of its cosines, from the validation rows."""
    batches = inputs.validation(every=True)
    replicas = len(inputs.epochs)
    found = (compare(variables, batch, *inputs.shared)[1] for batch in batches)
    rows = [parallel.fetch(embeddings, replicas=replicas)[:, 0] for embeddings in found]
    return inputs.scales(np.concatenate(rows, axis=1) if rows else np.empty((replicas, 0, 3, 1), np.float32))


def _export(config, workdir, model, run, replicas, mesh, task, measured):
    """Write a model folder for each replica, with its scale and masks, replacing one of an earlier export."""
    last = {"params": run.state.params, "batch_stats": run.state.batch_stats}
    chosen, steps = (run.best, run.best_step) if config.export == "best" else (last, run.state.step)
    chosen, steps = {**chosen, "constants": run.state.constants}, parallel.fetch(steps)
    parts = measured(chosen) if task.exports else []
    for i, replica in enumerate(replicas):
        folder = model_folder(workdir, replica)
        variables = parallel.take_replica(chosen, i, mesh)
        variables["params"].pop("classes", None)
        masks = variables["params"].pop("annotators", None)
        init = replica.config.init or f"random weights, seed {replica.config.seed}"
        source = {"trained_from": init, "steps": int(steps[i])}
        license = "the licenses of the weights it started from and of the training data apply"
        if jax.process_index() == 0 and not _is_there(folder, source):
            with disk_space.explained(folder, "Free some space; the same command then writes it"):
                if task.exports:
                    replace_model(folder, model.clone(crop=config.crop), variables, source=source, license=license)
                else:
                    anonymizers.write(folder, model, variables["params"], source=source, license=license)
        if jax.process_index() == 0 and task.exports:
            scales.write(folder, parts[i], crop=config.crop, step=int(steps[i]))
            task.write_masks(folder, masks, i)
    return [model_folder(workdir, replica) for replica in replicas]


def _is_there(folder, source):
    described = folder / "model.json"
    return described.exists() and json.loads(described.read_text())["source"] == source
