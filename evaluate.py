"""Evaluate a run: `python evaluate.py --config=configs/perface_r50.py --workdir=runs/perface_r50`.

Prints the triplet accuracy before and after training in every setting, or for identities the verification accuracy on
those that nothing was chosen by, and writes it to WORKDIR/evaluation.json.
"""

import collections
import functools
import json

from absl import app, flags, logging
from etils import epath
from ml_collections import config_flags

from perface_jax import command_line, evaluation, experiment, report, sweeps, trainer
from perface_jax.model_folder import load_model
from perface_jax.workdir import refuse_other_run

CONFIG = config_flags.DEFINE_config_file("config", help_string="The file of configs/ that the run was made with.")
WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.")
flags.mark_flags_as_required(["config", "workdir"])


def main(arguments):
    logging.set_verbosity(logging.ERROR)  # Orbax and TFDS tell every step they take
    if len(arguments) > 1:
        raise app.UsageError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
    try:
        evaluate(CONFIG.value, epath.Path(WORKDIR.value))
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error


def evaluate(config, workdir):
    experiment.check(config)
    refuse_other_run(workdir, json.loads(config.to_json()))
    replicas = sweeps.replicas(config)
    folders = [trainer.model_folder(workdir, replica) for replica in replicas]
    if missing := [folder for folder in folders if not folder.exists()]:
        raise FileNotFoundError(f"{workdir} holds no finished run: train.py writes {missing[0]} when it is done")
    rows = (_verification if config.task == "identities" else _triplets)(config, replicas, folders)
    report.write_json(workdir / "evaluation.json", rows)
    print(report.table(rows))


def _verification(config, replicas, folders):
    data = experiment.open_identities(config, unseen="test")
    size = config.evaluation_batch_size
    models = {"before": experiment.starting_point(config)}
    models |= {f"after {one.name}".strip(): load_model(folder) for one, folder in zip(replicas, folders, strict=True)}
    return [evaluation.verification_row(name, *model, data, batch_size=size) for name, model in models.items()]


def _triplets(config, replicas, folders):
    triplets = experiment.open_triplets(config)
    cells = collections.defaultdict(list)
    before = {}  # by seed, or one for all that start from the same folder
    for replica, folder in zip(replicas, folders, strict=True):
        data = experiment.divide(triplets, replica.config)
        score = functools.partial(evaluation.score_triplets, data=data, batch_size=config.evaluation_batch_size)
        start = config.init or replica.config.seed
        if start not in before:
            before[start] = score(*experiment.starting_point(replica.config))
        scores = evaluation.Scores(replica.seed, before[start], score(*load_model(folder)), data.settings)
        cells[replica.cell].append(scores)
    return evaluation.triplet_rows(cells, triplets.source_id)


if __name__ == "__main__":
    app.run(main, flags_parser=command_line.parse)
