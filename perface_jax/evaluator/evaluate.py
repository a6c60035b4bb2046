"""The evaluation in one pass: data, embeddings, rows, report.

Data are opened first, so that missing files are found early. Then every distinct model embeds them once. Each part of
`config.parts` turns the results into rows, and the rows into sections.
"""

from typing import Any

from etils import epath

from perface_jax import evaluation, files, sections
from perface_jax.evaluation import stored
from perface_jax.evaluator.faces import FACES
from perface_jax.evaluator.part import named
from perface_jax.evaluator.targets import EvaluationTarget
from perface_jax.evaluator.triplets import TRIPLETS
from perface_jax.evaluator.verification import VERIFICATION
from perface_jax.report import Report, made
from perface_jax.settings import flat
from perface_jax.training import workdir as workdirs

PARTS = {"triplets": TRIPLETS, "groups": FACES, "selection": FACES, "verification": VERIFICATION}


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
    shown = [set(named(target, part.cell).values()) for part in parts]
    found = [{} for _ in parts]
    for identity, model in {model.identity: model for models in target.models for model in models.values()}.items():
        if any(identity in of_part for of_part in shown):
            embedder = model.open()
            for part, of_part, given, results in zip(parts, shown, data, found, strict=True):
                if identity in of_part:
                    results[identity] = part.embed(embedder, given)
    return found


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


def _described(target):
    compared = {"compared with": target.compare or "nothing"}
    if (vectors := target.vectors) is not None:
        described = {"vectors": f"{vectors.path}, {len(vectors.names)} of {vectors.embeddings.shape[1]} numbers"}
        return described | {"sha256": files.sha256(vectors.path)} | compared
    changed = {name: value for name, value in flat(target.config.to_dict()).items() if value not in ((), "")}
    return {"workdir": str(target.workdir)} | compared | {"config": changed}
