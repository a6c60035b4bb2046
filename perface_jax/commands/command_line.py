"""What `train` and `evaluate` share: flags, refused in one line if they are wrong, and several processes.

Flags are defined when a command runs, so that importing one has no effect."""

import contextlib
import difflib
import pathlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from perface_jax import all_settings, configs, parallel
from perface_jax.argument_parser import at_home
from perface_jax.network import compilation
from perface_jax.settings import TASKS, flat
from perface_jax.training import config_schema, sweeps


def run(work: Callable[[ConfigDict], None]) -> None:
    """Read the flags, and call `work` with the checked `--config`.

    What `work` refuses or cannot write ends the process with the message alone; a run that diverged with 1.
    """

    def main(arguments):
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.FATAL)  # see `quiet`
        try:
            if len(arguments) > 1:
                raise ValueError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
            compilation.keep_programs()
            _join_processes()
            expand_homes(flags.FLAGS.config)
            all_settings.check(flags.FLAGS.config)
            for warning in replaced(sys.argv, flags.FLAGS.config):
                print(warning, file=sys.stderr, flush=True)
            work(flags.FLAGS.config)
        except (ValueError, OSError) as error:
            raise SystemExit(str(error)) from error
        except FloatingPointError as error:  # nothing was wrong with what was given
            print(error, file=sys.stderr)
            raise SystemExit(1) from error

    _define_processes()
    app.run(main, flags_parser=parse)


def show_help(arguments: Sequence[str], page: Callable[[str], Sequence[str]]) -> None:
    """Where `--help` is among the arguments, print the page of the word behind it, "" for none, and end."""
    for argument, word in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument in ("--help", "-h", "-help", "-?"):
            with _one_line(()):
                print("\n".join(page("" if word.startswith("-") else word)))
            raise SystemExit(0)


def parse(arguments: Sequence[str]) -> list[str]:
    """Read the flags; a wrong one ends the process and names the flag, the closest field, and what may be swept."""
    with _one_line(arguments):
        return flags.FLAGS(_with_config_paths(arguments))


def define_config(read: Callable[[], ConfigDict], meaning: str) -> None:
    """Define `--config` as what `read` returns, with the fields that the command line sets; refuses as `parse` does."""
    with _one_line(sys.argv):
        config_flags.DEFINE_config_dict("config", read(), meaning)


def replaced(arguments: Sequence[str], config: ConfigDict) -> list[str]:
    """A warning for every field that the arguments set and the sweep of the config sets anew."""
    swept = flat(config.sweep.to_dict())
    return [
        f"warning: {argument} has no effect: config.sweep.{name} = {tuple(swept[name])} takes its place"
        for name, argument in _overrides(arguments).items()
        if name in config_schema.SWEPT and len(swept[name])
    ]


@contextlib.contextmanager
def _one_line(arguments: Sequence[str]) -> Iterator[None]:
    overrides = _overrides(arguments)
    for name, argument in overrides.items():
        _refuse_unknown(name, argument)
    try:
        yield
    except (AttributeError, KeyError) as error:  # of ml_collections: a field that is for the other task
        everywhere = set.intersection(*({one.name for one in all_settings.of_task(task)} for task in TASKS))
        suspects = [argument for name, argument in overrides.items() if name not in everywhere]
        raise SystemExit(f"the config of this task has no such field: {' or '.join(suspects)}") from error
    except (ValueError, TypeError, OSError, flags.Error) as error:
        raise SystemExit(_in_one_line(str(error))) from error


def _in_one_line(message):
    missing = re.findall(r"flag (--\w+)=None", message)
    if missing:
        return f"missing: {', '.join(missing)}; --help shows an example"
    line = message.strip().splitlines()[-1].removeprefix("ValueError: ")  # behind the traceback of a config
    line = re.sub(r"invalid literal for int\(\) with base \d+: .*", "wanted a whole number", line)
    return re.sub(r"could not convert string to float: .*", "wanted a number", line)


def find_config(given: str) -> str:
    """The path of a config, given as `FILE.py` or by the name of an installed one; both with or without `:variant`."""
    name, colon, variant = given.partition(":")
    if not name.isidentifier():
        return given
    installed = {path.stem: path for path in sorted(pathlib.Path(configs.__path__[0]).glob("[!_]*.py"))}
    if name not in installed:
        raise ValueError(f"no config is called {name!r}; give the path of a file, or one of: {', '.join(installed)}")
    return f"{installed[name]}{colon}{variant}"


def _with_config_paths(arguments):
    found = list(map(at_home, arguments))
    for i, argument in enumerate(found):
        flag, equals, value = argument.partition("=")
        if flag == "--config" and equals:
            found[i] = f"--config={_existing(value)}"
        elif i and found[i - 1] == "--config":
            found[i] = _existing(argument)
    return found


def _existing(given):
    path = find_config(given)
    if path == given and path.endswith(".py") and not pathlib.Path(path).exists():
        raise FileNotFoundError(f"no config {path}; wanted the path of a file, or the name of an installed config")
    return path


def _overrides(arguments):
    """The arguments that set a field, by its name."""
    return {name: argument for argument in arguments if (name := _field_name(argument))}


def _field_name(argument):
    """`--config.split.sources[0]=1` -> `split.sources`; "" for what sets no field."""
    flag = argument.lstrip("-").partition("=")[0].partition("[")[0].removeprefix("no")
    return flag.removeprefix("config.") if argument.startswith("-") and flag.startswith("config.") else ""


def _refuse_unknown(name, argument):
    group, _, swept = name.partition(".")
    if group == "sweep" and swept not in ("", "combine", "split", *config_schema.SWEPT):
        raise SystemExit(f"{argument}: {sweeps.ONE_PROGRAM}")
    if not any(field.covers(name) or field.name.startswith(f"{name}.") for field in all_settings.FIELDS):
        close = difflib.get_close_matches(name, [field.name for field in all_settings.FIELDS], 1)
        advice = f"; did you mean {close[0]!r}?" if close else "; `perface config` lists the fields"
        raise SystemExit(f"the config has no field {name!r}: {argument}{advice}")


def expand_homes(config: ConfigDict) -> None:
    """Fields may begin with `~` in the file of a config, too."""
    homes = {name: at_home(value) for name, value in flat(config.to_dict()).items() if str(value)[:1] == "~"}
    config.update_from_flattened_dict(homes)


def _define_processes():
    flags.DEFINE_bool("distributed", False, "This is one of several processes that the cluster knows.")
    flags.DEFINE_string("coordinator", None, "HOST:PORT of process 0, unless the cluster knows it.")
    flags.DEFINE_integer("processes", None, "Number of processes.")
    flags.DEFINE_integer("process", None, "Number of this process, from 0.")


def _join_processes():
    given = [flags.FLAGS[name].value for name in ("coordinator", "processes", "process")]
    if flags.FLAGS.distributed or any(value is not None for value in given):
        parallel.initialize(*given)
