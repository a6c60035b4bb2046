"""The evaluation page: what is judged, part by part, and what becomes of it.

A run is judged before and after training; or anybody's vectors are, in its place. Every part gives sections of the
report, whose rows are the numbers behind tables, figures and JSON.
"""

import collections
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation, images, sections
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.evaluation import settings, stored
from perface_jax.groups import Rule
from perface_jax.network.model_folder import load_model
from perface_jax.report import Report, Section
from perface_jax.settings import flat
from perface_jax.training import builders, sweeps, trainer
from perface_jax.training import workdir as workdirs


class EvaluationTarget(NamedTuple):
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


class PartResult(NamedTuple):
    """What a part found.

    Attributes:
      sections: of the report, in order.
      warnings: plain sentences.
      data: what it was found on.
    """

    sections: list[Section]
    warnings: list[str]
    data: dict[str, Any]


def open_run(config: ConfigDict, workdir: epath.PathLike, *, compare: str = "") -> EvaluationTarget:
    """A finished run, before and after training.

    Raises:
      FileNotFoundError: no finished run in the workdir.
      ValueError: the workdir holds another run.
    """
    settings.check(config)
    workdir, replicas = epath.Path(workdir), sweeps.replicas(config)
    workdirs.refuse_other_run(workdir, json.loads(config.to_json()))
    folders = [trainer.model_folder(workdir, replica) for replica in replicas]
    if missing := [folder for folder in folders if not folder.exists()]:
        raise FileNotFoundError(f"{workdir} holds no finished run: train.py writes {missing[0]} when it is done")
    size = config.evaluation_batch_size

    @functools.cache  # one opener for all replicas that start alike: it is judged once
    def start(key):
        config = next(one.config for one in replicas if _start(one) == key)
        return lambda: evaluation.Network(*builders.starting_point(config), batch_size=size)

    def end(folder):
        return lambda: evaluation.Network(*load_model(folder), batch_size=size)

    pairs = zip(replicas, folders, strict=True)
    models = [{"before": start(_start(replica)), "after": end(folder)} for replica, folder in pairs]
    return EvaluationTarget(config, replicas, models, workdir, compare)


def open_vectors(config: ConfigDict, file: epath.PathLike, *, compare: str = "") -> EvaluationTarget:
    """Anybody's vectors on the data and the splits of a config.

    Raises:
      FileNotFoundError, ValueError, TypeError: see `evaluation.read_vectors`; or a config that is not of triplets.
    """
    settings.check(config)
    if config.task != "triplets":
        raise ValueError(f"vectors are judged on triplets and groups; this config is of {config.task}")
    vectors, replicas = evaluation.read_vectors(file), sweeps.replicas(config)
    models = {pathlib.PurePath(file).stem: lambda: vectors}
    return EvaluationTarget(config, replicas, [models] * len(replicas), None, compare)


def evaluate(judged: EvaluationTarget) -> Report:
    """Judge on every part that the config names; of several processes all must call it, and all get the report.

    Raises:
      ValueError, OSError: data that is not there or does not fit; the message says what was wanted.
    """
    _open_early(judged)
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
    by_stem = collections.Counter(map(images.stem, evaluation.picture_names(epath.Path(pictures))))
    if doubled := [name for name, count in by_stem.items() if count > 1]:
        raise ValueError(
            f"{pictures} has several pictures called {', '.join(doubled[:5])}: in a file of vectors a picture is known"
            " by its name without folder and suffix. Rename them, or embed the folders one by one"
        )
    names, embeddings, skipped = evaluation.embed_folder(*load_model(folder), pictures, **options)
    if not names:
        raise ValueError(f"no picture of {pictures} can be used; the first ones: {skipped[:3]}")
    vectors = evaluation.Vectors(names, embeddings, str(pictures))
    if jax.process_index() == 0:
        evaluation.write_vectors(out, names, vectors.embeddings)
    return folder, names, skipped


def _open_early(judged):
    """What would stop the evaluation is better found before the first picture is embedded."""
    if judged.compare:
        if "triplets" not in judged.config.parts:
            raise ValueError(f"--compare is for triplets; config.parts is {', '.join(judged.config.parts)}")
        path = epath.Path(judged.compare)
        if not path.exists():
            raise FileNotFoundError(f"no {path} to compare with; wanted an evaluated workdir or a .npz of vectors")
        stored.read(path / stored.FILE) if path.is_dir() else evaluation.read_vectors(path)
    if {"groups", "selection"} & set(judged.config.parts):
        builders.open_groups(judged.config)


def _start(replica):
    return replica.config.init or replica.config.seed


def _triplets(judged):
    triplets = builders.open_triplets(judged.config)
    similarities = functools.cache(lambda opener: evaluation.triplet_similarities(opener(), triplets))
    cells = collections.defaultdict(list)
    for replica, models in zip(judged.replicas, judged.models, strict=True):
        data = builders.divide(triplets, replica.config)
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
        stored.save_similarities(judged.workdir / stored.FILE, triplets, cells)
    warnings = [*_of_data(triplets), *sections.triplet_warnings(rows, [one.division for one in data])]
    facts = {"triplets": _facts(triplets), "division": list(dict.fromkeys(one.division for one in data))}
    return PartResult([section for section in found if section], warnings, facts)


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
    stored.require_one_division(cells)
    data = [run.data for run in next(iter(cells.values()))]
    path = epath.Path(judged.compare)
    if path.is_dir():
        second = stored.load_similarities(path / stored.FILE, triplets, cells)
    else:
        other = evaluation.triplet_similarities(evaluation.read_vectors(path), triplets)
        second = {path.stem: [other] * len(data)}
    return sections.comparison(evaluation.comparison_rows(stored.by_model(cells), second, data))


def _faces(judged):
    """STEP 1 and STEP 2, of one run of each cell."""
    config, parts = judged.config, judged.config.parts
    gallery, queries = builders.open_groups(config)
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
    warnings = (
        ["Groups and selection are of the first seed and fold of each cell."] if repeated and judged.workdir else []
    )
    facts = {**gallery.metadata, "rule": options["rule"].value, "factor": options["factor"]}
    return PartResult(found, warnings, {"faces": facts})


def _verification(judged):
    config = judged.config
    data = builders.open_identities(config, unseen="test")
    models = {
        evaluation.label(models, name, replica.name): opener
        for replica, models in zip(judged.replicas, judged.models, strict=True)
        for name, opener in models.items()
    }
    rows = [evaluation.verification_row(name, opener(), data) for name, opener in models.items()]
    facts = {"folder": config.data.folder, "identities": rows[0].identities, "pairs": rows[0].pairs}
    curves = sections.training(judged.workdir / "log.jsonl")
    return PartResult([sections.verification(rows), *([curves] if curves else [])], [], {"identities": facts})


def _described(judged):
    if judged.workdir is None:
        (vectors,) = (opener() for opener in judged.models[0].values())
        described = {"vectors": f"{vectors.path}, {len(vectors.names)} of {vectors.embeddings.shape[1]} numbers"}
        return described | {"sha256": _sha256(vectors.path), "compared with": judged.compare or "nothing"}
    changed = {name: value for name, value in flat(judged.config.to_dict()).items() if value not in ((), "")}
    return {"workdir": str(judged.workdir), "compared with": judged.compare or "nothing", "config": changed}


def _sha256(file):
    return hashlib.sha256(epath.Path(file).read_bytes()).hexdigest()
