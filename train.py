"""Train: `python train.py --config=configs/perface_r50.py --workdir=runs/perface_r50 [--config.field=value ...]`."""

from absl import app, flags, logging
from ml_collections import config_flags

from perface_jax import trainer

CONFIG = config_flags.DEFINE_config_file("config", help_string="A file of configs/.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of this run: its config, checkpoints, log and model.")
flags.mark_flags_as_required(["config", "workdir"])


def main(arguments):
    logging.set_verbosity(logging.ERROR)  # Orbax and TFDS tell every step they take
    if len(arguments) > 1:
        raise app.UsageError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
    try:
        trainer.train(CONFIG.value, WORKDIR.value)
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    app.run(main)
