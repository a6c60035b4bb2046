"""The third page: faces are anonymised, and anybody's anonymised faces are judged, on the two axes.

`anonymize` takes pictures to hide and pictures to swap in; `judge` takes originals and what anonymisers made of them,
and sets plain methods beside them. Both end in a report.
"""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from etils import epath
from ml_collections import ConfigDict
from PIL import Image

from perface_jax import anonymize as pipeline
from perface_jax import evaluation, evaluator, figures, groups, privacy, report, sections
from perface_jax import workdir as workdirs
from perface_jax.datasets import portraits
from perface_jax.evaluation import Method, Reference
from perface_jax.model_folder import load_model
from perface_jax.report import Report
from perface_jax.swap import Face

ALL = ""  # the role of a file that holds for those without one of their own


class Inputs(NamedTuple):
    """What the command line names.

    Attributes:
      originals: folder of the pictures to hide, or that were hidden.
      methods: name -> folder of anonymised pictures.
      candidates: folder of pictures that may be swapped in; "" = none.
      landmarks: role -> file; the roles are originals, candidates and the methods, ALL is for the first two.
      attributes: role -> file of the groups; the roles are originals and candidates, ALL is for both.
      embedders: name -> model folder, or folder of vectors: originals.npz, and METHOD.npz for every method.
      crop: which squares pictures without landmarks are: celeba_hq, or a template of `images`.
    """

    originals: str
    methods: Mapping[str, str] = {}
    candidates: str = ""
    landmarks: Mapping[str, str] = {}
    attributes: Mapping[str, str] = {}
    embedders: Mapping[str, str] = {}
    crop: str = portraits.CELEBA_HQ


def judge(config: ConfigDict, workdir: str | None, inputs: Inputs) -> Report:
    """Anonymisers on both axes, with the plain methods of config.anonymize.references beside them.

    Args:
      config: its `anonymize` has the options; with a workdir, that of its run.
      workdir: the run whose model says what people see, and whose start is a machine; None = no such axis.
      inputs: what the command line names.

    Raises:
      FileNotFoundError, ValueError: the message says what was wanted.
    """
    eyes, options = open_eyes(config, workdir, inputs), config.anonymize
    originals = _read("originals", inputs.originals, config, inputs)
    attributes, persons = _attributes("originals", originals.names, inputs)
    methods = {name: _results(name, folder, originals, inputs) for name, folder in inputs.methods.items()}
    methods |= _references(config, inputs, eyes, originals)
    methods |= _retouched(options.retouch, originals, methods)
    if not methods:
        raise ValueError("nothing to judge: give --anonymised=DIR, or name methods in config.anonymize.references")
    found = evaluation.benchmark(
        originals,
        methods,
        perceive=eyes.perceive,
        machines=eyes.machines,
        attributes=attributes,
        persons=persons,
        false_accept_rate=options.false_accept_rate,
    )
    parts = [sections.both_axes(found, originals, methods), sections.what_was_kept(found), sections.group_gaps(found)]
    given = [originals, *(methods[name].portraits for name in inputs.methods)]
    warnings = list(dict.fromkeys(one for faces in given for one in _of_pictures(faces)))
    if eyes.perceive is None:
        warnings.append("No --workdir was given: the axis of what people see is empty.")
    return Report("Anonymised faces on two axes", warnings, _facts(config, workdir, inputs), [p for p in parts if p])


def anonymize(config: ConfigDict, workdir: str, inputs: Inputs, out: str) -> Report:
    """Anonymise the faces of a folder, and write the pictures that are given, and why.

    OUT/NAME.png for every query that has an admitted result: the square that was cut out, with another face;
    OUT/results.json with all results and scores, and OUT/sheet.png with all of them in one picture.

    Args:
      config: that of the run.
      workdir: the run whose model says what people see, and whose start is a machine.
      inputs: what the command line names; the methods are not looked at.
      out: folder, made if it does not exist.

    Raises:
      FileNotFoundError, ValueError: the message says what was wanted.
    """
    eyes = open_eyes(config, workdir, inputs)
    queries, gallery = (_read(role, getattr(inputs, role), config, inputs) for role in ("originals", "candidates"))
    names, members = _members(queries, gallery, inputs)
    thresholds = _thresholds(config, eyes, gallery)
    hidden, shown = _face(queries), _face(gallery)
    found = _pipeline(config, eyes, hidden, shown, members, thresholds)
    rows = evaluation.offer_rows(found, queries.names, gallery.names, names)
    sheet = _sheet(found, queries, gallery, names)
    _, sources = evaluation.first(found)
    curves = evaluation.degree_curves(
        hidden, shown, sources, config.anonymize.degrees, perceive=eyes.perceive, machines=eyes.machines
    )
    section = sections.offered(rows, curves, sheet, thresholds)
    said = Report("Anonymised faces", [*_of_pictures(queries)], _facts(config, workdir, inputs), [section])
    _write(epath.Path(out), found, queries.names, said)
    return said


class Eyes(NamedTuple):
    """Who looks: what people see, and machines by name."""

    perceive: evaluation.Eye | None
    machines: dict[str, evaluation.Eye]


def open_eyes(config: ConfigDict, workdir: str | None, inputs: Inputs) -> Eyes:
    """What people see, where there is a run, and the machines: the run before training and the embedders."""
    machines, perceive = {}, None
    if workdir:
        models = evaluator.open_run(config, workdir).models[0]
        machines["before training"], perceive = (
            evaluation.NetworkEye(opener(), crop=config.crop) for opener in models.values()
        )
    machines |= {name: _embedder(name, path, config) for name, path in inputs.embedders.items()}
    if not machines:
        raise ValueError("no machine that could match faces: give --workdir=RUN, or --embedder=NAME=FOLDER")
    return Eyes(perceive, machines)


def _embedder(name, path, config):
    folder = epath.Path(path)
    if (folder / "originals.npz").exists():
        files = {file.stem: evaluation.read_vectors(file) for file in sorted(folder.glob("*.npz"))}
        return evaluation.FileEye(files, name)
    network = evaluation.Network(*load_model(folder), batch_size=config.evaluation_batch_size)
    return evaluation.NetworkEye(network, crop=config.crop)


def _read(role, folder, config, inputs):
    """The faces of a folder."""
    file = inputs.landmarks.get(role, inputs.landmarks.get(ALL))
    points = portraits.read_landmarks(file) if file else None
    names = evaluation.picture_names(epath.Path(folder))
    return portraits.read_portraits(folder, names, size=config.anonymize.size, landmarks=points, crop=inputs.crop)


def _results(name, folder, originals, inputs):
    """What a method made of the originals."""
    points = portraits.read_landmarks(inputs.landmarks[name]) if name in inputs.landmarks else None
    names = evaluation.picture_names(epath.Path(folder))
    return Method(*portraits.read_results(folder, names, originals, landmarks=points))


def _attributes(role, names, inputs):
    """(attributes, persons): a column called person says who is on a picture, and is no attribute."""
    file = inputs.attributes.get(role, inputs.attributes.get(ALL))
    values = portraits.read_attributes(file, names) if file else {}
    return values, values.pop(portraits.PERSON, None)


def _members(queries, gallery, inputs):
    """Names of the groups, and who of the gallery is in which, bool [Q, G, N], the query's own picture left out."""
    attributes, _ = _attributes("candidates", gallery.names, inputs)
    labels = [" ".join(values) for values in zip(*attributes.values(), strict=True)] or ["everybody"] * len(gallery)
    names = sorted(set(labels))
    members = np.array(labels)[None] == np.array(names)[:, None]
    own = np.asarray(queries.names)[:, None] == np.asarray(gallery.names)[None]
    members = members[None] & ~own[:, None]
    groups.check_groups(names, members)
    return names, members


def _thresholds(config, eyes, gallery):
    """Match thresholds of all machines, from the candidates, each of them another person."""
    rate, found = config.anonymize.false_accept_rate, {}
    for name, eye in eyes.machines.items():
        try:
            found[name] = privacy.match_threshold(eye.look("candidates", gallery), false_accept_rate=rate)
        except ValueError as error:
            raise ValueError(f"the threshold of {name}, from the candidates: {error}") from error
    return found


def _pipeline(config, eyes, queries, gallery, members, thresholds):
    options = config.anonymize
    aim = pipeline.Aim(
        {name: one.value for name, one in thresholds.items()},
        band=tuple(options.band),
        prefer=pipeline.Prefer[options.prefer.upper()],
    )
    return pipeline.anonymize(
        queries,
        gallery,
        members=members,
        perceive=eyes.perceive,
        machines=eyes.machines,
        aim=aim,
        lost=evaluation.features_lost,
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


def _write(out, found, names, said):
    """The pictures that are given, every number, and the sheet."""
    out.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        if (place := found.choice.chosen[i]) >= 0:
            with (out / f"{name}.png").open("wb") as file:
                Image.fromarray(found.images[i, place]).save(file, "PNG")
    report.write_json(out / "results.json", said)
    said.sections[0].figures[0].figure.savefig(out / "sheet.png", dpi=150)


def _references(config, inputs, eyes, originals):
    """The plain methods of the config; those that swap where there are candidates and a model of people."""
    wanted = [Reference[name.upper()] for name in config.anonymize.references]
    faces = _face(originals)
    results = {one.value: Face(evaluation.plainly(one, faces), None) for one in wanted if one in evaluation.PLAIN}
    if inputs.candidates and eyes.perceive:
        results |= _swaps(config, inputs, eyes, originals, [one for one in wanted if one not in evaluation.PLAIN])
    return {name: _method(originals, result) for name, result in results.items()}


def _swaps(config, inputs, eyes, originals, wanted):
    gallery = _read("candidates", inputs.candidates, config, inputs)
    _, members = _members(originals, gallery, inputs)
    queries, shown = _face(originals), _face(gallery)
    found = _pipeline(config, eyes, queries, shown, members, _thresholds(config, eyes, gallery))
    machine = next(iter(eyes.machines.values()))
    seen, results = (machine(*queries), machine(*shown)), {}
    for one in wanted:
        if one is Reference.CHOSEN_SWAP:
            results[one.value] = evaluation.best(found)
        else:
            results[one.value] = evaluation.swapped(
                one, queries, shown, seen, group=found.offered.group, members=members, seed=config.anonymize.seed
            )
    return results


def _method(originals, result):
    """Results of all originals, with landmarks or without."""
    measured = originals.measured and result.landmarks is not None
    points = originals.landmarks if result.landmarks is None else result.landmarks
    names, boxes = originals.names, originals.boxes
    made = portraits.Portraits(names, np.asarray(result.image), np.asarray(points), measured, boxes)
    return Method(made, np.arange(len(names)))


def _retouched(retouches, originals, methods):
    """Every method once more, with skin colour or light brought back to the original's."""
    retouch = {"skin": evaluation.match_skins, "light": evaluation.match_lights}
    if unknown := set(retouches) - set(retouch):
        raise ValueError(f"config.anonymize.retouch has {', '.join(sorted(unknown))}; wanted {', '.join(retouch)}")
    found = {}
    for name, method in methods.items() if retouches else ():
        faces = _face(method.portraits)
        for one in retouches:
            faces = Face(retouch[one](_face(originals[method.places]), faces), faces.landmarks)
        made = dataclasses.replace(method.portraits, images=np.asarray(faces.image))
        found[f"{name} + {' + '.join(retouches)}"] = Method(made, method.places)
    return found


def _face(faces):
    return Face(faces.images, faces.landmarks)


def _of_pictures(faces):
    """What a reader must know of these pictures."""
    if faces.skipped:
        first = "; ".join(f"{name}: {reason}" for name, reason in faces.skipped[:3])
        yield f"{len(faces.skipped)} pictures were left out, among them {first}"
    if not faces.measured:
        yield "There are no landmarks of some pictures: expression and pose are not measured on them."


def _facts(config, workdir, inputs):
    chosen = {name: value for name, value in config.anonymize.items() if value not in ((), "")}
    given = {name: value for name, value in inputs._asdict().items() if value}
    judged = {"workdir": workdir or "none", **given}
    return {"What was judged": judged, "Options": chosen, "Versions": workdirs.versions()}
