"""A folder in which the commands of the documentation run as they are written: its small data has the names they use.

`FEWER` makes what they do small, `FILLED` puts names for placeholders, `NOT_RUN` says what is not run and why.
`documented_python` has the same for Python.
"""

import pathlib
import re
import shlex
import shutil
from collections.abc import Sequence

import av
import numpy as np
import pytest
import torch
from PIL import Image

from converters import keys, to_torch
from perface_jax.datasets import celeba_files
from perface_jax.diffusion import model_folder as diffusion_folder
from perface_jax.diffusion import networks
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import save_model
from tests import parsed_commands, processes
from tests.conftest import QUICK, ROOT
from tests.golden import formula

WORLD = "--sources 10 --targets 10 --people 120 --size 32 --celeba_size 64"
GRID = "--config.data.sources=10 --config.data.targets=10 --config.split.sources=(6,2,2) --config.split.targets=(6,2,2)"
SMALL = "--config.batch_size=8 --config.max_steps=1 --config.log_every=1"
MODEL = {"arch": "r18", "width": 4, "image_size": 32, "embedding_size": 16}
NETWORK = " ".join(f"--config.model.{name}={value}" for name, value in MODEL.items()) + " --config.model.layers=()"
GROUPS = "--config.groups.folder=path/to/CelebAMask-HQ --config.groups.gallery=10 --config.groups.queries=5"
PEOPLE = "--config.split.sizes=(6,3,3) --config.data.pairs=20 --config.schedule.warmup=0"
FEWER = {  # a pattern of a command -> options that it gets behind its own
    r"^perface synthetic|datasets.synthetic ": WORLD,
    r"identities --out|identities$": "--identities 12 --pictures 4 --size 32",
    r"(train|evaluate).*config=(configs/)?(perface_r50|synthetic)": f"{GRID} {SMALL} {NETWORK} {GROUPS}",
    r"train.*config=(configs/)?synthetic": "--config.init=models/arcface_r50",
    r"train.*config=(configs/)?arcface_synthetic": f"{SMALL} {NETWORK} {PEOPLE}",
    r"^perface plan": "--simulations 10",
    r"^perface plan --answers": "--grid 10 10",
    r"^perface audit|annotations ": "--sources 10 --targets 10",
    r"^perface convert(?!.* models/back.pth)": "--out models/converted",
    r"embeddings=mine.npz": "--config.data.release=path/to/SimCelebA",
    r"workdir=runs/many": "--config.data.data_dir=data/many_tfds",
    r"^perface (anonymize|privacy) ": "--config.anonymize.size=48 --config.anonymize.false_accept_rate=.5",
    r"^perface anonymize .*--method=diffusion": "--steps 2",
    r"^perface naturalness": "--steps 2 --people 8",
    r"^python -m benchmarks.readme_picture": "--people 14 --query 1 --out ranked.png",
}  # fmt: skip
FILLED = {  # a word -> what stands for it
    "--config.data.release=DIR": "--config.data.release=path/to/SimCelebA",
    "--config.data.release=...": "--config.data.release=path/to/SimCelebA",
    "--originals=DIR": "--originals=originals",
    "--candidates=DIR": "--candidates=candidates",
    "--natural DIR": "--natural candidates",
    "--photographs=DIR": "--photographs=photographs",
    "--diffusion=models/face_anon_simple": "--diffusion=untrained",
    "--anonymized=ours=anonymized/pictures,theirs=DIR": "--anonymized=ours=anonymized/pictures,theirs=originals",
    "--attributes=FILE": "--attributes=groups.csv",
    "--report=DIR": "--report=report",
    "before.csv": "tables/before-i.csv",
    "after.csv": "tables/after-i.csv",
}
NOT_RUN = {  # a pattern of a command -> why
    r"^make |^\.ci/run": "makes an environment and installs into it",
    r"anonymizer_synthetic|--method=learned": "takes minutes; tests/training/test_anonymizers.py trains a small one",
    r"^perface demo": "takes minutes; tests/commands/test_demo.py runs it",
    r"^perface convert face-anon-simple": "needs 12 GB of weights; tests/converters has small ones",
    r"-m (pip|venv) |^pip ": "needs a package index",
    r"pytest |tests\.fuzz": "is a test itself",
    r"benchmarks\.(?!readme_picture)": "takes minutes; tests/benchmarks runs it with small sizes",
    r"^perface aot": "needs libtpu, which compiles for minutes; tests/aot compiles small programs",
    r"^perface collect|votes/votes.csv|runs/mine": "needs people; tests/benchmarks/test_collect_demo.py simulates them",
    r"hf://|^hf ": "needs the Hugging Face Hub; tests/network/test_hub.py fills its cache",
    r"--distributed|--coordinator": "wants several machines; tests/training/test_pods.py has two processes",
}
TABLES = {  # a mention -> the command that stands for it
    "perface compare A B --model DIR": "perface compare a.jpg b.jpg --model models/arcface_r50",
    "perface rank QUERY DIR --model DIR --html FILE":
        "perface rank a.jpg photographs --model models/arcface_r50 --html r.html",
    "perface embed DIR --model DIR --out FILE.npz": "perface embed photographs --model models/arcface_r50 --out e.npz",
    "perface detect DIR --out FILE.csv": "perface detect photographs --out found.csv",
    "perface convert FILE --out DIR": "perface convert ms1mv3_arcface_r50_fp16.pth",
    "perface scale --model DIR --pictures DIR --people CSV":
        "perface scale --model models/arcface_r50 --pictures photos --people people.csv",
    "perface benchmark --model DIR": "perface benchmark --model models/arcface_r50 --seconds .01",
    "perface doctor": "perface doctor",
    "perface selftest DIR": "perface selftest models/arcface_r50",
    "perface audit FILE.csv": "perface audit triplet_answers.csv",
    "perface naturalness --out FILE.npz": "perface naturalness --out drawn.npz",
    "perface plan": "perface plan",
    "perface synthetic": "perface synthetic --out data/synthetic",
    "perface identities": "perface identities --out data/identities",
    "python -m benchmarks.readme_picture --model DIR": "python -m benchmarks.readme_picture --model models/arcface_r50",
    "perface convert DIR --out FILE.pth": "perface convert models/arcface_r50 --out models/back.pth",
    "perface export DIR --out FILE.onnx": "perface export models/arcface_r50 --out models/r50.onnx",
}  # fmt: skip
WEIGHTS = "ms1mv3_arcface_r50_fp16.pth"
EXPORTED = ("arcface_r50.onnx", "arcface_r50.stablehlo", "arcface_r50.safetensors", "models/r50.onnx")
BESIDE = ("", ".json", ".known_answer.npz")
REMADE = (  # what a command refuses to overwrite
    *("models/converted", "models/back.pth", "anonymized", "natural", "hidden.mp4", "hidden.json", "gray.mp4"),
    *(f"{name}{end}" for name in EXPORTED for end in BESIDE),
)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory) -> pathlib.Path:
    """The folder, with the runs that other pages go on with."""
    folder = tmp_path_factory.mktemp("documented")
    for name in ("train.py", "evaluate.py", "configs"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("models", "path/to", "docs/figures"):
        (folder / name).mkdir(parents=True)
    _write_weights(folder)
    run(folder, "perface synthetic --out data/synthetic".split())
    _write_inputs(folder, folder / "data/synthetic")
    run(folder, "perface train --config=perface_r50 --workdir=runs/perface_r50 --config.data.release=DIR".split())
    run(folder, "perface evaluate --workdir=runs/perface_r50 --votes_table=tables".split())
    return folder


def run(folder: pathlib.Path, words: Sequence[str]) -> str:
    """What a documented command prints, as it is run here; fails where it does."""
    words = parsed_commands.ours(words)
    line = " ".join(words)
    more = [option for pattern, options in FEWER.items() if re.search(pattern, line) for option in shlex.split(options)]
    replaced = {option.partition("=")[0] for option in more if "=" in option}  # a tuple given twice is one long tuple
    words = [word for word in words if word.partition("=")[0] not in replaced]
    program, *rest = [FILLED.get(word, word).replace("grid=(80, 80)", "grid=(10, 10)") for word in (*words, *more)]
    if re.search("convert|export|anonymize ", line):
        for name in REMADE:
            _remove(folder / name)
    return processes.run(
        *(["-m", "perface_jax"] if program == "perface" else []), *rest, xla_flags=QUICK, folder=folder
    )


def why_not(words: Sequence[str]) -> str:
    """Why a command is not run; empty for one that is."""
    line = " ".join(words)
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, line)), "")


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _write_weights(folder):
    """The file that README.md converts, and the model folder that it becomes; small diffusion networks."""
    untrained = networks.untrained()
    diffusion_folder.save(folder / "models/face_anon_simple", untrained, networks.random_params(untrained).items())
    model = iresnet(**MODEL, crop="arcface")
    variables = formula.variables(model)
    save_model(folder / "models/arcface_r50", model, variables)
    state = to_torch.to_state_dict(model, variables)
    shutil.copytree(folder / "models/arcface_r50", folder / "runs/demo/model")
    counted = {name: np.ones_like(array) if name.endswith(keys.COUNTER) else array for name, array in state.items()}
    torch.save({name: torch.from_numpy(array) for name, array in counted.items()}, folder / WEIGHTS)


def _write_inputs(folder, world):
    """Links, photographs, portraits with landmarks and groups, and the tables of which pages speak."""
    (folder / "path/to/SimCelebA").symlink_to(world / "release")
    (folder / "path/to/release").symlink_to(world / "release")
    (folder / "SimCelebA").symlink_to(world / "release")
    (folder / "path/to/CelebAMask-HQ").symlink_to(world / "celeba_hq")
    (folder / "triplet_answers.csv").symlink_to(world / "release/triplet_answers.csv")
    pictures = sorted((world / "celeba_hq/CelebA-HQ-img").glob("*.jpg"), key=lambda path: int(path.stem))
    for name, chosen in {"originals": pictures[:4], "candidates": pictures[4:]}.items():
        (folder / name).mkdir()
        for path in chosen:
            shutil.copy(path, folder / name)
    (folder / "runs/demo/faces").mkdir(parents=True)
    for name, path in zip("abc", sorted((world / "release/triplet").glob("*.jpg")), strict=False):
        with Image.open(path) as picture:
            picture.save(folder / f"runs/demo/faces/{name}.png")
    (folder / "photographs").mkdir()
    for name, path in zip(("a", "b", "me", "photograph", "face", "photographs/c"), pictures, strict=False):
        _photograph(path).save(folder / f"{name}.jpg", quality=95)
    _write_clip(folder / "holiday.mp4", pictures[0])
    landmarks = celeba_files.read_landmarks(str(world / "celeba_hq/truth/landmarks.csv"))
    points = np.stack([five for five, _ in landmarks.values()])
    np.savez(folder / "originals.npz", names=np.array([*landmarks]), landmarks=points)
    rows = [f"{name},{number % 2}" for number, name in enumerate(landmarks)]
    (folder / "groups.csv").write_text("name,male\n" + "\n".join(rows) + "\n")
    _write_people(folder, pictures[:24])
    names = [path.stem for path in (*(world / "release/triplet").glob("*.jpg"), *pictures)]
    vectors = np.random.default_rng(0).normal(size=(len(names), 16)).astype(np.float32)
    np.savez(folder / "mine.npz", names=names, embeddings=vectors)


def _write_clip(file, path):
    """Six frames of a photograph that moves."""
    photograph = np.asarray(_photograph(path))
    height, width = (side // 2 * 2 - 12 for side in photograph.shape[:2])
    with av.open(str(file), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for t in range(6):
            frame = np.ascontiguousarray(photograph[t : t + height, 2 * t : 2 * t + width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        out.mux(stream.encode(None))


def _write_people(folder, portraits):
    """Photographs of different people, who they are, and votes on triplets of them."""
    (folder / "photos").mkdir()
    for number, path in enumerate(portraits):
        _photograph(path).save(folder / f"photos/{number}.jpg")
    count = len(portraits)
    people = [f"{number}.jpg,person {number}" for number in range(count)]
    (folder / "people.csv").write_text("\n".join(["picture,person", *people]) + "\n")
    votes = [f"{n}.jpg,{(n + 1) % count}.jpg,{(n + 5) % count}.jpg,{n % 4},{3 - n % 4}" for n in range(count)]
    (folder / "answers.csv").write_text("\n".join(["reference,a,b,votes_a,votes_b", *votes]) + "\n")


def _photograph(portrait):
    """A face of the world on a wider background, large enough for a detector."""
    canvas = Image.new("RGB", (400, 300), (90, 110, 100))
    with Image.open(portrait) as opened:
        canvas.paste(opened.resize((220, 220), Image.Resampling.BICUBIC), (90, 50))
    return canvas
