"""Does a face look untouched? A small network that tells pictures from swaps with seams, ghosts and wrong attributes.

    from perface_jax import naturalness

    crops, persons = naturalness.crops(pictures, landmarks), np.arange(len(pictures))
    natural = naturalness.Faces(crops, persons)
    faulty = {name: naturalness.Faces(one, persons) for name, one in naturalness.make_defects(crops, seed=0).items()}
    model = naturalness.fit(natural, faulty)
    naturalness.save("naturalness.npz", model)
    naturalness.score(model, naturalness.crops(results, result_landmarks))   # higher: more natural
    naturalness.floor(model, share=0.05)                                     # 5% of untouched faces are below

`perface naturalness` trains one, on drawn people or from a folder. A score has no unit, and scores of two models cannot
be compared. It knows the faces and the faults that it was trained on: train it on pictures like yours, and look at what
it prefers.
"""

from perface_jax.naturalness.auc import auc, auc_estimate
from perface_jax.naturalness.defects import make_defects
from perface_jax.naturalness.fitting import Faces, fit, held_out_scores
from perface_jax.naturalness.model_file import load, save
from perface_jax.naturalness.network import HeldOut, NaturalnessModel, crops, floor, score

__all__ = [
    "Faces", "HeldOut", "NaturalnessModel", "auc", "auc_estimate", "crops", "fit", "floor",
    "held_out_scores", "load", "make_defects", "save", "score",
]  # fmt: skip
