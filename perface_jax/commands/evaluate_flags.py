"""The flags of `perface evaluate`, `anonymize` and `privacy`, and what `--help` of each of them shows."""

from collections.abc import Sequence

from absl import flags

from perface_jax import all_settings
from perface_jax.anonymization import settings as anonymization
from perface_jax.commands import help_page
from perface_jax.evaluation import settings as evaluation

RUN = {
    "workdir": ("DIR", "The run's folder."),
    "config": ("NAME", "As for train. Default: the config in --workdir, of which paths and evaluation settings may be"
                       " given again."),
}  # fmt: skip
EVALUATE = {
    "embeddings": ("FILE.npz", "Embeddings of any model, in place of --workdir."),
    "parts": ("PART,...", "triplets, groups, selection; verification; embed. Default: config.parts."),
    "compare": ("OTHER", "Another evaluated workdir, or another .npz: paired tests."),
    "report": ("DIR", "Folder for report.html and report.json."),
    "figures": ("DIR", "Folder for the figures as PDF."),
    "votes_table": ("DIR", "Folder for a CSV of every model: one line per vote."),
    "tables": ("", "Print every table, not the summary alone."),
}
EMBED = {
    "pictures": ("DIR", "Folder of pictures, for --parts=embed --out=FILE.npz."),
    "crop": ("CROP", "Of the pictures, as for embed_folder. Default: config.crop, or celeba_hq to anonymize."),
    "out": ("PATH", "File that --parts=embed writes, folder that anonymize writes."),
}
ORIGINALS = {"originals": ("DIR", "Folder of original pictures.")}
CANDIDATES = {"candidates": ("DIR", "Folder of pictures that may be swapped in.")}
METHODS = {"anonymized": ("NAME=DIR,...", "The anonymized pictures, whole: one folder for each method.")}
FACES = {
    "landmarks": ("FILE", "Points of all faces, or ROLE=FILE,...: of originals, candidates, or a method."),
    "attributes": ("FILE", "Male and Young of all faces, or ROLE=FILE,...: of originals or candidates."),
    "recognizers": ("NAME=DIR,...", "Further recognizers: folders of a model, or of vectors."),
}
DIFFUSION = {
    "method": ("NAME", "swap (default), diffusion or learned: docs/diffusion.md."),
    "diffusion": ("DIR", "Model folder of the diffusion anonymizer, or untrained."),
    "learned": ("DIR", "Model folder of the learned anonymizer."),
    "degree": ("NUMBER", "Of diffusion: 1 = no hint of who it was; default 1.25."),
    "seeds": ("K", "Of diffusion: results per face; default 4."),
    "steps": ("N", "Of diffusion: denoising steps; default 50."),
    "dtype": ("NAME", "Of diffusion: float32 (default) or bfloat16."),
    "photographs": ("DIR", "In place of --originals: all faces in them; unscored."),
}
VIDEO = {
    "video": ("IN OUT", "In place of --originals: a video; docs/video.md."),
    "keep": ("DIR", "Of --video: pictures of the people who stay visible."),
    "every": ("K", "Of --video: frames between detections; default 5."),
}
NUMBERS = {"degree": 1.25, "seeds": 4, "steps": 50, "every": 5}
PATHS = ("anonymized", *FACES)  # as `named_paths`
SWITCHES = ("tables",)
FORMER = {"anonymised": "anonymized", "queries": "originals", "embedder": "recognizers"}  # until version 2; not in help
OWN = {  # what the page of a command shows
    "": RUN | EVALUATE | EMBED,
    "anonymize": RUN | ORIGINALS | CANDIDATES | {"out": ("DIR", "Folder that is written.")} | FACES | DIFFUSION | VIDEO,
    "privacy": RUN | ORIGINALS | METHODS | FACES | {"report": EVALUATE["report"]},
}


def define() -> None:
    """Define all of them but --config; once in a process."""
    given = RUN | EVALUATE | EMBED | ORIGINALS | CANDIDATES | METHODS | FACES | DIFFUSION | VIDEO
    for name, (_, meaning) in given.items():
        if name == "parts":
            flags.DEFINE_list(name, None, meaning)
        elif name in PATHS:
            flags.DEFINE_multi_string(name, [], meaning)
        elif name in SWITCHES:
            flags.DEFINE_bool(name, False, meaning)
        elif name in NUMBERS:
            define = flags.DEFINE_float if isinstance(NUMBERS[name], float) else flags.DEFINE_integer
            define(name, NUMBERS[name], meaning)
        elif name != "config":
            flags.DEFINE_string(name, "", meaning)
    flags.DEFINE_alias("part", "parts")
    for former, name in FORMER.items():
        flags.DEFINE_alias(former, name, module_name="former name")


def with_video(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `--video IN OUT` as `--video=IN --out=OUT`."""
    found = list(arguments)
    for place, argument in enumerate(found):
        if argument in ("--video", "-video") and place + 1 < len(found):
            found[place : place + 2] = [f"--video={found[place + 1]}"]
        if found[place].startswith("--video=") and place + 1 < len(found) and not found[place + 1].startswith("-"):
            found[place + 1] = f"--out={found[place + 1]}"
    return found


def part(arguments: Sequence[str]) -> str:
    """`anonymize` or `privacy` where the arguments say so, otherwise ""."""
    return next((name for name in OWN if name and {f"--part={name}", f"--parts={name}"} & {*arguments}), "")


def page(part: str, word: str) -> list[str]:
    """The help of `evaluate`, part "", or of a part; with the word `fields` the fields of its config."""
    fields = anonymization.FIELDS if part else evaluation.FIELDS
    if word:
        return _fields(word, fields)
    return [
        *TEXTS[part],
        *help_page.flags(OWN[part]),
        "\nfields, as --config.FIELD=VALUE, and their defaults:",
        *help_page.fields(FIELDS[part]),
        f"all fields of this command: perface {part or 'evaluate'} --help fields",
    ]


def _fields(word, fields):
    if word != "fields":
        raise ValueError(f"saw --help {word}, wanted --help, or --help fields: all fields of the config")
    return [help_page.described(field) for field in fields if field in all_settings.FIELDS]


TEXTS = {
    "": [
        "usage: perface evaluate --workdir=DIR | --embeddings=FILE.npz [options]",
        "Writes WORKDIR/evaluation.json; the config is the one that the run recorded.",
    ],
    "anonymize": [
        "usage: perface anonymize --workdir=.. --originals=.. --candidates=.. --out=DIR",
        "Chooses a replacement for every original, swaps it in, and releases the result",
        "only if no recognizer matches it; docs/anonymization.md has the forms of files.",
    ],
    "privacy": [
        "usage: perface privacy --originals=DIR --anonymized=NAME=DIR,... [options]",
        "Evaluates anonymized pictures from any method: who still matches them, and what",
        "of the original they keep; docs/anonymization.md has the forms of files.",
    ],
}
FIELDS = {
    "": ("data.release", "data.data_dir", "groups.folder", "statistics.interval"),
    "anonymize": tuple(
        f"anonymize.{name}" for name in ("candidates", "false_accept_rate", "prefer", "naturalness", "floor")
    ),
    "privacy": tuple(f"anonymize.{name}" for name in ("size", "false_accept_rate", "degrees", "references", "retouch")),
}
