"""Triplets in a report: accuracy, votes, variances, comparison, annotators, examples."""

import collections
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np
from etils import epath
from jaxtyping import Float32

from perface_jax import annotator_masks, evaluation, sections
from perface_jax.datasets import sim_celeba
from perface_jax.evaluation import Answers, Role, divisions, stored, title
from perface_jax.evaluator.part import BY_REPLICA, Part, PartResult
from perface_jax.report import Section
from perface_jax.report.slugs import slugs
from perface_jax.training import builders, trainer
from perface_jax.training.step import Loss


class TripletAnswers(NamedTuple):
    """What a model says of every triplet; `parts` only where annotators are known (`evaluation.parts`)."""

    similarities: Float32[np.ndarray, "t 2"]
    parts: Float32[np.ndarray, "t d"] | None


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


def _report(target, triplets, answered: Mapping[str, TripletAnswers]) -> PartResult:
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


TRIPLETS = Part(_open_triplets, BY_REPLICA, _answers, _report)
