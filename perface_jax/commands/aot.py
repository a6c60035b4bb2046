"""Compile for chips that you do not have: `perface aot --config=perface_r50 --topology=v5e:2x2 [--config.field=value]`.

Compiles training step, validation, embedding and selection of a config, and prints for each whether it fits into
memory, what it computes, moves and sends, and what limits it. Nothing runs. It needs the extra `aot`.
"""

import importlib.metadata
import pathlib
import sys
from typing import Any

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from perface_jax import extras, files, outputs
from perface_jax._version import __version__
from perface_jax.aot import compiling, executables, page, programs
from perface_jax.aot import topology as topologies
from perface_jax.commands import command_line, help_page

FLAGS = {
    "config": ("NAME", "FILE.py, or one of configs/: perface_r50, perface_r50:table3."),
    "topology": ("NAME", f"Chips to compile for: {topologies.EXAMPLES}."),
    "programs": ("NAME,...", f"Some of {', '.join(programs.NAMES)}."),
    "embedding_batch": ("N", "Pictures in a batch of embeddings, for each device."),
    "json": ("FILE", "Write the record of every program."),
    "save": ("DIR", "Keep executables (aot.executables.load) and their text."),
}
SHOWN = ("model.arch", "model.dtype", "batch_size", "feed", "mesh.data")


def main() -> None:
    """The command; see the docstring of the module."""
    command_line.show_help(sys.argv, help_text)
    topologies.prepare()
    config_flags.DEFINE_config_file("config", help_string=FLAGS["config"][1])
    flags.DEFINE_string("topology", None, FLAGS["topology"][1], required=True)
    flags.DEFINE_list("programs", list(programs.NAMES), FLAGS["programs"][1])
    flags.DEFINE_integer("embedding_batch", programs.Sizes().embedding, FLAGS["embedding_batch"][1], lower_bound=1)
    flags.DEFINE_string("json", None, FLAGS["json"][1])
    flags.DEFINE_string("save", None, FLAGS["save"][1])
    flags.mark_flag_as_required("config")
    command_line.run(_compile)


def help_text(group: str) -> list[str]:
    """What `--help` shows; of a group of fields, all that is known of them."""
    if group:
        return help_page.group(group)
    return [
        "usage: perface aot --config=NAME --topology=NAME [--config.FIELD=VALUE ...]",
        "Compiles for chips that this computer does not have. Nothing runs.",
        *help_page.flags(FLAGS),
        "\nfields that matter most here, as --config.FIELD=VALUE, and their defaults:",
        *help_page.fields(SHOWN),
        "\nall fields by group; `perface aot --help GROUP` (or all) says what they mean:",
        *help_page.groups(),
    ]


def _compile(config: ConfigDict) -> None:
    given = flags.FLAGS
    outputs.require_files(given.json)
    outputs.require_folder(given.save)
    if given.save:  # what a CPU has loaded from the cache of programs cannot be saved again
        jax.config.update("jax_enable_compilation_cache", False)
    with extras.explained(program=True):
        topology = topologies.topology(given.topology)
    print("\n".join(page.header(topology.name, topology.chip, len(topology.devices))), flush=True)
    sizes, records = programs.Sizes(embedding=given.embedding_batch), []
    for program in programs.programs(config, topology, tuple(given.programs), sizes):
        compiled = compiling.compile_program(program, topology)
        records.append(compiled.record)
        print("\n".join(page.page(compiled.record)), flush=True)
        if given.save and compiled.executable is not None:
            print(f"  saved       {_save(compiled.executable, pathlib.Path(given.save), program)}", flush=True)
        if given.json:  # after each program: one alone can take many minutes
            files.write_text(given.json, files.to_json(_record(topology, records)))
    if given.json:
        print(f"\nThe records are in {given.json}")
    if any(record.get("across_replicas") for record in records):
        raise ValueError("replicas communicate with each other; see FAILURE above")


def _record(topology: topologies.Topology, records: list[dict]) -> dict[str, Any]:
    """All that the figures depend on, and the figures."""
    chip = topology.chip._asdict()
    compiler = "jax-cuda12-plugin" if topology.name == "h200" else "libtpu"
    versions = {"perface_jax": __version__, "jax": jax.__version__, compiler: importlib.metadata.version(compiler)}
    command = " ".join(["perface aot", *(word for word in sys.argv[1:] if not word.startswith(("--json", "--save")))])
    return {"part": "aot", "command": command, "topology": topology.name, "devices": len(topology.devices),
            "chip": chip, **versions, "rows": records}  # fmt: skip


def _save(executable: jax.stages.Compiled, folder: pathlib.Path, program: programs.Program) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{program.name}.txt").write_text(executable.as_text() or "")
    file = folder / f"{program.name}.executable"
    executables.save(file, executable, program.mesh.devices.ravel().tolist())
    return file
