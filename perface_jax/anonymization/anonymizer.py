"""The anonymization page: anonymizes faces, and evaluates the results of any anonymizer, on the two axes.

`anonymize` takes originals and candidates; `evaluate` takes originals and the results of anonymizers, and compares
them with baselines. Both take `config`, whose `anonymize` has the options; `workdir`, the run whose model is the
perceptual model and whose starting point is a recognizer (None = no perceived axis); and the inputs of the command
line. Both return a report. They raise FileNotFoundError or ValueError; the message says what was wanted.
"""

import numpy as np
from ml_collections import ConfigDict

from perface_jax import figures, groups
from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization import (
    diffusing,
    folder,
    learned,
    methods,
    preservation,
    proposals,
    sections,
    settings,
    summaries,
)
from perface_jax.anonymization.benchmark import benchmark
from perface_jax.anonymization.embedders import BEFORE_TRAINING, Embedders, open_embedders
from perface_jax.anonymization.input_warnings import of_files, of_guard, of_pictures
from perface_jax.anonymization.inputs import Inputs, name_roles, read_attributes, read_faces, read_persons
from perface_jax.anonymization.methods import WITHOUT_SWAP, Method, face
from perface_jax.anonymization.natural import (
    NaturalFloor,
    describe,
    natural_rows,
    natural_section,
    open_floor,
    warn_of_strangers,
)
from perface_jax.anonymization.pool import Pool, make_policy, open_pool
from perface_jax.datasets.portraits import Portraits
from perface_jax.report import Report, made
from perface_jax.swap import Face
from perface_jax.training import workdir as workdirs


def evaluate(config: ConfigDict, workdir: str | None, inputs: Inputs) -> Report:
    """Anonymizers on both axes, compared with the baselines of config.anonymize.references."""
    settings.check(config)
    methods.refuse_clashes(config, inputs)
    inputs, natural = name_roles(inputs), open_floor(config)
    embedders = open_embedders(config, workdir, inputs.recognizers)
    originals = read_faces("originals", config, inputs)
    given = methods.read_methods(originals, inputs)
    baselines, pool, left_out = make_baselines(config, inputs, embedders, originals, natural)
    compared = _with_retouches(config, embedders, originals, given | baselines)
    persons = read_persons("originals", originals.names, inputs)
    found = benchmark(
        originals,
        compared,
        embedders,
        attributes=read_attributes("originals", originals.names, inputs),
        persons=persons,
        false_accept_rate=config.anonymize.false_accept_rate,
    )
    read = {"originals": originals} | ({"candidates": pool.faces} if pool else {})
    read |= {name: method.portraits for name, method in (given | baselines).items()}
    warnings = [
        *of_pictures(read, [originals, *(method.portraits for method in given.values())]),
        *of_files(embedders, [name for name, method in compared.items() if method.made_here]),
        *left_out,
        *warn_of_strangers(natural, originals),
        *([] if embedders.perceptual else ["No --workdir was given: there is no perceived axis."]),
    ]
    parts = (
        sections.both_axes(found, originals, compared),
        sections.recognizer_matches(found),
        sections.learned_attacks(found),
        sections.preservation(found),
        natural_section(natural_rows(natural, originals, compared, persons), natural),
        sections.group_gaps(found),
    )
    facts = _facts(config, workdir, inputs, read)
    summary = summaries.benchmark_summary(found)
    return Report("Anonymized faces on two axes", warnings, facts, [part for part in parts if part], summary, made())


def anonymize(
    config: ConfigDict,
    workdir: str,
    inputs: Inputs,
    out: str,
    *,
    diffuse: diffusing.Options | None = None,
    paint: str = "",
) -> Report:
    """Anonymize the faces of a folder; write the selected results and all scores to `out` (`anonymization.folder`).

    `out` is created if needed, and must not hold an earlier run. Methods of the inputs are ignored. With `diffuse`,
    the diffusion anonymizer makes the results, with `paint` the learned one of this folder, and the candidates only fix
    the thresholds.
    """
    settings.check(config)
    inputs, natural = name_roles(inputs._replace(methods={})), open_floor(config)
    written = folder.open_folder(out)
    embedders = open_embedders(config, workdir, inputs.recognizers)
    originals = read_faces("originals", config, inputs)
    pool = open_pool(config, inputs, embedders, originals, natural)
    if paint:
        found, curves = run_learned(config, embedders, originals, pool, paint)
        names, group_names, how = learned.NAMES, [diffusing.GROUP], learned.HOW
    elif diffuse is None:
        found, names, group_names = run_pipeline(config, embedders, originals, pool), pool.faces.names, pool.groups
        pair = face(originals), face(pool.faces)
        curves = proposals.degree_curves(*pair, found, config.anonymize.degrees, **embedders.functions())
        how = proposals.SWAPPED
    else:
        found, curves = run_diffusion(config, embedders, originals, pool, diffuse)
        names, group_names = [f"seed {seed}" for seed in range(diffuse.seeds)], [diffusing.GROUP]
        how = diffusing.HOW
    rows = proposals.proposal_rows(found, originals.names, names, group_names)
    drawn = proposals.sheet_rows(rows, found, originals, group_names)
    sheet = figures.results(drawn)
    options = {"sheet": sheet, "drawn": drawn, "curves": curves, "how": how, "natural": describe(natural)}
    section = proposals.section(rows, pool.thresholds, **options)
    read = {"originals": originals, "candidates": pool.faces}
    warnings = [
        *of_pictures(read, [originals]),
        *of_files(embedders, ["the results"]),
        *([] if diffuse or paint else of_guard(originals, found)),
        *warn_of_strangers(natural, originals),
    ]
    summary = summaries.proposal_summary(rows, originals.names)
    facts = _facts(config, workdir, inputs, read) | ({} if diffuse is None else {"Diffusion": diffuse._asdict()})
    facts |= {"Learned anonymizer": {"model": paint}} if paint else {}
    report = Report("Anonymized faces", warnings, facts, [section], summary, made())
    folder.write(written, inputs.originals, originals, found, report=report, sheet=sheet)
    return report


def make_baselines(
    config: ConfigDict, inputs: Inputs, embedders: Embedders, originals: Portraits, natural: NaturalFloor
) -> tuple[dict[str, Method], Pool | None, list[str]]:
    """The baselines that can be made, the candidates if needed, and warnings of what is left out."""
    wanted = methods.wanted_baselines(config)
    if not embedders.for_new_pictures():
        names = [one.value for one in wanted] + ["retouched methods"] * bool(config.anonymize.retouch)
        return {}, None, [*of_files(embedders, names)]
    made = methods.without_swap(wanted, originals)
    swaps = [one for one in wanted if one not in WITHOUT_SWAP]
    if not (swaps and inputs.candidates):
        return made, None, []
    if not embedders.perceptual:
        names = ", ".join(one.value for one in swaps)
        return made, None, [f"No --workdir was given: {names} left out, which need the perceptual model."]
    pool = open_pool(config, inputs, embedders, originals, natural)
    found = run_pipeline(config, embedders, originals, pool)
    recognizer = embedders.recognizers[BEFORE_TRAINING]
    vectors = recognizer.embed(*face(originals)), pool.vectors[BEFORE_TRAINING]
    options = {"members": pool.members, "vectors": vectors, "seed": config.anonymize.seed}
    made |= methods.with_swap(swaps, originals, pool.faces, found, **options)
    left = [one for one in swaps if one.value not in made]
    return made, pool, [f"{one.value} is left out: {methods.NOT_ADMITTED}." for one in left]


def _with_retouches(config, embedders, originals, compared):
    if embedders.for_new_pictures():
        compared = compared | methods.retouched(config.anonymize.retouch, originals, compared)
    if not compared:
        raise ValueError("no method; wanted --anonymized=DIR, or baselines in config.anonymize.references")
    return compared


def run_pipeline(config: ConfigDict, embedders: Embedders, originals: Portraits, pool: Pool) -> pipeline.Anonymized:
    """Propose, swap, score and choose, with the recognizers that can embed the results."""
    options = config.anonymize
    return pipeline.anonymize(
        face(originals),
        face(pool.faces),
        members=pool.members,
        compatible=pool.compatible,
        **embedders.functions(),
        policy=make_policy(config, pool),
        feature_loss=_feature_loss,
        natural=pool.natural.measure,
        k=options.candidates,
        rule=groups.Rule[config.groups.rule.upper()],
        factor=config.groups.factor,
        equalize=groups.Equalize(config.groups.equalize),
    )


def run_diffusion(
    config: ConfigDict, embedders: Embedders, originals: Portraits, pool: Pool, options: diffusing.Options
) -> tuple[pipeline.Anonymized, dict[str, proposals.Curve]]:
    """Make results with every seed, score and choose; also the curves by degree, up to that of the options."""
    anonymizer, own = diffusing.open_anonymizer(options), face(originals)
    results = diffusing.make_results(own, anonymizer, degree=options.degree, seeds=options.seeds)
    found = diffusing.anonymize(
        own,
        results,
        **embedders.functions(),
        policy=make_policy(config, pool),
        feature_loss=_feature_loss,
        natural=pool.natural.measure,
    )
    degrees = [options.degree * share for share in config.anonymize.degrees]
    return found, diffusing.degree_curves(own, anonymizer, degrees, **embedders.functions())


def run_learned(
    config: ConfigDict, embedders: Embedders, originals: Portraits, pool: Pool, model: str
) -> tuple[pipeline.Anonymized, dict[str, proposals.Curve]]:
    """Paint every face, with and without retouches, score and choose; also the curves by degree."""
    own = face(originals)
    results = learned.make_results(own, model)
    policy, natural = make_policy(config, pool), pool.natural.measure
    options = {"policy": policy, "feature_loss": _feature_loss, "natural": natural}
    found = diffusing.anonymize(own, results, **embedders.functions(), **options)
    return found, learned.degree_curves(own, results, config.anonymize.degrees, **embedders.functions())


def _feature_loss(originals: Face, results: Face) -> np.ndarray:
    return preservation.in_batches(preservation.feature_loss, originals, results)


def _facts(config, workdir, inputs, read):
    options = {name: value for name, value in config.anonymize.items() if value not in ((), "")}
    named = {name: value for name, value in inputs._asdict().items() if value}
    skipped = {role: [": ".join(pair) for pair in faces.skipped] for role, faces in read.items() if faces.skipped}
    facts = {"What was evaluated": {"workdir": workdir or "none", **named}, "Options": options}
    facts["Versions"] = workdirs.versions()
    return facts | ({"Pictures left out": skipped} if skipped else {})
