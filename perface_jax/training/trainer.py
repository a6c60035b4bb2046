"""The training loop, in the order in which things happen."""

import functools
import json
import sys

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import parallel
from perface_jax.network.model_folder import replace_model
from perface_jax.training import builders, input_pipeline, state, sweeps
from perface_jax.training import workdir as workdirs
from perface_jax.training.preemption import Preempted, Preemption
from perface_jax.training.progress import Progress
from perface_jax.training.step import Loss, Norms, compare_step, identity_objective, train_steps, triplet_objective


def train(config: ConfigDict, workdir: epath.PathLike) -> list[epath.Path]:
    """Run the training that the config describes, or continue it where it was saved last.

    Args:
      config: see `config_schema.FIELDS`; fields of other rooms are not read.
      workdir: the run's own folder: config.json, versions.json, log.jsonl, tensorboard/, checkpoints/, and model/, or
        models/NAME/ for each run of a sweep.

    Returns:
      the model folders with the states that `config.export` names: the best on the validation rows, or the last.

    Raises:
      ValueError: the workdir holds another run, or the config cannot be run; nothing is changed then.
      FloatingPointError: no run is finite any more; the message says since which step.
      Preempted: SIGTERM came; the state is saved.
    """
    replicas = sweeps.replicas(config)
    mesh = parallel.make_mesh(len(replicas), data=config.mesh.data)
    parallel.check_batch_size(config.batch_size, mesh)
    parallel.check_batch_size(config.evaluation_batch_size, mesh, name="config.evaluation_batch_size")
    record = json.loads(config.to_json())
    changed = workdirs.refuse_other_run(workdir, record)
    model, start, feed, objective = _open(replicas, mesh)
    epoch = max(feed.epochs)
    last = min(round(config.epochs * epoch), config.max_steps or sys.maxsize)
    between = max(1, round(config.evaluate_every * epoch))
    optimizer = builders.optimizer(config, start(0)["params"], last)
    optimizer(builders.hyper(config, model.param_dtype, _choices(replicas)))  # wrong rules are refused here
    workdir = parallel.first_process_first(lambda: workdirs.claim(workdir, record))

    options = {"model": model, "optimizer": optimizer, "objective": objective, "norms": Norms(config.batch_norm)}
    step = parallel.spmd(functools.partial(train_steps, **options), mesh, how=parallel.How(config.mesh.how))
    compare = parallel.spmd_rows(functools.partial(compare_step, model=model), mesh)
    run = state.begin(parallel.stack_replicas(_states(replicas, model, start, optimizer), len(replicas), mesh))
    names = [replica.name for replica in replicas]
    with state.checkpoints(workdir, keep=config.keep_checkpoints) as manager, Preemption() as preemption:
        run = state.restore(manager, run) or run
        at = run.step
        with Progress(
            workdir, names, first=at, last=last, every=config.log_every, tensorboard=config.tensorboard
        ) as progress:
            for name, (before, now) in changed.items():
                progress.note(at, changed=f"config.{name}: {before} -> {now}")
            progress.note(at, steps_per_epoch=list(feed.epochs))
            while True:
                # Before the next batch is taken: the state saved and the position in the data are one instant.
                if at % between == 0 or at == last:
                    progress.flush(at, run.state.diverged)
                    scores = _validate(compare, run, feed)
                    progress.validated(at, scores)
                    run = state.keep_best(run, parallel.place_global(scores, mesh, parallel.STATE))
                    if at:  # the start is made again as fast as it is read; SIGTERM saves it all the same
                        state.save(manager, run)
                if at == last:
                    break
                if preemption.requested(at):
                    state.save(manager, run)
                    raise Preempted(f"told to stop after step {at} of {last}; the state is saved in {workdir}")
                count = min(config.steps_per_call or last, between - at % between, last - at)
                batches = feed.training(at, count)
                with jax.transfer_guard_host_to_device("disallow"):
                    new, sums = step(run.state, batches, *feed.shared)
                run, at = run.replace(state=new), at + count
                progress.after_steps(at, count, sums, new.diverged)
    return _export(config, workdir, model, run, replicas, mesh)


def model_folder(workdir: epath.Path, replica: sweeps.Replica) -> epath.Path:
    """Where the model of one run of this workdir is written."""
    return workdir / "models" / replica.name if replica.name else workdir / "model"


def _open(replicas, mesh):
    """The model, what each replica starts from, what they are fed with, and what they minimize."""
    config = replicas[0].config
    model, first = builders.starting_point(config)

    def start(i):
        same = config.init or replicas[i].config.seed == config.seed
        return first if same else builders.starting_point(replicas[i].config)[1]

    if config.task == "triplets":
        triplets = builders.open_triplets(config)
        feed = input_pipeline.open_triplets(replicas, [builders.divide(triplets, one.config) for one in replicas], mesh)
        return model, start, feed, functools.partial(triplet_objective, choices=_choices(replicas))
    data = builders.open_identities(config)
    feed = input_pipeline.ResidentIdentities(replicas, data, mesh)
    objective = functools.partial(identity_objective, scale=config.scale)
    return model, lambda i: builders.with_classes(start(i), replicas[i].config, data.classes), feed, objective


def _choices(replicas):
    """The losses of all replicas; none for identities."""
    return tuple(dict.fromkeys(Loss(one.config.loss) for one in replicas if one.config.task == "triplets"))


def _states(replicas, model, start, optimizer):
    def state_of(i):
        numbers = builders.hyper(replicas[i].config, model.param_dtype, _choices(replicas))
        return state.create(start(i), optimizer(numbers), numbers)

    return state_of


def _validate(compare, run, feed):
    cosines = [parallel.fetch(compare(run.state.variables, batch, *feed.shared))[:, 0] for batch in feed.validation()]
    return feed.score(np.concatenate(cosines, axis=1))


def _export(config, workdir, model, run, replicas, mesh):
    """A model folder for each replica; one that another export wrote is replaced."""
    best = config.export == "best"
    steps = parallel.fetch(run.best_step if best else run.state.step)
    chosen = {"params": run.state.params, "batch_stats": run.state.batch_stats}
    chosen = {**(run.best if best else chosen), "constants": run.state.constants}
    folders = []
    for i, replica in enumerate(replicas):
        folder = model_folder(workdir, replica)
        variables = parallel.take_replica(chosen, i, mesh)
        variables["params"].pop("classes", None)
        init = replica.config.init or f"random weights, seed {replica.config.seed}"
        source = {"trained_from": init, "steps": int(steps[i])}
        license = "the licenses of the weights it started from and of the training data apply"
        if jax.process_index() == 0 and not _is_there(folder, source):
            replace_model(folder, model.clone(crop=config.crop), variables, source=source, license=license)
        folders.append(folder)
    return folders


def _is_there(folder, source):
    described = folder / "model.json"
    return described.exists() and json.loads(described.read_text())["source"] == source
