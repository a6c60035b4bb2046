"""The third page: faces are anonymized, and anybody's anonymized faces are judged, on the two axes.

`anonymize` takes pictures to hide and pictures to swap in; `judge` takes originals and what anonymizers made of them,
and sets plain methods beside them. Both end in a report.
"""

from collections.abc import Iterable, Iterator, Mapping

from ml_collections import ConfigDict

from perface_jax import figures, groups, privacy
from perface_jax.anonymization import anonymize as pipeline
from perface_jax.anonymization import (
    baselines,
    folder,
    methods,
    preservation,
    proposals,
    recognizer_sections,
    sections,
    settings,
)
from perface_jax.anonymization.baselines import Reference
from perface_jax.anonymization.inputs import (
    Inputs,
    name_roles,
    open_eyes,
    read_attributes,
    read_faces,
    read_members,
    read_persons,
)
from perface_jax.anonymization.methods import face
from perface_jax.datasets.portraits import Portraits
from perface_jax.report import Report
from perface_jax.training import workdir as workdirs

NAMED = 3  # pictures that a warning names; the facts have all


def judge(config: ConfigDict, workdir: str | None, inputs: Inputs) -> Report:
    """Anonymizers on both axes, with the plain methods of config.anonymize.references beside them.

    Args:
      config: its `anonymize` has the options; with a workdir, that of its run.
      workdir: the run whose model says what people see, and whose start is a machine; None = no such axis.
      inputs: what the command line names.

    Raises:
      FileNotFoundError, ValueError: the message says what was wanted.
    """
    settings.check(config)
    methods.refuse_clashes(config, inputs)
    inputs = name_roles(inputs)
    eyes, options = open_eyes(config, workdir, inputs), config.anonymize
    originals = read_faces("originals", config, inputs)
    given = methods.read_methods(originals, inputs)
    made, gallery, warnings = _made(config, inputs, eyes, originals)
    read = {"originals": originals, **gallery, **{name: one.portraits for name, one in (given | made).items()}}
    made |= methods.retouched(options.retouch, originals, given | made) if eyes.for_new_pictures() else {}
    if not given | made:
        raise ValueError("nothing to judge: give --anonymized=DIR, or name methods in config.anonymize.references")
    found = methods.benchmark(
        originals,
        given,
        made,
        eyes=eyes,
        attributes=read_attributes("originals", originals.names, inputs),
        persons=read_persons("originals", originals.names, inputs),
        false_accept_rate=options.false_accept_rate,
    )
    measured = [originals, *(method.portraits for method in given.values())]
    warnings = [*_of_pictures(read, measured), *_of_files(eyes, made), *warnings]
    if eyes.perceive is None:
        warnings.append("No --workdir was given: the axis of what people see is empty.")
    facts = _facts(config, workdir, inputs, read)
    return Report("Anonymized faces on two axes", warnings, facts, _sections(found, originals, given | made))


def anonymize(config: ConfigDict, workdir: str, inputs: Inputs, out: str) -> Report:
    """Anonymize the faces of a folder, and write the pictures that are given, and why; see `hiding.folder`.

    Args:
      config: that of the run.
      workdir: the run whose model says what people see, and whose start is a machine.
      inputs: what the command line names; the methods are not looked at.
      out: folder, made if it does not exist; it must not hold an earlier run.

    Raises:
      FileNotFoundError, ValueError: the message says what was wanted.
    """
    settings.check(config)
    inputs, written = name_roles(inputs._replace(methods={})), folder.open_folder(out)
    eyes = open_eyes(config, workdir, inputs)
    queries, gallery = (read_faces(role, config, inputs) for role in ("originals", "candidates"))
    names, members = read_members(queries, gallery, inputs)
    thresholds = _thresholds(config, eyes, gallery, inputs)
    found = _pipeline(config, eyes, queries, gallery, members, thresholds)
    rows = proposals.proposal_rows(found, queries.names, gallery.names, names)
    sheet = _sheet(found, queries, gallery, names)
    _, sources = proposals.first(found)
    machines, degrees = eyes.for_new_pictures(), config.anonymize.degrees
    curves = proposals.degree_curves(
        face(queries), face(gallery), sources, degrees, perceive=eyes.perceive, machines=machines
    )
    section, read = sections.offered(rows, curves, sheet, thresholds), {"queries": queries, "candidates": gallery}
    warnings = [*_of_pictures(read, [queries]), *_of_files(eyes, ["the results"])]
    said = Report("Anonymized faces", warnings, _facts(config, workdir, inputs, read), [section])
    folder.write(written, inputs.originals, queries, found, said)
    return said


def _sections(found, originals, methods):
    parts = (
        sections.both_axes(found, originals, methods),
        recognizer_sections.what_machines_find(found),
        sections.what_was_kept(found),
        recognizer_sections.group_gaps(found),
    )
    return [part for part in parts if part]


def _made(config, inputs, eyes, originals):
    """(methods, candidates by their role, warnings): the plain ones, and swaps if there is all that they need."""
    wanted = [Reference[name.upper()] for name in config.anonymize.references]
    if not eyes.for_new_pictures():
        names = [one.value for one in wanted] + ["retouched methods"] * bool(config.anonymize.retouch)
        return {}, {}, [*_of_files(eyes, names)]
    found = methods.plain(wanted, originals)
    swaps = [one for one in wanted if one not in baselines.PLAIN]
    if not (swaps and inputs.candidates):
        return found, {}, []
    names = ", ".join(one.value for one in swaps)
    if not eyes.perceive:
        return found, {}, [f"No --workdir was given: {names} left out, which need what people see."]
    gallery = read_faces("candidates", config, inputs)
    _, members = read_members(originals, gallery, inputs)
    offered = _pipeline(config, eyes, originals, gallery, members, _thresholds(config, eyes, gallery, inputs))
    machine = next(iter(eyes.for_new_pictures().values()))
    options = {"members": members, "machine": machine, "seed": config.anonymize.seed}
    found |= methods.swaps(swaps, originals, gallery, offered, **options)
    left = [one.value for one in swaps if one.value not in found]
    return found, {"candidates": gallery}, [f"{name} is left out: {methods.NOT_ADMITTED}." for name in left]


def _thresholds(config, eyes, gallery, inputs):
    """Match thresholds of all machines that can look at candidates, from pairs of different persons."""
    rate, found = config.anonymize.false_accept_rate, {}
    persons = read_persons("candidates", gallery.names, inputs)
    for name, eye in eyes.for_new_pictures().items():
        try:
            found[name] = privacy.match_threshold(eye.look("candidates", gallery), persons, false_accept_rate=rate)
        except ValueError as error:
            raise ValueError(f"the threshold of {name}, from the candidates: {error}") from error
    return found


def _pipeline(config, eyes, queries, gallery, members, thresholds):
    """The pipeline with the machines that can look at its results."""
    options = config.anonymize
    aim = pipeline.SelectionPolicy(
        {name: one.value for name, one in thresholds.items()},
        band=tuple(options.band),
        prefer=pipeline.Prefer[options.prefer.upper()],
    )
    return pipeline.anonymize(
        face(queries),
        face(gallery),
        members=members,
        perceive=eyes.perceive,
        machines=eyes.for_new_pictures(),
        aim=aim,
        lost=preservation.features_lost,
        k=options.candidates,
        rule=groups.Rule[config.groups.rule.upper()],
        factor=config.groups.factor,
    )


def _sheet(found, queries, gallery, names):
    """The contact sheet: every query with its results, the best first."""
    rows = []
    for i, name in enumerate(queries.names):
        order = [place for place in found.choice.order[i] if found.offered.index[i, place] >= 0]
        results = [
            figures.Result(
                found.images[i, place],
                gallery.names[found.offered.index[i, place]],
                float(found.axes.perceived[i, place]),
                max(float(values[i, place]) for values in found.axes.matched.values()),
                bool(found.choice.admitted[i, place]),
            )
            for place in order
        ]
        chosen = order.index(found.choice.chosen[i]) if found.choice.chosen[i] >= 0 else -1
        rows.append(figures.Query(name, queries.images[i], names[found.offered.group[i]], results, chosen))
    return rows


def _of_pictures(read: Mapping[str, Portraits], measured: Iterable[Portraits]) -> Iterator[str]:
    """What a reader must know of the pictures: those left out, role by role, and landmarks that are missing."""
    for role, faces in read.items():
        if faces.skipped:
            first = "; ".join(f"{name}: {reason}" for name, reason in faces.skipped[:NAMED])
            yield f"{role}: {len(faces.skipped)} pictures were left out, among them {first}"
    if not all(faces.measured for faces in measured):
        yield "There are no landmarks of some pictures: expression and pose are not measured on them."


def _of_files(eyes, made):
    """Which machines cannot look at what is made here."""
    if made and (blind := eyes.machines.keys() - eyes.for_new_pictures().keys()):
        yield (
            f"{', '.join(sorted(blind))}: n/a for {', '.join(made)}: these are made here, and vectors from files are of"
            " other pictures. A model folder can look at any."
        )


def _facts(config, workdir, inputs, read):
    chosen = {name: value for name, value in config.anonymize.items() if value not in ((), "")}
    given = {name: value for name, value in inputs._asdict().items() if value}
    judged = {"workdir": workdir or "none", **given}
    left = {role: [": ".join(pair) for pair in faces.skipped] for role, faces in read.items() if faces.skipped}
    facts = {"What was judged": judged, "Options": chosen, "Versions": workdirs.versions()}
    return facts | ({"Pictures left out": left} if left else {})
