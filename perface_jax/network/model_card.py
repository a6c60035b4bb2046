"""The model card of a model folder on the Hugging Face Hub: a README.md with license, crop, contract and origin."""

from collections.abc import Mapping
from typing import Any

from perface_jax import extras
from perface_jax.network import model_json

NAME = "README.md"


def model_card(record: Mapping[str, Any], repo: str) -> str:
    """The card of a model from its `model.json`; the repository `repo` is for the example.

    Its metadata say `license: other`, because `model.json` has terms in words, which the card repeats.

    Raises:
      MissingExtra: huggingface_hub is not installed.
    """
    with extras.explained():
        from huggingface_hub import ModelCardData
    metadata = ModelCardData(
        license="other", library_name="perface_jax", pipeline_tag="image-feature-extraction", tags=["face-similarity"]
    )
    record = {**model_json.CONTRACT, "source": {}, **record}  # older ones lack some
    facts = "\n".join(f"| {name} | {value} |" for name, value in _facts(record).items())
    return f"""---
{metadata.to_yaml()}
---

# {repo.rpartition("/")[2]}

A face network that embeds a picture; the cosine of two embeddings says how alike two faces are to it.
It is a model folder of `perface_jax`:

```python
import perface_jax

model, variables = perface_jax.load_model("hf://{repo}")
```

| | |
|---|---|
{facts}

Embeddings of people are personal data. A cosine is not a probability, and does not prove that two pictures show one
person.
"""


def _facts(record):
    low, high = record["input_range"]
    origin = record["source"]
    return {
        "license": record["license"],
        "network": f"IR-ResNet {record['arch']}, blocks {tuple(record['layers'])}, width {record['width']}",
        "pictures": f"RGB crops of {record['image_size']} x {record['image_size']} pixels",
        "crop": record["crop"] or "not stated",
        "embedding": f"{record['embedding_size']} numbers",
        "the weights themselves expect": f"{record['color_order'].upper()} from {low:g} to {high:g}, epsilon"
        f" {record['epsilon']:g} (the model converts)",
        "norms": record["norms"],
        "origin": ", ".join(f"{name}: {value}" for name, value in origin.items()) or "not stated",
        "written by": record["written_by"],
    }
