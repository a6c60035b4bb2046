"""Train: `perface train --config=perface_r50 --workdir=runs/perface_r50 [--config.field=value ...]`.

The same command continues a run that was interrupted. On SIGTERM and Ctrl-C it saves and exits with 75.
`perface config` lists the fields. `--distributed` joins the processes of a TPU pod, SLURM or Open MPI; elsewhere give
every process `--coordinator=HOST:PORT --processes=N --process=I`.
"""

import functools
import sys

from absl import flags, logging
from ml_collections import ConfigDict, config_flags

from perface_jax.commands import command_line
from perface_jax.training import preemption, trainer


def main() -> None:
    """The command; see the docstring of the module."""
    config_flags.DEFINE_config_file("config", help_string="A file, or an installed config: perface_r50:table3.")
    flags.DEFINE_string("workdir", None, "Folder of this run: its config, checkpoints, log and model.", required=True)
    flags.mark_flag_as_required("config")
    sys.unraisablehook = functools.partial(command_line.drop_late_callbacks, sys.unraisablehook)
    command_line.run(_train, verbosity=logging.FATAL)  # errors that are raised are logged as well


def _train(config: ConfigDict) -> None:
    try:
        trainer.train(config, flags.FLAGS.workdir)
    except preemption.Preempted as stopped:
        print(stopped, flush=True)
        raise SystemExit(preemption.EXIT_CODE) from stopped
