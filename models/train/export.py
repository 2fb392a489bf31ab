"""From trained weights to the shipped folder: int8 ONNX, tokenizer, config with digests."""

import hashlib
import json
import re
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from deid_stream.detect.model.neural import MODEL_FORMAT
from models.train.network import HEADS, WIDTH, Tagger, base_tokenizer

FIRST_HINT_TOKEN = 1
"""``[unused0]`` onwards of the base vocabulary carry the hints."""
START, END = 101, 102
THRESHOLDS = {
    "PERSON": 0.3,
    "ADDRESS": 0.35,
    "LOCATION": 0.6,
    "ORGANIZATION": 0.65,
    "DATE_TIME": 0.6,
    "AGE": 0.6,
    "URL": 0.5,
}
SHIPPED = Path(__file__).parents[1] / "deid-en"
PIN = Path(__file__).parents[2] / "src" / "deid_stream" / "detect" / "model" / "shipped.py"
"""Holds the digest of the shipped ``config.json``."""
CORE_THRESHOLD = 0.4
"""A label wins by probability over threshold: in doubt between a name and a company it is a name."""


ALIASES = {
    "ID_NUMBER": (
        "BANK_ACCOUNT IBAN_CODE IFSC US_SSN IN_AADHAAR IN_PAN IN_GSTIN PASSPORT DRIVER_LICENSE UK_NHS UK_NINO "
        "VEHICLE_ID"
    ).split(),
    "EMAIL_ADDRESS": ["UPI_ID"],
}
"""Expected types that share another's hint."""


class Shipped(nn.Module):
    """Tokens ``(1, length)`` of start, hint, pieces and end to the logits of the pieces alone."""

    def __init__(self, tagger: Tagger) -> None:
        super().__init__()
        self.tagger = tagger

    def forward(self, tokens: Tensor) -> Tensor:
        return self.tagger(tokens, kept=slice(2, -1))


def with_fused_attention(model: onnx.ModelProto) -> None:
    """Gives each layer's attention, a dozen small steps, to the one operator that onnxruntime has for all of them."""
    graph = model.graph
    third = onnx.numpy_helper.from_array(np.array([WIDTH] * 3, dtype=np.int64), "third")
    graph.initializer.append(third)
    nodes = list(graph.node)
    for split in [n for n in nodes if n.op_type == "Split"]:
        layer = split.name.rpartition("/")[0]
        mixed = next(n for n in reversed(nodes) if n.op_type == "Reshape" and n.name.startswith(f"{layer}/"))
        parts = [f"{layer}/{part}" for part in ("query", "key", "value")]
        joined = f"{layer}/qkv/Add_output_0"
        nodes[nodes.index(mixed) : nodes.index(mixed) + 1] = [
            onnx.helper.make_node("Split", [joined, third.name], parts, axis=-1, name=f"{layer}/parts"),
            onnx.helper.make_node(
                "MultiHeadAttention", parts, mixed.output, f"{layer}/attention", domain="com.microsoft",
                num_heads=HEADS, scale=(WIDTH // HEADS) ** -0.5,
            ),
        ]  # fmt: skip
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))


def write(model: Tagger, folder: Path, labels: list[str], hints: list[str], version: str, *, max_tokens: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model = model.eval().float()
    with torch.no_grad():
        rows = slice(FIRST_HINT_TOKEN, FIRST_HINT_TOKEN + len(hints))
        model.words.weight[rows] = model.hints.weight
    with tempfile.TemporaryDirectory() as temporary:
        full = Path(temporary) / "full.onnx"
        torch.onnx.export(
            Shipped(model),
            (torch.randint(1000, 2000, (1, 16)),),
            str(full),
            input_names=["tokens"],
            output_names=["logits"],
            dynamic_axes={"tokens": {1: "length"}, "logits": {1: "length"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(full, folder / "model.onnx", per_channel=True, reduce_range=False, weight_type=QuantType.QInt8)
    graph = onnx.load(folder / "model.onnx")
    with_fused_attention(graph)
    # what the exporter notes of the traced length's shapes is wrong of every other length, and costs 8 % of a run
    del graph.graph.value_info[:]
    onnx.save(graph, folder / "model.onnx")
    (folder / "tokenizer.json").write_text(json.dumps(base_tokenizer(), ensure_ascii=False, separators=(",", ":")))
    hint_tokens = {name: FIRST_HINT_TOKEN + i for i, name in enumerate(hints)}
    hint_tokens |= {alias: hint_tokens[name] for name, aliases in ALIASES.items() for alias in aliases}
    config = {
        "format": MODEL_FORMAT,
        "version": version,
        "labels": [{"entity_type": n, "threshold": THRESHOLDS.get(n, CORE_THRESHOLD)} for n in labels],
        "hints": hint_tokens,
        "start_token": START,
        "end_token": END,
        "max_tokens": max_tokens,
        "overlap_words": 24,
        "any_of_default": 0.5,
        "reach": 0.3,
        "files": {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in ("model.onnx", "tokenizer.json")},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


def pin(folder: Path) -> None:
    """The code names this folder's model as the one it is released with."""
    digest = hashlib.sha256((folder / "config.json").read_bytes()).hexdigest()
    PIN.write_text(re.sub(r'(?<=CONFIG_SHA256: Final = ")[0-9a-f]+', digest, PIN.read_text("utf-8")), "utf-8")
