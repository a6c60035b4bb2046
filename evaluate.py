"""Evaluate a run: `python evaluate.py --config=configs/perface_r50.py --workdir=runs/perface_r50`.

Prints the triplet accuracy before and after training in every setting and writes it to WORKDIR/evaluation.json.
"""

import json

from absl import app, flags, logging
from etils import epath
from ml_collections import config_flags

from perface_jax import evaluation, experiment, report, state
from perface_jax.model_folder import load_model

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
    state.refuse_other_run(workdir, json.loads(config.to_json()))
    if not (workdir / "model").exists():
        raise FileNotFoundError(f"{workdir} holds no finished run: train.py writes {workdir / 'model'} when it is done")
    models = {"before": experiment.starting_point(config), "after": load_model(workdir / "model")}
    rows = evaluation.triplet_rows(models, experiment.open_data(config), batch_size=config.evaluation_batch_size)
    report.write_json(workdir / "evaluation.json", rows)
    print(report.triplet_table(rows))


if __name__ == "__main__":
    app.run(main)
