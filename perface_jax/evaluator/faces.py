"""Groups and selection in a report: STEP 1 and STEP 2, for one run of each cell."""

from collections.abc import Mapping

from perface_jax import evaluation, sections
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.evaluation import Role
from perface_jax.evaluator.part import BY_CELL, Part, PartResult, named
from perface_jax.groups import Equalize, Rule
from perface_jax.training import builders


def _report(target, faces, embedded: Mapping[str, evaluation.Embedded]) -> PartResult:
    """STEP 1 and STEP 2, for one run of each cell."""
    config, (gallery, queries) = target.config, faces
    sizes = {"rule": Rule[config.groups.rule.upper()], "equalize": Equalize(config.groups.equalize)}
    options = sizes | {"factor": config.groups.factor}
    embedded = {name: embedded[identity] for name, identity in named(target, BY_CELL).items()}
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
    printed = {identity: name for name, identity in named(target, BY_CELL).items()}
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


FACES = Part(builders.open_groups, BY_CELL, lambda embedder, faces: evaluation.embed_faces(embedder, *faces), _report)
