"""The evaluation in one pass: data, embeddings, rows, report.

Data are opened first, so that missing files are found early. Then every distinct model embeds them once. Each part of
`config.parts` turns the results into rows, and the rows into sections.
"""

import collections
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from etils import epath
from jaxtyping import Float32
from ml_collections import ConfigDict

from perface_jax import annotator_masks, evaluation, files, sections
from perface_jax.datasets import sim_celeba
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.evaluation import Answers, Role, divisions, stored, title
from perface_jax.evaluator.targets import EvaluationTarget
from perface_jax.groups import Equalize, Rule
from perface_jax.report import Report, Section, Summary, made
from perface_jax.report.slugs import slugs
from perface_jax.settings import flat
from perface_jax.training import builders, trainer
from perface_jax.training import workdir as workdirs
from perface_jax.training.step import Loss
from perface_jax.training.sweeps import Replica


class TripletAnswers(NamedTuple):
    """What a model says of every triplet; `parts` only where annotators are known (`evaluation.parts`)."""

    similarities: Float32[np.ndarray, "t 2"]
    parts: Float32[np.ndarray, "t d"] | None


class PartResult(NamedTuple):
    """Sections of the report, warnings as sentences, facts about the data by name, and summaries to join."""

    sections: list[Section]
    warnings: list[str]
    data: dict[str, Any]
    summaries: list[Summary]


class Part(NamedTuple):
    """One part of an evaluation.

    Attributes:
      open: config -> its data.
      cell: names the replicas; of replicas with the same name, only the first is shown.
      embed: (embedder, data) -> the result of a model for the data.
      report: (target, data, the result of each model by its identity) -> sections.
    """

    open: Callable[[ConfigDict], Any]
    cell: Callable[[Replica], str]
    embed: Callable[[evaluation.Embedder, Any], Any]
    report: Callable[[EvaluationTarget, Any, Mapping[str, Any]], PartResult]


def evaluate(target: EvaluationTarget) -> Report:
    """Evaluate every part that the config names. All processes must call this, and all get the report.

    Raises:
      ValueError, OSError: data that is missing or does not fit; the message says what was wanted.
    """
    _check_comparison(target)
    parts = list(dict.fromkeys(PARTS[name] for name in target.config.parts))
    data = [part.open(target.config) for part in parts]
    found = _embed_once(target, parts, data)
    results = [part.report(target, *given) for part, *given in zip(parts, data, found, strict=True)]
    moved = [
        f"config.{name} is {now}, and the run recorded {before}: it is taken for a copy of it, which nothing checks."
        for name, (before, now) in target.moved.items()
    ]
    warnings = list(dict.fromkeys([*moved, *(warning for one in results for warning in one.warnings)]))
    facts = {
        "What was evaluated": _described(target),
        "Data": {name: value for one in results for name, value in one.data.items()},
        "Versions": workdirs.versions(),
    }
    parts = [part for one in results for part in one.sections]
    summary = sections.join_summaries([one for result in results for one in result.summaries])
    return Report("Perceptual face similarity", warnings, facts, parts, summary, made())


def _embed_once(target, parts, data) -> list[dict[str, Any]]:
    """For each part, the result of every model by its identity; each model is opened once."""
    shown = [set(_named(target, part.cell).values()) for part in parts]
    found = [{} for _ in parts]
    for identity, model in {model.identity: model for models in target.models for model in models.values()}.items():
        if any(identity in of_part for of_part in shown):
            embedder = model.open()
            for part, of_part, given, results in zip(parts, shown, data, found, strict=True):
                if identity in of_part:
                    results[identity] = part.embed(embedder, given)
    return found


def _named(target, cell_of: Callable[[Replica], str]) -> dict[str, str]:
    """The printed name and the identity of every distinct model."""
    named = collections.defaultdict(dict)
    for replica, models in zip(target.replicas, target.models, strict=True):
        cell = cell_of(replica)
        for role, model in models.items():
            named[title(role, model.name, cell)].setdefault(cell, [model.identity])
    return {
        name + suffix: identity
        for name, cells in named.items()
        for suffix, (identity,) in evaluation.distinguish(cells, str)
    }


def _check_comparison(target):
    """Raise errors before hours of computing."""
    if not target.compare:
        return
    if "triplets" not in target.config.parts:
        raise ValueError(f"--compare is for triplets; config.parts is {', '.join(target.config.parts)}")
    path = epath.Path(target.compare)
    if not path.exists():
        raise FileNotFoundError(f"no {path} to compare with; wanted an evaluated workdir or a .npz of vectors")
    stored.read(path / stored.FILE) if path.is_dir() else evaluation.read_vectors(path)


def _open_triplets(config):
    """The triplets; with the annotators of their votes if a run has masks and the file of answers is there."""
    triplets = builders.open_triplets(config)
    known = _has_masks(config) and sim_celeba.annotators(triplets) is not None
    return sim_celeba.with_annotators(triplets) if known else triplets


def _has_masks(config):
    return Loss.ANNOTATOR_VOTES.value in (config.loss, *config.sweep.loss)


def _answers(embedder, triplets) -> TripletAnswers:
    embeddings = evaluation.triplet_embeddings(embedder, triplets)
    known = triplets.annotator is not None
    return TripletAnswers(evaluation.both_similarities(embeddings), evaluation.parts(embeddings) if known else None)


def _by_annotator(target, triplets, answers, data, warnings: list[str]) -> list[Section | None]:
    """The sections on annotators, if a run has masks; or a warning that nobody knows who voted."""
    if not _has_masks(target.config) or not target.workdir:
        return []
    if triplets.annotator is None:
        warnings.append("Masks of annotators are not evaluated: the file of answers is gone, or has changed.")
        return []
    cells = collections.defaultdict(list)
    for replica, models, of_run in zip(target.replicas, target.models, data, strict=True):
        model, folder = models[Role.TRAINED], trainer.model_folder(target.workdir, replica)
        masks = annotator_masks.read(folder)
        who = triplets.annotator if masks is None else masks.numbers(triplets.annotators)[triplets.annotator]
        one = evaluation.AnnotatorRun(of_run, answers[model.identity].parts, who, masks)
        cells[title(Role.TRAINED, model.name, replica.cell)].append(one)
    method = evaluation.Method(target.config.statistics.interval)
    return [
        sections.heterogeneity(evaluation.heterogeneity_rows(cells)),
        sections.masks(evaluation.annotator_rows(cells, intervals=method)),
    ]


def _triplets(target, triplets, answered: Mapping[str, TripletAnswers]) -> PartResult:
    similarities = {identity: one.similarities for identity, one in answered.items()}
    cells, of_replicas, unknown = collections.defaultdict(list), [], []
    for replica, models in zip(target.replicas, target.models, strict=True):
        answers = {
            role: Answers(title(role, model.name, replica.cell), model.identity, similarities[model.identity])
            for role, model in models.items()
        }
        data = builders.divide(triplets, replica.config, training=False)
        of_replicas.append(evaluation.Run(replica.seed, data, answers))
        cells[replica.cell].append(of_replicas[-1])
    first = next(iter(cells.values()))[0].data
    method = evaluation.Method(target.config.statistics.interval)
    rows = divisions.with_seen(evaluation.triplet_rows(cells, intervals=method), first)
    votes = evaluation.vote_table(cells, intervals=method)
    splits = [run.data.split for runs in cells.values() for run in runs]
    votes = votes._replace(rows=divisions.with_seen(votes.rows, first))
    compared = _comparison(target, cells, triplets) if target.compare else None
    summaries = [
        sections.triplet_summary(rows, votes.rows),
        sections.comparison_summary(compared.rows) if compared else None,
    ]
    found = [
        sections.accuracy(rows, evaluation.similarity_pairs(cells)),
        sections.votes(votes),
        sections.variances(evaluation.variance_rows(cells), method),
        compared,
        *_by_annotator(target, triplets, answered, [run.data for run in of_replicas], unknown),
        sections.examples(evaluation.examples(cells), triplets),
        sections.training(target.workdir / "log.jsonl") if target.workdir else None,
    ]
    if target.workdir and jax.process_index() == 0:
        stored.save_similarities(target.workdir / stored.FILE, triplets, cells)
    if target.votes_table and jax.process_index() == 0:
        _write_votes_tables(epath.Path(target.votes_table), triplets, cells)
    _, *notes = divisions.notes(first)
    found[0] = found[0]._replace(warnings=[*notes, *sections.triplet_warnings(rows, splits)])
    warnings = [*_data_warnings(triplets), *unknown, *found[0].warnings]
    facts = {"triplets": _facts(triplets), "division": list(dict.fromkeys(map(str, splits)))}
    return PartResult([section for section in found if section], warnings, facts, [*filter(None, summaries)])


def _write_votes_tables(folder, triplets, cells):
    """One table for each model and test setting, one line per vote; with annotators if the answers name them."""
    tables, annotator = evaluation.held_out(cells), sim_celeba.annotators(triplets)
    for name, table in zip(slugs(tables), tables.values(), strict=True):
        evaluation.write_votes_table(folder / f"{name}.csv", triplets, *table, annotator=annotator)


def _data_warnings(triplets):
    """Warnings of the audit's remaining alarms, and of synthetic data."""
    warnings = [f"Answers and pictures do not belong together: {alarm}." for alarm in triplets.metadata["alarms"]]
    release = epath.Path(triplets.metadata["release"])
    if (release / "truth").exists() or (release.parent / "synthetic.json").exists():
        warnings.append(
            "The faces are drawn and the annotators simulated: the numbers do not describe human perception."
        )
    return warnings


def _facts(triplets):
    metadata = triplets.metadata
    return {
        "release": metadata["release"],
        "triplets": len(triplets),
        "answers_sha256": metadata["answers_sha256"],
        "pictures_sha256": metadata["pictures_sha256"],
        "order": (metadata["order"] or {}).get("words", "unknown"),
        "moved columns": metadata["repair"] or "none",
        "left out": metadata["skipped"] or "none",
        "without answers": metadata.get("without_answers") or "none",
        "without ids": metadata.get("without_ids") or "none",
        "audit findings": metadata["audit"]["findings"] or "none",
    } | ({"collected": metadata["collected"]} if metadata.get("collected") else {})


def _comparison(target, cells, triplets):
    """This run, or these embeddings, against others on the same triplets."""
    stored.common_settings(cells)  # or raise
    data = [run.data for run in next(iter(cells.values()))]
    path = epath.Path(target.compare)
    if path.is_dir():
        second = stored.load_similarities(path / stored.FILE, triplets, cells)
    else:
        other = evaluation.triplet_similarities(evaluation.read_vectors(path), triplets)
        second = {path.stem: [other] * len(data)}
    options = {
        "intervals": evaluation.Method(target.config.statistics.interval),
        "margin": target.config.comparisons.margin,
    }
    rows = evaluation.comparison_rows(stored.by_model(cells), second, data, **options)
    return sections.comparison(divisions.with_seen(rows, data[0]))


def _faces(target, faces, embedded: Mapping[str, evaluation.Embedded]) -> PartResult:
    """STEP 1 and STEP 2, for one run of each cell."""
    config, (gallery, queries) = target.config, faces
    sizes = {"rule": Rule[config.groups.rule.upper()], "equalize": Equalize(config.groups.equalize)}
    options = sizes | {"factor": config.groups.factor}
    embedded = {name: embedded[identity] for name, identity in _named(target, BY_CELL).items()}
    found, summaries, warnings = [], [], evaluation.group_warnings(gallery, queries, GROUPS, **sizes)
    if "groups" in config.parts:
        rows = evaluation.group_rows(embedded, gallery, queries, GROUPS, before=_before(target), **options)
        found.append(sections.group_table(rows))
        summaries.append(sections.group_summary(rows))
    if "selection" in config.parts:
        found.append(_selection(config.selection, embedded, gallery, queries, options))
        summaries.append(sections.selection_summary(found[-1].rows))
    if target.workdir and len(target.replicas) > len({replica.cell for replica in target.replicas}):
        warnings.append("Groups and selection are of the first seed and fold of each cell.")
    found[0] = found[0]._replace(warnings=warnings)
    facts = {**gallery.metadata, **options, "rule": options["rule"].value}
    return PartResult(found, warnings, {"faces": facts}, summaries)


def _before(target) -> dict[str, str]:
    """The printed name of every trained model -> that of the model it started from."""
    printed = {identity: name for name, identity in _named(target, BY_CELL).items()}
    pairs = [models for models in target.models if {Role.START, Role.TRAINED} <= models.keys()]
    ends = [(models[Role.TRAINED].identity, models[Role.START].identity) for models in pairs]
    return {printed[one]: printed[other] for one, other in ends if one in printed and other in printed}


def _selection(config, embedded, gallery, queries, options):
    options = options | {"each": config.queries, "k": config.candidates, "max_similarity": config.max_similarity}
    ranked = {
        name: evaluation.select(one, gallery, queries, GROUPS, band=tuple(config.band), **options)
        for name, one in embedded.items()
    }
    rows = evaluation.selection_rows(ranked, gallery, queries)
    return sections.selection_table(rows, ranked, embedded, gallery, queries)


def _verify(embedder, data):
    return evaluation.verification_row("", embedder, data.people.pictures, data.people.identity, data.pairs)


def _verification(target, data, found: Mapping[str, evaluation.VerificationRow]) -> PartResult:
    rows = [found[identity]._replace(model=name) for name, identity in _named(target, BY_REPLICA).items()]
    facts = {"folder": target.config.data.folder, "identities": rows[0].identities, "pairs": rows[0].pairs}
    curves = sections.training(target.workdir / "log.jsonl")
    parts = [sections.verification(rows), *([curves] if curves else [])]
    return PartResult(parts, [], {"identities": facts}, [sections.verification_summary(rows)])


def _described(target):
    compared = {"compared with": target.compare or "nothing"}
    if (vectors := target.vectors) is not None:
        described = {"vectors": f"{vectors.path}, {len(vectors.names)} of {vectors.embeddings.shape[1]} numbers"}
        return described | {"sha256": files.sha256(vectors.path)} | compared
    changed = {name: value for name, value in flat(target.config.to_dict()).items() if value not in ((), "")}
    return {"workdir": str(target.workdir)} | compared | {"config": changed}


BY_CELL, BY_REPLICA = operator.attrgetter("cell"), operator.attrgetter("name")
FACES = Part(builders.open_groups, BY_CELL, lambda embedder, faces: evaluation.embed_faces(embedder, *faces), _faces)
PARTS = {
    "triplets": Part(_open_triplets, BY_REPLICA, _answers, _triplets),
    "groups": FACES,
    "selection": FACES,
    "verification": Part(
        functools.partial(builders.open_identities, unseen="test"), BY_REPLICA, _verify, _verification
    ),
}
