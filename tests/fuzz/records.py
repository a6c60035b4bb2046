"""Damaged records: scale.json, the config of a run, judgments in JSON, the options of a drawn folder; wrong flags."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from perface_jax import all_settings, annotations, similarity_scale
from perface_jax.datasets import whole_folder
from perface_jax.similarity_scale import SimilarityScale
from tests.fuzz import byte_faults
from tests.fuzz.case import Case, Expect
from tests.fuzz.world import World, encoded

JUDGMENTS = {
    str(i): {"triplet_questions": [[0, 1, 2], [3, 4, 5]], "odd_one_out_positions": [0, 2], "annotator_id": f"w{i}"}
    for i in range(3)
}
OPTIONS = {"seed": 1, "size": 32}


def case(random: np.random.Generator, folder: pathlib.Path, world: World) -> Case:
    """One damaged record, or a wrong flag."""
    doors = (_scale, _scale, _scale_of_compare, _run, _run, _judgments, _options, _flag, _flag, _number)
    return doors[random.integers(len(doors))](random, folder, world)


def controls(folder: pathlib.Path, world: World) -> list[Case]:
    """Records as they should be."""
    model = world.copy_model(folder / "model")
    scale = _valid_scale(world)
    (model / "scale.json").write_text(json.dumps(scale))
    (folder / "judgments.json").write_text(json.dumps(JUDGMENTS))
    written = folder / "written"
    written.mkdir()
    (written / "synthetic.json").write_text(json.dumps(OPTIONS))
    argv = ["compare", *_pair(folder), "--model", str(model), "--detector", "none"]
    return [
        Case("scale.json", (), call=lambda: similarity_scale.read(model), expect=Expect.ACCEPTED),
        Case("compare", ("Higher than",), argv, expect=Expect.LISTED),
        Case(
            "judgments",
            (),
            call=lambda: annotations.read_odd_one_out(folder / "judgments.json"),
            expect=Expect.ACCEPTED,
        ),
        Case("options", (), call=lambda: whole_folder.is_written(written, OPTIONS), expect=Expect.ACCEPTED),
        Case("config", (), ["config", "triplets"], expect=Expect.ACCEPTED),
    ]


def _pair(folder):
    for number, name in enumerate("ab"):
        (folder / f"{name}.png").write_bytes(encoded("PNG", number))
    return [str(folder / f"{name}.png") for name in "ab"]


def _valid_scale(world) -> dict[str, Any]:
    from perface_jax.network.fingerprints import fingerprint

    random, people = np.random.default_rng(0), np.repeat(np.arange(12), 2)
    pairs = similarity_scale.different_people(random.normal(size=(24, 8)), people)
    scale = similarity_scale.fit(
        pairs,
        "no slope",
        model=fingerprint(world.model_folder),
        crop="arcface",
        origin="faces",
        made=(("by", "a test"),),
    )
    file = similarity_scale.write(world.folder, scale)
    return json.loads(file.read_text())


def _parts(record, path=()):
    """Every place in a record."""
    entries = record.items() if isinstance(record, dict) else enumerate(record[:3]) if isinstance(record, list) else ()
    for name, value in entries:
        yield (*path, name)
        yield from _parts(value, (*path, name))


VALUES = (None, "a text", -1, 0, 1e400, True, [], {}, [[1]], "\u202e", 10**30, [None], "1")


def edited(random: np.random.Generator, record: Any, *, keep: Sequence[Any] = ()) -> tuple[str, Any]:
    """The record with one place changed, and what was changed."""
    record = json.loads(json.dumps(record))
    places = [place for place in _parts(record) if place[0] not in keep]
    *way, last = places[random.integers(len(places))]
    inner = record
    for name in way:
        inner = inner[name]
    where = ".".join(map(str, (*way, last)))
    if random.random() < 0.3:
        del inner[last]
        return f"{where} is gone", record
    value = VALUES[random.integers(len(VALUES))]
    inner[last] = value
    return f"{where} = {value!r}", record


def _written(random, file, record, **options):
    """A damaged JSON file; the fault, and whether it is certainly one."""
    if random.random() < 0.4:
        fault, sure = byte_faults.damage(random, file, json.dumps(record).encode())
        return fault, sure and file.exists()
    fault, changed = edited(random, record, **options)
    file.write_text(json.dumps(changed))
    return fault, False  # numbers may be others, and texts


def _scale(random, folder, world):
    model = folder / "the model"
    model.mkdir()
    fault, sure = _written(random, model / "scale.json", _valid_scale(world))
    expect = Expect.REFUSED if sure else Expect.EITHER
    return Case(f"scale.json: {fault}", ("scale.json",), call=lambda: _use(similarity_scale.read(model)), expect=expect)


def _use(scale: SimilarityScale | None):
    """What was read can be used."""
    if scale is not None:
        similarity_scale.share_below(scale, 0.3)
        similarity_scale.probability(scale, 0.3)


def _scale_of_compare(random, folder, world):
    """The cosine does not depend on the scale: it is printed, with a note."""
    model = world.copy_model(folder / "the model")
    fault, sure = _written(random, model / "scale.json", _valid_scale(world))
    argv = ["compare", *_pair(folder), "--model", str(model), "--detector", "none"]
    return Case(f"compare: scale.json: {fault}", ("cosine", *["scale.json"] * sure), argv, expect=Expect.LISTED)


def _run(random, folder, world):
    """A workdir whose config is damaged."""
    run = folder / "the run"
    run.mkdir()
    record = json.loads(all_settings.default("triplets").to_json())
    fault, sure = _written(random, run / "config.json", record)
    pictures, out = f"--pictures={folder}", f"--out={folder / 'e.npz'}"
    doors = (
        ["evaluate", f"--workdir={run}"],
        ["evaluate", f"--workdir={run}", "--parts=embed", pictures, out],
        ["anonymize", f"--workdir={run}", f"--originals={folder}", f"--candidates={folder}", f"--out={folder / 'out'}"],
    )
    argv = doors[random.integers(len(doors))]
    # The run was never trained, so that even an undamaged record is refused; the config names no file.
    names = ("the run",) if sure else ("the run", "config", fault.split()[0])
    return Case(f"{argv[0]}: config.json, {fault}", names, argv)


def _judgments(random, folder, world):
    file = folder / "judgments.json"
    fault, sure = _written(random, file, JUDGMENTS)
    expect = Expect.REFUSED if sure else Expect.EITHER
    return Case(f"judgments: {fault}", (file.name,), call=lambda: annotations.read_odd_one_out(file), expect=expect)


def _options(random, folder, world):
    written = folder / "written"
    written.mkdir()
    fault, sure = _written(random, written / "synthetic.json", OPTIONS)
    sure = sure and (written / "synthetic.json").is_file()
    expect = Expect.REFUSED if sure else Expect.EITHER
    return Case(
        f"synthetic.json: {fault}", ("written",), call=lambda: whole_folder.is_written(written, OPTIONS), expect=expect
    )


FLAGS = (
    ("train", "--config=perface_r50", "--workdir={out}", "--config.margin=wide"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.margin=nan"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.batch_size=-3"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.batch_size=1.5"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.learning_rat=1"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.loss=tripplet"),
    ("train", "--config=perface_r50", "--workdir={out}", "--config.data.release=/nowhere/at/all"),
    ("train", "--config=perface_r51", "--workdir={out}"),
    ("train", "--config=/nowhere/config.py", "--workdir={out}"),
    ("train", "--config=perface_r50:d9", "--workdir={out}"),
    ("train", "--config=perface_r50"),
    ("train", "--workdir={out}"),
    ("train", "--config=perface_r50", "--workdir={out}", "more"),
    ("train", "--config=perface_r50", "--workdir={out}", "--nonsense=1"),
    ("train", "--config=perface_r50", "--workdir={file}"),
    ("evaluate", "--workdir={out}"),
    ("evaluate", "--workdir={file}"),
    ("evaluate", "--embeddings={out}"),
    ("evaluate", "--embeddings={file}", "--workdir={out}"),
    ("privacy", "--originals={out}"),
    ("privacy", "--originals={out}", "--anonymized=a={out},a={out}"),
    ("anonymize", "--originals={out}"),
    ("compare", "{file}"),
    ("compare", "{file}", "{file}"),
    ("compare", "{file}", "{file}", "--model", "{out}"),
    ("compare", "{file}", "{file}", "--model", "{file}"),
    ("compare", "{file}", "{file}", "--model", "{model}", "--detector", "retina"),
    ("compare", "{file}", "{file}", "--model", "{model}", "--detector", "none", "--crop", "round"),
    ("compare", "{file}", "{file}", "--model", "{model}", "--detector", "dlib={out}"),
    ("compare", "{file}", "{file}", "--model", "{model}", "--detector", "mediapipe={file}"),
    ("compare", "{file}", "{file}", "--model", "{model}", "--landmarks", "{out}"),
    ("rank", "{file}", "{file}", "--model", "{model}"),
    ("rank", "{file}", "{out}", "--model", "{model}"),
    ("rank", "{file}", "{folder}", "--model", "{model}", "--top", "0"),
    ("rank", "{file}", "{folder}", "--model", "{model}", "--sheet", "{out}.gif"),
    ("embed", "{folder}", "--model", "{model}", "--out", "{out}"),
    ("embed", "{out}", "--model", "{model}", "--out", "{out}.npz"),
    ("embed", "{empty}", "--model", "{model}", "--out", "{out}.npz"),
    ("embed", "{folder}", "--model", "{model}"),
    ("scale", "--model", "{model}", "--pictures", "{out}", "--people", "{file}"),
    ("scale", "--model", "{model}", "--pictures", "{folder}", "--people", "{out}"),
    ("detect", "{out}", "--out", "{out}.csv"),
    ("detect", "{empty}", "--out", "{out}.csv"),
    ("detect", "{folder}", "--out", "{out}.txt"),
    ("convert", "{out}", "--out", "{out}"),
    ("convert", "{file}", "--out", "{out}"),
    ("convert",),
    ("selftest", "{out}"),
    ("selftest", "{file}"),
    ("selftest",),
    ("audit", "{out}"),
    ("audit", "{folder}"),
    ("audit", "{file}"),
    ("audit", "{file}", "--sources", "0"),
    ("audit", "{file}", "--no-grid", "--sources", "5"),
    ("config", "pairs"),
    ("trian",),
    ("benchmark", "--model", "{out}"),
    ("synthetic", "--out", "{file}"),
    ("synthetic", "--out", "{out}", "--sources", "0"),
    ("identities", "--out", "{file}"),
    ("identities", "--out", "{out}", "--identities", "-1"),
    ("doctor", "--model", "{out}"),
)


def _flag(random, folder, world):
    argv = FLAGS[random.integers(len(FLAGS))]
    (folder / "a file.png").write_bytes(b"no picture")
    (folder / "set").mkdir()
    (folder / "set/a.png").write_bytes(encoded("PNG"))
    (folder / "empty").mkdir()
    places = {
        "out": folder / "not there",
        "file": folder / "a file.png",
        "folder": folder / "set",
        "empty": folder / "empty",
        "model": world.model_folder,
    }
    words = [word.format(**places) for word in argv]
    return Case(f"{' '.join(argv)}", _names(words), words)


def _names(words):
    """What a message may name: an option, or a value, as it was given."""
    parts = [part for word in words for part in word.removeprefix("--").split("=")]
    return [pathlib.PurePath(part).name for part in parts] + [
        "--model",
        "--out",
        "--config",
        "--workdir",
        "saw no",
        "required",
    ]


NUMBERS: dict[str, Callable[[str], list[str]]] = {
    "plan, sources": lambda number: ["plan", "--sources", number],
    "plan, gain": lambda number: ["plan", "--sources", "8", "--targets", "4", "--gain", number, "--simulations", "5"],
    "plan, accuracy": lambda number: [
        "plan",
        "--sources",
        "8",
        "--targets",
        "4",
        "--accuracy",
        number,
        "--simulations",
        "5",
    ],
    "plan, power": lambda number: ["plan", "--sources", "8", "--targets", "4", "--power", number, "--simulations", "5"],
    "plan, votes": lambda number: ["plan", "--sources", "8", "--targets", "4", "--votes", number, "--simulations", "5"],
    "plan, simulations": lambda number: ["plan", "--sources", "8", "--targets", "4", "--simulations", number],
    "plan, model_source": lambda number: [
        "plan",
        "--sources",
        "8",
        "--targets",
        "4",
        "--model_source",
        number,
        "--simulations",
        "5",
    ],
}


def _number(random, folder, world):
    what, number = (
        [*NUMBERS][random.integers(len(NUMBERS))],
        ("0", "-1", "nan", "inf", "x", "", "1e999", "-0.5", "2.5e300")[random.integers(9)],
    )
    argv = NUMBERS[what](number)
    return Case(
        f"{what}: {number!r}",
        (number, "plan", "--"),
        argv,
        expect=Expect.EITHER if (what, number) in ZERO else Expect.REFUSED,
    )


ZERO = {("plan, gain", "-0.5"), ("plan, model_source", "0"), ("plan, gain", "0")}
