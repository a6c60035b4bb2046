"""What the Python of the documentation takes as given, by page, and what is smaller or left out here.

The blocks of a page run one after another in the folder of `documented_sandbox`, as one program.
"""

from collections.abc import Sequence

from tests.documents import Block

MODEL = """
import numpy as np, perface_jax
model, variables = perface_jax.load_model("models/arcface_r50")
"""
PRELUDES = {  # page -> what stands before its first block
    "embedding.md": f"{MODEL}pictures = np.zeros((2, 32, 32, 3), np.uint8)",
    "detection.md": MODEL,
    "diffusion.md": """
import numpy as np
faces, sources = np.random.default_rng(0).integers(0, 256, (2, 1, 48, 48, 3), np.uint8)
import shutil
shutil.copy("photograph.jpg", "group.jpg")
""",
    "loss.md": "import numpy as np\npictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)",
    "crops.md": """
import numpy as np
landmarks = np.array([[40, 40], [60, 40], [50, 52], [43, 63], [57, 63]], np.float32)
""",
    "data.md": """
import numpy as np
from perface_jax import annotations
votes = annotations.Votes(tuple(map(str, range(6400))), np.random.default_rng(0).integers(0, 2, (6400, 3), np.int8))
import pathlib, shutil
truth = pathlib.Path("path/to/CelebAMask-HQ/truth/landmarks.csv")
shutil.copy(truth, "landmarks.csv")
pathlib.Path("checked_by_hand.csv").write_text("name,Male,Young\\n")
""",
    "evaluation.md": """
import pathlib, numpy, torch
paths, outputs = sorted(pathlib.Path("photographs").glob("*.jpg")), [torch.ones(1, 16)]
random = numpy.random.default_rng(0)
reference, positive, negative = random.normal(size=(3, 60, 16)).astype(numpy.float32)
source, target = numpy.divmod(numpy.arange(60), 6)
other_scores = random.integers(0, 2, 60).astype(numpy.float32)
queries, members = random.normal(size=(4, 16)).astype("f"), random.normal(size=(20, 16)).astype("f")
membership = numpy.arange(20) % 2 == numpy.arange(2)[:, None]
""",
    "similarity_scale.md": """
import numpy as np
from perface_jax import similarity_scale
random = np.random.default_rng(0)
pairs = similarity_scale.different_people(random.normal(size=(20, 8)), np.arange(20) // 2)
cosines, source, target = random.uniform(-1, 1, (60, 2)), np.arange(60) // 6, np.arange(60) % 6
slope = similarity_scale.fit_slope(cosines, random.integers(0, 4, 60), np.full(60, 3), source, target)
similarity_scale.write("models/arcface_r50", similarity_scale.fit(pairs, slope, model="", crop="arcface"))
""",
    "export.md": """
import functools, pathlib, shutil
from perface_jax.converters import export
from tests import torch_twin
for name in export.FORMATS:
    for left in pathlib.Path().glob(f"arcface_r50.{name}*"):
        left.unlink()
    export.export("models/arcface_r50", f"arcface_r50.{name}")
iresnet50 = functools.partial(torch_twin.IResNet, torch_twin.LAYERS["r18"], width=4, image_size=32, embedding_size=16)
""",
    "statistics.md": """
import numpy as np
votes, source = np.random.default_rng(0).integers(0, 2, (100, 3), np.int8), np.arange(100) // 10
""",
    "synthetic.md": """
import jax, numpy as np
key, another_key = jax.random.split(jax.random.key(0))
female, age = np.zeros(4, np.float32), np.full(4, 40.0, np.float32)
""",
    "swappers.md": """
import numpy as np
from PIL import Image
from perface_jax.landmarks import COUNTS
from perface_jax.synthetic import faces, world
sources, targets = world.create_people(0, 2)
points = np.asarray(faces.landmarks(sources.faces, targets.faces, size=64))
picture, other = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
landmarks, other_landmarks = points
""",
}
POSTLUDES = {
    "embedding.md": "assert embeddings.shape == (2, 16)",
    "loss.md": "assert value < distance(pictures[0], pictures[1])",
    "swappers.md": """
swapped = with_model(lambda t, s: t, size=32)(Face(picture, landmarks), Face(other, other_landmarks))
assert swapped.shape == picture.shape
""",
}
FEWER = {
    "steps=50)": "steps=2, size=64)",
    "(batch, 112, 112, 3)": "(batch, 32, 32, 3)",
    "num_warmup=500, num_samples=1000": "num_warmup=2, num_samples=2",
    "range(5)": "range(1)",
    "gallery=100,\n    queries=250": "gallery=10,\n    queries=5",
    'repair="to_pictures")': 'repair="to_pictures", grid=(10, 10))',
    "annotations.split(triplets.source_id, triplets.target_id": "annotations.split(triplets.source_id, "
    "triplets.target_id, sources=(6, 2, 2), targets=(6, 2, 2)",
    "batch_size=32": "batch_size=4",
    '"hf://org/name"': '"models/arcface_r50"',
    ', hub="org/name"': "",
    'hub.upload("runs/perface_r50/model", "org/name")': 'hub.check_upload("org/name")',
    '"mine.npz"': '"of_torch.npz"',
    "size=112": "size=32",
    "112": "32",
}
NOT_RUN = {"import bambi": "bambi is no dependency of the tests"}


def program(blocks: Sequence[Block]) -> str:
    """The blocks of one page as one program that names the block in which it fails."""
    page = blocks[0].page.name
    wanted = [block for block in blocks if not block.text.startswith(tuple(NOT_RUN))]
    parts = [(f"what is given for {page}", PRELUDES.get(page, ""))]
    parts += [(block.place, _smaller(block.text)) for block in wanted]
    parts += [(f"after {page}", POSTLUDES.get(page, ""))]
    return "\n".join(f"exec(compile({text!r}, {place!r}, 'exec'), globals())" for place, text in parts)


def _smaller(text):
    for old, new in FEWER.items():
        text = text.replace(old, new)
    return text
