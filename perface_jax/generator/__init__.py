"""A learned anonymizer: the face of a picture is removed and painted anew, from the rest and from landmarks.

    made, variables = generator.load("runs/anonymizer/model")        # of `perface train --config=anonymizer_synthetic`
    results = generator.FaceInpainter(made, variables)(faces)        # pictures with landmarks in, the same out

A generator sees the picture without its face, and where the landmarks lie; what the face looked like, it never sees. In
training a discriminator judges its results, a frozen recognizer must not match them, and regions of the face are to
look like the original's. `docs/learned_anonymizer.md` explains the losses and what was measured.

Arrays are [batch, height, width, channels]. Pictures are 0 to 255 at the door and in losses, -1 to 1 inside. Masks are
1 in the face, softly 0 outside. Nothing here takes the name of an axis: rows do not influence each other, so any number
of devices gives the same result.

heat_maps.py      landmarks as pictures
networks.py       generator and discriminator
losses.py         the terms, one number for each row
objective.py      the losses of both networks, for the trainer
model_folder.py   what training writes
face_inpainter.py the anonymizer for whole batches

Sources: Celona, Bianco, Schettini (arXiv 2603.17567): inpainting from landmarks; PerceptFace (arXiv 2509.11249): the
perceptual and the privacy loss. Their networks and weights are not public to us: sizes and factors here are ours.
"""

from perface_jax.generator.face_inpainter import FaceInpainter
from perface_jax.generator.model_folder import load
from perface_jax.generator.networks import Networks

__all__ = ["FaceInpainter", "Networks", "load"]
