"""Evaluate a run: `python evaluate.py --config=configs/perface_r50.py --workdir=runs/perface_r50 [--parts=...]`.

Prints every table and writes WORKDIR/evaluation.json. `--report=DIR` adds report.html and report.json,
`--figures=DIR` the figures as PDF. `--embeddings=FILE.npz` evaluates embeddings from any model in place of a run.
`--compare=OTHER` adds paired tests against another evaluated workdir, or another file of embeddings.

`--parts=embed --pictures=FOLDER --out=FILE.npz` embeds a folder of pictures with the run's model.

`--part=anonymize --originals=DIR --candidates=DIR --out=DIR` replaces faces by swaps that recognizers do not match.
`--part=privacy --originals=DIR --anonymized=NAME=DIR,...` evaluates the results of any anonymizer on both axes. Both
take `--landmarks`, `--attributes` and `--recognizers`; docs/anonymization.md has the forms.
"""

import jax
from absl import app, flags, logging
from etils import epath
from ml_collections import config_flags

from perface_jax import all_settings, evaluator, report
from perface_jax.anonymization import anonymizer
from perface_jax.anonymization.inputs import Inputs
from perface_jax.commands import command_line
from perface_jax.network import compilation

CONFIG = config_flags.DEFINE_config_file(
    "config",
    command_line.find_config("perface_r50"),
    help_string="The config that the run was made with, as for train.",
)
WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.")
PARTS = flags.DEFINE_list(
    "parts", None, "triplets, groups, selection; verification; embed; anonymize; privacy. Default: config.parts."
)
flags.DEFINE_alias("part", "parts")
EMBEDDINGS = flags.DEFINE_string("embeddings", None, "A .npz of names and embeddings, in place of --workdir.")
COMPARE = flags.DEFINE_string("compare", "", "Another evaluated workdir, or another .npz.")
REPORT = flags.DEFINE_string("report", None, "Folder for report.html and report.json.")
FIGURES = flags.DEFINE_string("figures", None, "Folder for the figures as PDF.")
PICTURES = flags.DEFINE_string("pictures", None, "Folder of pictures, for --parts=embed.")
CROP = flags.DEFINE_string("crop", None, "Of these pictures, as for embed_folder. Default: config.crop.")
OUT = flags.DEFINE_string("out", None, "File that --parts=embed writes, folder that --part=anonymize writes.")
CANDIDATES = flags.DEFINE_string("candidates", "", "Folder of pictures that may be swapped in.")
ORIGINALS = flags.DEFINE_string("originals", None, "Folder of original pictures, for --part=anonymize and privacy.")
ANONYMIZED = flags.DEFINE_list("anonymized", [], "The anonymized pictures, whole: NAME=DIR, one for each method.")
LANDMARKS = flags.DEFINE_list("landmarks", [], "FILE, or ROLE=FILE; a role is originals, candidates, or a method.")
ATTRIBUTES = flags.DEFINE_list("attributes", [], "FILE, or ROLE=FILE; a role is originals or candidates.")
RECOGNIZERS = flags.DEFINE_list("recognizers", [], "Further recognizers: NAME=FOLDER of a model, or of vectors.")
for former, name in {"anonymised": "anonymized", "queries": "originals", "embedder": "recognizers"}.items():
    flags.DEFINE_alias(former, name, module_name="former name")  # until version 2; not in --help
command_line.define_processes()


def main() -> None:
    """The command; see the docstring of the module."""
    command_line.run(_main)


def _main(arguments):
    logging.set_verbosity(logging.ERROR)  # Orbax and TFDS log every step
    if len(arguments) > 1:
        raise app.UsageError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
    try:
        compilation.keep_programs()
        command_line.join_processes()
        all_settings.check(CONFIG.value)
        evaluate(CONFIG.value)
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error


def evaluate(config):
    if PARTS.value in (["anonymize"], ["privacy"]):
        return anonymize(config, PARTS.value[0])
    if (WORKDIR.value is None) == (EMBEDDINGS.value is None):
        raise ValueError("give either --workdir, a run, or --embeddings, a file of vectors")
    if PARTS.value == ["embed"]:
        return embed(config)
    if PARTS.value:
        config.parts = tuple(PARTS.value)
    if EMBEDDINGS.value:
        target = evaluator.open_vectors(config, EMBEDDINGS.value, compare=COMPARE.value)
    else:
        target = evaluator.open_run(config, str(WORKDIR.value), compare=COMPARE.value)
    make_folders()
    found = evaluator.evaluate(target)
    if jax.process_index():
        return
    if target.workdir:
        report.write_json(target.workdir / "evaluation.json", found)
    show(found)


def make_folders():
    for folder in filter(None, (REPORT.value, FIGURES.value)):
        epath.Path(folder).mkdir(parents=True, exist_ok=True)  # refuse before hours of computing


def show(found):
    report.to_terminal(found._replace(facts={}))  # the files have them
    if REPORT.value:
        folder = epath.Path(REPORT.value)
        report.write_json(folder / "report.json", found)
        report.write_html(folder / "report.html", found)
        print(f"\nThe report is {folder / 'report.html'}")
    if FIGURES.value:
        report.save_figures(FIGURES.value, found)


def anonymize(config, part):
    if not ORIGINALS.value:
        raise ValueError(f"--part={part} wants --originals=DIR")
    if "anonymize" not in config:
        raise ValueError(f"--part={part} wants the config of a run on triplets; this one's task is {config.task}")
    inputs = Inputs(
        originals=ORIGINALS.value,
        methods=command_line.named(ANONYMIZED.value, alone="anonymized"),
        candidates=CANDIDATES.value,
        landmarks=command_line.named(LANDMARKS.value, alone=None),
        attributes=command_line.named(ATTRIBUTES.value, alone=None),
        recognizers=command_line.named(RECOGNIZERS.value, alone="recognizer"),
        crop=CROP.value or "celeba_hq",
    )
    if part == "privacy":
        make_folders()
        return show(anonymizer.evaluate(config, WORKDIR.value, inputs))
    if not (WORKDIR.value and CANDIDATES.value and OUT.value):
        raise ValueError("--part=anonymize wants --workdir=RUN --originals=DIR --candidates=DIR --out=DIR")
    make_folders()
    show(anonymizer.anonymize(config, WORKDIR.value, inputs, OUT.value))


def embed(config):
    if not (WORKDIR.value and PICTURES.value and OUT.value):
        raise ValueError("--parts=embed wants --workdir=RUN --pictures=FOLDER --out=FILE.npz")
    folder, kept, skipped = evaluator.embed(config, WORKDIR.value, PICTURES.value, OUT.value, crop=CROP.value)
    if jax.process_index() == 0:
        print(f"{len(kept)} pictures embedded by {folder}: {OUT.value}")
        print("".join(f"left out: {name}: {reason}\n" for name, reason in skipped), end="")
