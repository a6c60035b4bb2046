"""Train: `perface train --config=perface_r50 --workdir=runs/perface_r50 [--config.field=value ...]`.

The same command continues a run that was interrupted. On SIGTERM and Ctrl-C it saves and exits with 75.
`perface train --help` lists the fields. `--distributed` joins the processes of a TPU pod, SLURM or Open MPI; elsewhere
give every process `--coordinator=HOST:PORT --processes=N --process=I`.
"""

import sys

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from perface_jax.commands import command_line, help_page
from perface_jax.network import compilation, late_callbacks
from perface_jax.training import outlook, preemption, trainer

FLAGS = {
    "config": ("NAME", "FILE.py, or one of configs/: perface_r50, perface_r50:d1."),
    "workdir": ("DIR", "Folder of this run: config, checkpoints, log, model."),
}
SHOWN = (
    "init", "data.release", "labels", "loss", "margin", "batch_size", "learning_rate", "epochs", "seed",
)  # fmt: skip


def main() -> None:
    """The command; see the docstring of the module."""
    command_line.show_help(sys.argv, page)
    config_flags.DEFINE_config_file("config", help_string=FLAGS["config"][1])
    flags.DEFINE_string("workdir", None, FLAGS["workdir"][1], required=True)
    flags.mark_flag_as_required("config")
    late_callbacks.drop()
    command_line.run(_train)


def page(group: str) -> list[str]:
    """What `--help` shows; of a group of fields, all that is known of them."""
    if group:
        return help_page.group(group)
    return [
        "usage: perface train --config=NAME --workdir=DIR [--config.FIELD=VALUE ...]",
        "The same command continues an interrupted run; Ctrl-C and SIGTERM save it.",
        *help_page.flags(FLAGS),
        *help_page.flags(help_page.PROCESSES),
        "\nfields that most runs set, as --config.FIELD=VALUE, and their defaults:",
        *help_page.fields(SHOWN),
        "\nall fields by group; `perface train --help GROUP` (or all) says what they mean:",
        *help_page.groups(),
    ]


def _train(config: ConfigDict) -> None:
    workdir = flags.FLAGS.workdir
    try:
        models = trainer.train(config, workdir, traces=compilation.traces_folder())
    except preemption.Preempted as stopped:
        print(stopped, flush=True)
        raise SystemExit(preemption.EXIT_CODE) from stopped
    if jax.process_index() == 0:
        print("\n".join(outlook.found(config, workdir, models)), flush=True)
