"""Evaluate a run: `python evaluate.py --workdir=runs/perface_r50 [--parts=...] [--config.data.release=DIR ...]`.

The config is the one that the run recorded; what was moved since, and settings of an evaluation, may be given again.
Prints a summary (`--tables`: every table) and writes WORKDIR/evaluation.json. `--report=DIR` adds report.html and
report.json, `--figures=DIR` the figures as PDF, `--votes_table=DIR` a CSV with one line per vote for every model.
`--embeddings=FILE.npz` evaluates embeddings from any model in place of a run. `--compare=OTHER` adds paired tests
against another evaluated workdir, or another file of embeddings.

`--parts=embed --pictures=FOLDER --out=FILE.npz` embeds a folder of pictures with the run's model.

`--part=anonymize --originals=DIR --candidates=DIR --out=DIR` replaces faces by swaps that recognizers do not match.
`--part=privacy --originals=DIR --anonymized=NAME=DIR,...` evaluates the results of any anonymizer on both axes. Both
take `--landmarks`, `--attributes` and `--recognizers`; docs/anonymization.md has the forms.
"""

import argparse
import functools
import sys
from collections.abc import Sequence

import jax
from absl import flags
from etils import epath
from ml_collections import ConfigDict, config_flags

from perface_jax import detection, evaluator, formatting, memory, outputs, report
from perface_jax.anonymization import anonymizer, diffusing, photograph_folder, video_file, video_inputs
from perface_jax.anonymization.inputs import Inputs
from perface_jax.commands import command_line, evaluate_flags, named_paths, stored_config

FLAGS = flags.FLAGS


def main() -> None:
    """The command; see the docstring of the module."""
    sys.argv[1:] = evaluate_flags.with_video(sys.argv[1:])
    command_line.show_help(sys.argv, functools.partial(evaluate_flags.page, evaluate_flags.part(sys.argv)))
    meaning = evaluate_flags.RUN["config"][1]
    if workdir := run_without_config(sys.argv[1:]):
        command_line.define_config(functools.partial(stored_config.read, workdir), meaning)
    else:
        config_flags.DEFINE_config_file("config", command_line.find_config("perface_r50"), meaning)
    evaluate_flags.define()
    command_line.run(_evaluate)


def run_without_config(arguments: Sequence[str]) -> str:
    """The `--workdir` whose config is wanted: "" where `--config` is given, or no run."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("config", "workdir"):
        parser.add_argument(f"--{name}", f"-{name}", nargs="?")
    given = parser.parse_known_args(arguments)[0]
    return "" if given.config else given.workdir or ""


def _evaluate(config: ConfigDict) -> None:
    with memory.explained(f"Lower config.evaluation_batch_size ({config.evaluation_batch_size} now)"):
        _run_part(config)


def _run_part(config: ConfigDict) -> None:
    if config.task == "anonymizer":
        raise ValueError(f"{FLAGS.workdir} trains an anonymizer; evaluate it with perface anonymize --method=learned")
    if FLAGS.parts in (["anonymize"], ["privacy"]):
        return _anonymize(config, FLAGS.parts[0])
    if bool(FLAGS.workdir) == bool(FLAGS.embeddings):
        raise ValueError("give either --workdir, a run, or --embeddings, a file of vectors")
    if FLAGS.parts == ["embed"]:
        return _embed(config)
    if FLAGS.parts:
        config.parts = tuple(FLAGS.parts)
    if FLAGS.embeddings:
        target = evaluator.open_vectors(config, FLAGS.embeddings, compare=FLAGS.compare)
    else:
        target = evaluator.open_run(config, FLAGS.workdir, compare=FLAGS.compare)
    _make_folders()
    if jax.process_index() == 0:
        print(_planned(target), flush=True)
    found = evaluator.evaluate(target._replace(votes_table=FLAGS.votes_table))
    if jax.process_index():
        return
    _show(found)
    if target.workdir:
        report.write_json(target.workdir / "evaluation.json", found)
        print(f"All numbers: {target.workdir / 'evaluation.json'}; tables: --tables; a page: --report=DIR")


def _planned(target):
    """What will be done; how long it takes is shown while it is done."""
    names = {model.identity: model.name for models in target.models for model in models.values()}
    many = f"{len(names)} models" if len(names) > 2 else " and ".join(names.values())
    return formatting.wrapped(
        f"Evaluating {target.workdir or target.vectors.path} ({many}) on {', '.join(target.config.parts)}: every model"
        " embeds every picture once, then the intervals are computed."
    )


def _make_folders():
    """Refuse before hours of computing what cannot be written at their end."""
    if jax.process_index():
        return
    for folder in filter(None, (FLAGS.report, FLAGS.figures, FLAGS.votes_table)):
        outputs.require_folder(folder)
        epath.Path(folder).mkdir(parents=True, exist_ok=True)
    if FLAGS.workdir:
        outputs.require_folder(FLAGS.workdir)  # of evaluation.json


def _show(found):
    report.to_terminal(found._replace(facts={}), tables=FLAGS.tables)  # the files have the facts
    if FLAGS.report:
        folder = epath.Path(FLAGS.report)
        report.write_json(folder / "report.json", found)
        report.write_html(folder / "report.html", found)
        print(f"\nThe report is {folder / 'report.html'}")
    if FLAGS.figures:
        report.save_figures(FLAGS.figures, found)


def _anonymize(config, part):
    if part == "anonymize" and FLAGS.photographs:
        return _photographs()
    if part == "anonymize" and FLAGS.video:
        return _video(config)
    if not FLAGS.originals:
        raise ValueError(f"{part} wants --originals=DIR")
    if "anonymize" not in config:
        raise ValueError(f"{part} wants the config of a run on triplets; this one's task is {config.task}")
    inputs = _inputs()
    if part == "privacy":
        _make_folders()
        _say(f"Evaluating {' and '.join(inputs.methods)} beside baselines, on the originals of {FLAGS.originals}")
        return _show(anonymizer.evaluate(config, FLAGS.workdir or None, inputs))
    if not (FLAGS.workdir and FLAGS.candidates and FLAGS.out):
        raise ValueError("anonymize wants --workdir=RUN --originals=DIR --candidates=DIR --out=DIR")
    _make_folders()
    given = _diffusion() or _learned()
    by = f"the {FLAGS.method} anonymizer" if given else f"faces of {FLAGS.candidates}"
    _say(f"Replacing the faces of {FLAGS.originals} by {by}, with the model of {FLAGS.workdir}")
    _show(anonymizer.anonymize(config, FLAGS.workdir, inputs, FLAGS.out, diffuse=_diffusion(), paint=_learned()))
    _say(f"All of it is in {FLAGS.out}")


def _inputs():
    return Inputs(
        originals=FLAGS.originals,
        methods=named_paths.named(FLAGS.anonymized, alone="anonymized"),
        candidates=FLAGS.candidates,
        landmarks=named_paths.named(FLAGS.landmarks, alone=None),
        attributes=named_paths.named(FLAGS.attributes, alone=None),
        recognizers=named_paths.named(FLAGS.recognizers, alone="recognizer"),
        crop=FLAGS.crop or "celeba_hq",
    )


def _learned() -> str:
    """The folder of the learned anonymizer; "" with another method."""
    if bool(FLAGS.learned) != (FLAGS.method == "learned"):
        raise ValueError("wanted --method=learned --learned=DIR, the folder of a trained anonymizer, or neither")
    return FLAGS.learned


def _diffusion() -> diffusing.Options | None:
    if FLAGS.method not in ("", "swap", "diffusion", "learned"):
        raise ValueError(f"saw --method={FLAGS.method}, wanted swap, diffusion or learned")
    if FLAGS.method != "diffusion":
        if FLAGS.diffusion:
            raise ValueError(f"--diffusion={FLAGS.diffusion} wants --method=diffusion")
        return None
    chosen = diffusing.Options(FLAGS.diffusion, FLAGS.degree, FLAGS.seeds, FLAGS.steps)
    if chosen.model == diffusing.UNTRAINED:
        return chosen._replace(size=64)
    return chosen._replace(dtype=FLAGS.dtype or "float32")


def _photographs():
    options = _diffusion()
    if options is None or not FLAGS.out:
        raise ValueError("--photographs wants --method=diffusion --diffusion=DIR --out=DIR")
    outputs.require_folder(FLAGS.out)
    anonymizer = diffusing.open_anonymizer(options)
    _say(f"Replacing all faces that MTCNN finds in the photographs of {FLAGS.photographs}")
    lines = photograph_folder.replace(FLAGS.photographs, FLAGS.out, detection.mtcnn(), anonymizer, degree=FLAGS.degree)
    for line in lines:
        print(line, flush=True)
    _say(f"The photographs are in {FLAGS.out}. A face that was not found is still there: look at them.")


def _video(config):
    if not FLAGS.out:
        raise ValueError(f"--video wants two files: --video {FLAGS.video} OUT.mp4")
    if FLAGS.method == "learned":
        raise ValueError("saw --video with --method=learned, wanted swap or diffusion: docs/video.md")
    if "anonymize" not in config:
        raise ValueError(f"--video wants the config of a run on triplets; this one's task is {config.task}")
    video_file.refuse(FLAGS.video, FLAGS.out)
    _make_folders()
    detector = detection.mtcnn()
    options = {"keep": FLAGS.keep, "diffuse": _diffusion()}
    opened = video_inputs.open_video(config, FLAGS.workdir or None, _inputs(), detector, **options)
    _say(f"Replacing the faces that MTCNN finds in {FLAGS.video}, looking at one frame in {FLAGS.every}")
    _show(video_file.write(FLAGS.video, FLAGS.out, opened, detector, every=FLAGS.every))
    _say(f"The video is {FLAGS.out}. A face that was not found is still there: look at it.")


def _say(text):
    if jax.process_index() == 0:
        print(formatting.wrapped(text), flush=True)


def _embed(config):
    if not (FLAGS.workdir and FLAGS.pictures and FLAGS.out):
        raise ValueError("--parts=embed wants --workdir=RUN --pictures=FOLDER --out=FILE.npz")
    outputs.require_files(FLAGS.out)
    folder, kept, skipped = evaluator.embed(config, FLAGS.workdir, FLAGS.pictures, FLAGS.out, crop=FLAGS.crop)
    if jax.process_index() == 0:
        print(f"{len(kept)} pictures embedded by {folder}: {FLAGS.out}")
        print("".join(f"left out: {name}: {reason}\n" for name, reason in skipped), end="")
