"""Draws the picture of README.md: synthetic people, ranked by how alike they look to a model.

    python -m benchmarks.readme_picture --model MODEL [--people 400] [--query 6] [--out FILE]

The people are new to a model that was trained on a world of another seed. The model sees crops aligned by the known
landmarks; the picture shows the portraits.
"""

import argparse
import operator
import pathlib
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import perface_jax
from perface_jax import images
from perface_jax.figures import sheets
from perface_jax.synthetic import faces, world

PICTURE = pathlib.Path(__file__).parent.parent / "docs" / "figures" / "ranked_faces.webp"
SIZE = 224  # pixels of a portrait
SHOWN = 6  # at each end
LARGE, LEFT, PITCH, ROW, HEADING = 2.62, 2.87, 1.06, 1.5, 0.22  # in widths of a small portrait
BATCH = 50


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    made.add_argument("--model", required=True, help="the folder of a model that was trained on synthetic faces")
    made.add_argument("--seed", type=int, default=1, help="of the people (default: 1)")
    made.add_argument("--people", type=int, default=400, help="who is ranked (default: 400)")
    made.add_argument("--query", type=int, default=6, help="the number of the face in question (default: 6)")
    made.add_argument("--out", default=str(PICTURE), help="the picture, .webp or .png")
    return made


def main() -> None:
    chosen = parser().parse_args()
    people = world.create_people(chosen.seed, chosen.people)
    portraits, points = draw(*people)
    cosines = similarities(chosen.model, portraits, points, chosen.query)
    others = np.delete(np.argsort(-cosines, kind="stable"), 0)  # the query is the most alike to itself
    figure = show(portraits, cosines, chosen.query, others)
    figure.savefig(chosen.out, dpi=200, pil_kwargs={"quality": 82} if chosen.out.endswith(".webp") else {})
    print(chosen.out)


def draw(sources: world.People, targets: world.People) -> tuple[np.ndarray, np.ndarray]:
    """Portraits uint8 [n, SIZE, SIZE, 3] and the five points of each, [n, 5, 2]."""
    portraits, points = [], []
    for start in range(0, len(sources.age), BATCH):
        batch = slice(start, start + BATCH)
        source, target = jax.tree.map(operator.itemgetter(batch), (sources.faces, targets.faces))
        portraits.append(faces.render(source, target, size=SIZE, view=faces.CELEBA_HQ_VIEW))
        points.append(faces.landmarks(source, target, size=SIZE, view=faces.CELEBA_HQ_VIEW)[:, :5])
    return np.concatenate(portraits), np.concatenate(points)


def similarities(folder: str, portraits: np.ndarray, points: np.ndarray, query: int) -> np.ndarray:
    """The cosine of every portrait to the query."""
    model, variables = perface_jax.load_model(folder)
    crops = [
        np.asarray(images.align(portrait, five, template=model.crop or "arcface", size=model.image_size))
        for portrait, five in zip(portraits, points, strict=True)
    ]
    embeddings = perface_jax.embed(model, variables, np.stack(crops))
    return np.asarray(perface_jax.similarity(jnp.asarray(embeddings), jnp.asarray(embeddings[query])))


def show(portraits: np.ndarray, cosines: np.ndarray, query: int, others: np.ndarray) -> Figure:
    """The query, and beside it a row of the most and a row of the least alike faces with their cosines."""
    panel = sheets.draw_page(LEFT + SHOWN * PITCH, 2 * ROW)
    _draw_query(panel, portraits[query])
    rows = {"most alike": others[:SHOWN], "least alike": others[: -SHOWN - 1 : -1]}
    for top, (heading, places) in zip((0, ROW), rows.items(), strict=True):
        panel.text(LEFT, top, heading, va="top", fontsize=8, fontweight="bold")
        for column, place in enumerate(places):
            left, cosine = LEFT + column * PITCH, f"{cosines[place]:.2f}".replace("-", "\u2212")
            sheets.draw_picture(panel, portraits[place], left, top + HEADING, f"face {place}")
            panel.text(left + 0.5, top + HEADING + 1.03, cosine, ha="center", va="top", fontsize=7)
    return cast(Figure, panel.figure)


def _draw_query(panel, portrait):
    limits = panel.get_xlim(), panel.get_ylim()
    extent = (0, LARGE, HEADING + LARGE, HEADING)
    panel.imshow(portrait, extent=extent, aspect="auto", interpolation="lanczos")
    panel.set(xlim=limits[0], ylim=limits[1])
    panel.text(0, 0, "who looks like this face?", va="top", fontsize=8, fontweight="bold")


if __name__ == "__main__":
    main()
