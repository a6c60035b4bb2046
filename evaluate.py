"""Evaluate a run: `python evaluate.py --config=configs/perface_r50.py --workdir=runs/perface_r50 [--parts=...]`.

Prints every table of the parts, and writes WORKDIR/evaluation.json. `--report=DIR` adds report.html and report.json,
`--figures=DIR` the figures as PDF. `--embeddings=FILE.npz` judges anybody's vectors in the place of a run.
`--compare=OTHER` adds paired tests against another evaluated workdir, or another file of vectors.

`--parts=embed --pictures=FOLDER --out=FILE.npz` embeds a folder of pictures with the run's model.
"""

import jax
from absl import app, flags, logging
from etils import epath
from ml_collections import config_flags

from perface_jax import command_line, evaluator, report

CONFIG = config_flags.DEFINE_config_file("config", help_string="The file of configs/ that the run was made with.")
WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder.")
PARTS = flags.DEFINE_list("parts", None, "triplets, groups, selection; verification; embed. Default: config.parts.")
EMBEDDINGS = flags.DEFINE_string("embeddings", None, "A .npz of names and embeddings, in the place of --workdir.")
COMPARE = flags.DEFINE_string("compare", "", "Another evaluated workdir, or another .npz.")
REPORT = flags.DEFINE_string("report", None, "Folder for report.html and report.json.")
FIGURES = flags.DEFINE_string("figures", None, "Folder for the figures as PDF.")
PICTURES = flags.DEFINE_string("pictures", None, "Folder of pictures, for --parts=embed.")
CROP = flags.DEFINE_string("crop", None, "Of these pictures, as for embed_folder. Default: config.crop.")
OUT = flags.DEFINE_string("out", None, "File that --parts=embed writes.")
command_line.define_processes()
flags.mark_flags_as_required(["config"])


def main(arguments):
    logging.set_verbosity(logging.ERROR)  # Orbax and TFDS tell every step they take
    if len(arguments) > 1:
        raise app.UsageError(f"unexpected argument {arguments[1]!r}; fields are set as --config.field=value")
    try:
        command_line.join_processes()
        evaluate(CONFIG.value)
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from error


def evaluate(config):
    if (WORKDIR.value is None) == (EMBEDDINGS.value is None):
        raise ValueError("give either --workdir, a run to judge, or --embeddings, a file of vectors")
    if PARTS.value == ["embed"]:
        return embed(config)
    if PARTS.value:
        config.parts = tuple(PARTS.value)
    if EMBEDDINGS.value:
        judged = evaluator.open_vectors(config, EMBEDDINGS.value, compare=COMPARE.value)
    else:
        judged = evaluator.open_run(config, WORKDIR.value, compare=COMPARE.value)
    for folder in filter(None, (REPORT.value, FIGURES.value)):
        epath.Path(folder).mkdir(parents=True, exist_ok=True)  # better refused now than when all is computed
    found = evaluator.evaluate(judged)
    if jax.process_index():
        return
    report.to_terminal(found._replace(facts={}))  # they are in the files
    if judged.workdir:
        report.write_json(judged.workdir / "evaluation.json", found)
    if REPORT.value:
        folder = epath.Path(REPORT.value)
        report.write_json(folder / "report.json", found)
        report.write_html(folder / "report.html", found)
        print(f"\nThe report is {folder / 'report.html'}")
    if FIGURES.value:
        report.save_figures(FIGURES.value, found)


def embed(config):
    if not (WORKDIR.value and PICTURES.value and OUT.value):
        raise ValueError("--parts=embed wants --workdir=RUN --pictures=FOLDER --out=FILE.npz")
    folder, kept, skipped = evaluator.embed(config, WORKDIR.value, PICTURES.value, OUT.value, crop=CROP.value)
    if jax.process_index() == 0:
        print(f"{len(kept)} pictures embedded by {folder}: {OUT.value}")
        print("".join(f"left out: {name}: {reason}\n" for name, reason in skipped), end="")


if __name__ == "__main__":
    app.run(main, flags_parser=command_line.parse)
