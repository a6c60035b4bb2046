"""Train: `perface train --config=perface_r50 --workdir=runs/perface_r50 [--config.field=value ...]`.

The same command continues a run that was interrupted. On SIGTERM it saves and exits with 75. `perface config` lists the
fields. `--distributed` joins the processes of a TPU pod, SLURM or Open MPI; elsewhere give every process
`--coordinator=HOST:PORT --processes=N --process=I`.
"""

import functools
import sys

from absl import app, flags, logging
from ml_collections import config_flags

from perface_jax import all_settings
from perface_jax.commands import command_line
from perface_jax.network import compilation
from perface_jax.training import preemption, trainer

CONFIG = config_flags.DEFINE_config_file(
    "config", help_string="A file, or the name of an installed config: perface_r50:table3."
)
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of this run: its config, checkpoints, log and model.", required=True
)
command_line.define_processes()
flags.mark_flag_as_required("config")


def main() -> None:
    """The command; see the docstring of the module."""
    command_line.run(_main)


def _main(arguments):
    # Orbax and TFDS log every step they take, and the tracebacks of errors that they raise as well.
    logging.set_verbosity(logging.FATAL)
    sys.unraisablehook = functools.partial(command_line.drop_late_callbacks, sys.unraisablehook)
    if len(arguments) > 1:
        raise app.UsageError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
    try:
        compilation.keep_programs()
        command_line.join_processes()
        all_settings.check(CONFIG.value)
        trainer.train(CONFIG.value, str(WORKDIR.value))
    except preemption.Preempted as stopped:
        print(stopped, flush=True)
        raise SystemExit(preemption.EXIT_CODE) from stopped
    except (ValueError, OSError, FloatingPointError) as error:
        raise SystemExit(str(error)) from error
