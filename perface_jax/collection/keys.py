"""Links, tokens and addresses of a study: all follow from its secret, so none of them is stored.

Each is the start of an HMAC-SHA256 under the secret. Whoever lacks the secret can neither make one nor tell two of them
apart, and whoever has it can make all.
"""

import hashlib
import hmac
import secrets

from perface_jax.collection.study import Study
from perface_jax.collection.trials import Trial

LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that looks like another one
LENGTH = 32  # hexadecimal digits: 128 bits


def new_pseudonym() -> str:
    """A name that says nothing: `p` and four random letters or digits."""
    return "p" + "".join(secrets.choice(LETTERS) for _ in range(4))


def link_token(study: Study, annotator: str) -> str:
    """The secret part of an annotator's link."""
    return _digest(study, "link", annotator)


def stored_form(token: str) -> str:
    """What the store keeps of a token, from which nobody gets the token back."""
    return hashlib.sha256(token.encode()).hexdigest()


def admin_token(study: Study) -> str:
    """What opens the admin page."""
    return _digest(study, "admin")


def completion_code(study: Study, annotator: str) -> str:
    """What an annotator gets at the end, to show that all is done: eight letters and digits."""
    number = int(_digest(study, "code", annotator), 16)
    return "".join(LETTERS[number // len(LETTERS) ** k % len(LETTERS)] for k in range(8)).upper()


def picture_addresses(study: Study, annotator: str, trial: Trial) -> tuple[str, str, str]:
    """Addresses of the reference, the left and the right picture.

    Each holds for one annotator, one trial and one place, so that no picture has the same address twice: the address
    does not say that a candidate is the reference, or that a trial is a repeat.
    """
    reference, left, right = (_digest(study, "picture", annotator, str(trial.index), place) for place in "rab")
    return reference, left, right


def equal(one: str, other: str) -> bool:
    """Whether two tokens are the same, in a time that does not say where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _digest(study: Study, *parts: str) -> str:
    return hmac.new(study.secret.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:LENGTH]
