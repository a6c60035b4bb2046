"""The diffusion anonymizer "Face Anonymization Made Simple" (Kung et al., WACV 2025): a face becomes another one that
keeps pose, expression and background.

    made, params = diffusion.load("models/face_anon_simple")         # of `perface convert`
    anonymizer = diffusion.FaceAnonymizer(made, params)
    results = anonymizer(pictures, degree=1.25, seeds=4)             # uint8 [n, 4, 512, 512, 3]

A denoiser turns noise into latents, from which an autoencoder decodes the picture. Two ReferenceNets show it the source
picture, for the identity, and the conditioning picture, for the rest. `docs/diffusion.md` explains the options.

Arrays are [batch, height, width, channels]. Pictures are uint8 at the door, and -1..1 inside. Networks compute in the
dtype of `Networks`; latents, schedule and losses are at least float32. Nothing here detects faces or knows a person.

Not done here: fp16 (its range is too small for these networks), 8-bit optimizers, and the training loop.
"""

from perface_jax.diffusion.face_anonymizer import FaceAnonymizer
from perface_jax.diffusion.model_folder import load
from perface_jax.diffusion.networks import Networks
from perface_jax.diffusion.objective import training_loss
from perface_jax.diffusion.photographs import anonymize_photograph
from perface_jax.diffusion.settings import Settings

__all__ = ["FaceAnonymizer", "Networks", "Settings", "anonymize_photograph", "load", "training_loss"]
