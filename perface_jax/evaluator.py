"""The evaluation page: what is judged, part by part, and what becomes of it.

A run is judged before and after training; or anybody's vectors are, in its place. Every part gives sections of the
report, whose rows are the numbers behind tables, figures and JSON.
"""

import collections
import functools
import json
import pathlib
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, experiment, sections, sweeps, trainer
from perface_jax import workdir as workdirs
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.groups import Rule
from perface_jax.model_folder import load_model
from perface_jax.report import Report, Section

SIMILARITIES = "similarities.npz"  # of an evaluated workdir: what another one is compared with


class Judged(NamedTuple):
    """What is judged.

    Attributes:
      config: its `parts` say on what.
      replicas: the runs of the config.
      models: for each of them, by the name to print, what opens it: weights are read when they are needed. The first
        one is what the others are compared with.
      workdir: of a run; None for vectors.
      compare: another workdir or file of vectors; "" for none.
    """

    config: ConfigDict
    replicas: tuple[sweeps.Replica, ...]
    models: Sequence[Mapping[str, Callable[[], evaluation.Embedder]]]
    workdir: epath.Path | None
    compare: str


class Found(NamedTuple):
    """What a part found.

    Attributes:
      sections: of the report, in order.
      warnings: plain sentences.
      data: what it was found on.
    """

    sections: list[Section]
    warnings: list[str]
    data: dict[str, Any]


def open_run(config: ConfigDict, workdir: epath.PathLike, *, compare: str = "") -> Judged:
    """A finished run, before and after training.

    Raises:
      FileNotFoundError: no finished run in the workdir.
      ValueError: the workdir holds another run.
    """
    experiment.check(config)
    workdir, replicas = epath.Path(workdir), sweeps.replicas(config)
    workdirs.refuse_other_run(workdir, json.loads(config.to_json()))
    folders = [trainer.model_folder(workdir, replica) for replica in replicas]
    if missing := [folder for folder in folders if not folder.exists()]:
        raise FileNotFoundError(f"{workdir} holds no finished run: train.py writes {missing[0]} when it is done")
    size = config.evaluation_batch_size

    @functools.cache  # one opener for all replicas that start alike: it is judged once
    def start(key):
        config = next(one.config for one in replicas if _start(one) == key)
        return lambda: evaluation.Network(*experiment.starting_point(config), batch_size=size)

    def end(folder):
        return lambda: evaluation.Network(*load_model(folder), batch_size=size)

    pairs = zip(replicas, folders, strict=True)
    models = [{"before": start(_start(replica)), "after": end(folder)} for replica, folder in pairs]
    return Judged(config, replicas, models, workdir, compare)


def open_vectors(config: ConfigDict, file: epath.PathLike, *, compare: str = "") -> Judged:
    """Anybody's vectors on the data and the splits of a config.

    Raises:
      FileNotFoundError, ValueError, TypeError: see `evaluation.read_vectors`; or a config that is not of triplets.
    """
    experiment.check(config)
    if config.task != "triplets":
        raise ValueError(f"vectors are judged on triplets and groups; this config is of {config.task}")
    vectors, replicas = evaluation.read_vectors(file), sweeps.replicas(config)
    models = {pathlib.PurePath(file).stem: lambda: vectors}
    return Judged(config, replicas, [models] * len(replicas), None, compare)


def evaluate(judged: Judged) -> Report:
    """Judge on every part that the config names; of several processes all must call it, and all get the report.

    Raises:
      ValueError, OSError: data that is not there or does not fit; the message says what was wanted.
    """
    parts = {"triplets": _triplets, "groups": _faces, "selection": _faces, "verification": _verification}
    wanted = dict.fromkeys(parts[part] for part in judged.config.parts)
    found = [part(judged) for part in wanted]
    warnings = list(dict.fromkeys(warning for one in found for warning in one.warnings))
    data = {name: value for one in found for name, value in one.data.items()}
    facts = {"What was judged": _described(judged), "Data": data, "Versions": workdirs.versions()}
    return Report("Perceptual face similarity", warnings, facts, [part for one in found for part in one.sections])


def embed(
    config: ConfigDict,
    workdir: epath.PathLike,
    pictures: epath.PathLike,
    out: epath.PathLike,
    *,
    crop: str | None = None,
) -> tuple[epath.Path, list[str], list[tuple[str, str]]]:
    """Embed a folder of pictures with the model of a run, of a sweep with its first one, into a file of vectors.

    Args:
      config: of the run.
      workdir: of the run.
      pictures: the folder.
      out: the .npz to write; see `evaluation.write_vectors`.
      crop: of the pictures, as for `embed_folder`; default: config.crop.

    Returns:
      (model folder, names, skipped); the last two as of `embed_folder`.

    Raises:
      as `open_run` and `evaluation.embed_folder`.
    """
    judged = open_run(config, workdir)
    folder = trainer.model_folder(judged.workdir, judged.replicas[0])
    options = {"crop": crop or config.crop, "batch_size": config.evaluation_batch_size}
    names, embeddings, skipped = evaluation.embed_folder(*load_model(folder), pictures, **options)
    vectors = evaluation.Vectors(names, embeddings, str(pictures))
    if jax.process_index() == 0:
        evaluation.write_vectors(out, names, vectors.embeddings)
    return folder, names, skipped


def _start(replica):
    return replica.config.init or replica.config.seed


def _triplets(judged):
    triplets = experiment.open_triplets(judged.config)
    similarities = functools.cache(lambda opener: evaluation.triplet_similarities(opener(), triplets))
    cells = collections.defaultdict(list)
    for replica, models in zip(judged.replicas, judged.models, strict=True):
        data = experiment.divide(triplets, replica.config)
        seen = {name: similarities(opener) for name, opener in models.items()}
        cells[replica.cell].append(evaluation.Run(replica.seed, data, seen))
    rows = evaluation.triplet_rows(cells)
    data = [run.data for runs in cells.values() for run in runs]
    found = [
        sections.accuracy(cells, rows),
        sections.votes(cells, evaluation.vote_rows(cells)),
        *([_comparison(judged, cells, triplets)] if judged.compare else []),
        sections.examples(cells),
        judged.workdir and sections.training(judged.workdir / "log.jsonl"),
    ]
    if judged.workdir and jax.process_index() == 0:
        _save(judged.workdir / SIMILARITIES, triplets.ids, cells)
    warnings = [*_of_data(triplets), *sections.triplet_warnings(rows, [one.division for one in data])]
    facts = {"triplets": _facts(triplets), "division": list(dict.fromkeys(one.division for one in data))}
    return Found([section for section in found if section], warnings, facts)


def _of_data(triplets):
    """Alarms of the audit that no repair took away, and a world that is not real."""
    warnings = [f"Answers and pictures do not belong together: {alarm}." for alarm in triplets.metadata["alarms"]]
    release = epath.Path(triplets.metadata["release"])
    if (release / "truth").exists() or (release.parent / "synthetic.json").exists():
        warnings.append(
            "The faces are drawn and the annotators simulated by a formula: the numbers say nothing of people."
        )
    return warnings


def _facts(triplets):
    metadata = triplets.metadata
    order = metadata["order"] or {}
    return {
        "release": metadata["release"],
        "triplets": len(triplets),
        "answers_sha256": metadata["answers_sha256"],
        "pictures_sha256": metadata["pictures_sha256"],
        "order": order.get("words", "unknown"),
        "moved columns": metadata["repair"] or "none",
        "left out": metadata["skipped"] or "none",
        "audit findings": metadata["audit"]["findings"] or "none",
    }


def _comparison(judged, cells, triplets):
    """This run, or these vectors, against others on the same triplets."""
    first = _by_model(cells)
    data = [run.data for run in next(iter(cells.values()))]
    path = epath.Path(judged.compare)
    if path.is_dir():
        second = _load(path / SIMILARITIES, triplets.ids, cells)
    else:
        other = evaluation.triplet_similarities(evaluation.read_vectors(path), triplets)
        second = {path.stem: [other] * len(data)}
    return sections.comparison(evaluation.comparison_rows(first, second, data))


def _by_model(cells):
    """By the name to print, the similarities of each run."""
    return {
        evaluation.label(runs[0].similarities, model, cell): [run.similarities[model] for run in runs]
        for cell, runs in cells.items()
        for model in runs[0].similarities
    }


def _save(file, ids, cells):
    """The similarities of every model, and the triplets of every setting of every run, for a comparison."""
    models = {f"model {name}": np.stack(runs) for name, runs in _by_model(cells).items()}
    with file.open("wb") as opened:
        np.savez_compressed(opened, ids=np.asarray(ids), settings=_settings(next(iter(cells.values()))), **models)


def _load(file, ids, cells):
    if not file.exists():
        raise FileNotFoundError(f"{file.parent} has no {SIMILARITIES} to compare with: run evaluate.py on it first")
    try:
        with file.open("rb") as opened, np.load(opened) as arrays:
            stored = dict(arrays)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file} is damaged ({error}); run evaluate.py on {file.parent} again") from error
    if stored["ids"].tolist() != list(ids):
        raise ValueError(
            f"{file} holds other triplets: {len(stored['ids'])}, here {len(ids)}; wanted the same data set"
        )
    if not np.array_equal(stored["settings"], _settings(next(iter(cells.values())))):
        raise ValueError(
            f"{file.parent} was divided otherwise: its test triplets are not those of this run (config.split)"
        )
    return {
        f"{name.removeprefix('model ')} of {file.parent.name}": list(runs)
        for name, runs in stored.items()
        if name.startswith("model ")
    }


def _settings(runs):
    """Which setting each triplet of each run stands in: text `[R, T]`."""
    places = np.full((len(runs), len(runs[0].data.labels)), "", "U20")
    for row, run in zip(places, runs, strict=True):
        for name, rows in run.data.rows.items():
            row[rows] = name
    return places


def _faces(judged):
    """STEP 1 and STEP 2, of one run of each cell."""
    config, parts = judged.config, judged.config.parts
    gallery, queries = experiment.open_groups(config)
    options = {"rule": Rule[config.groups.rule.upper()], "factor": config.groups.factor}
    embedded = {}
    for replica, models in zip(judged.replicas, judged.models, strict=True):
        for name, opener in models.items():
            if (label := evaluation.label(models, name, replica.cell)) not in embedded:
                embedded[label] = evaluation.embed_faces(opener(), gallery, queries)
    found = []
    if "groups" in parts:
        found.append(sections.group_table(evaluation.group_rows(embedded, gallery, queries, GROUPS, **options)))
    if "selection" in parts:
        chosen = config.selection
        options |= {"each": chosen.queries, "k": chosen.candidates, "max_similarity": chosen.max_similarity}
        ranked = {
            name: evaluation.select(one, gallery, queries, GROUPS, band=tuple(chosen.band), **options)
            for name, one in embedded.items()
        }
        rows = evaluation.selection_rows(ranked, gallery, queries)
        found.append(sections.selection_table(rows, ranked, embedded, gallery, queries))
    repeated = len(judged.replicas) > len({replica.cell for replica in judged.replicas})
    warnings = ["Groups and selection are of the first seed and fold of each cell."] if repeated else []
    facts = {**gallery.metadata, "rule": options["rule"].value, "factor": options["factor"]}
    return Found(found, warnings, {"faces": facts})


def _verification(judged):
    config = judged.config
    data = experiment.open_identities(config, unseen="test")
    models = {
        evaluation.label(models, name, replica.name): opener
        for replica, models in zip(judged.replicas, judged.models, strict=True)
        for name, opener in models.items()
    }
    rows = [evaluation.verification_row(name, opener(), data) for name, opener in models.items()]
    facts = {"folder": config.data.folder, "identities": rows[0].identities, "pairs": rows[0].pairs}
    curves = sections.training(judged.workdir / "log.jsonl")
    return Found([sections.verification(rows), *([curves] if curves else [])], [], {"identities": facts})


def _described(judged):
    if judged.workdir is None:
        return {"vectors": list(judged.models[0]), "compared with": judged.compare or "nothing"}
    changed = {name: value for name, value in workdirs.flat(judged.config.to_dict()).items() if value not in ((), "")}
    return {"workdir": str(judged.workdir), "compared with": judged.compare or "nothing", "config": changed}
