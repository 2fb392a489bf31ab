"""Examples to tensors: tokens, hint, class of every token."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from deid_stream.detect.model.neural import split_words
from models.train.export import END, START
from models.train.sentences import Example

LABELS = (
    "PERSON ADDRESS LOCATION ORGANIZATION DATE_OF_BIRTH DATE_TIME AGE PHONE_NUMBER EMAIL_ADDRESS CREDIT_CARD "
    "CARD_EXPIRY CARD_CVV ID_NUMBER PASSWORD USERNAME URL"
).split()
HINT_NAMES = ["", *(label for label in LABELS if label != "URL")]
IGNORE = -100


class Encoded(NamedTuple):
    tokens: list[int]
    classes: list[int]
    hint: int


def encode(example: Example, tokenizer: Tokenizer, max_tokens: int) -> Encoded:
    """Words cut as at run time; a word belongs to the span that covers most of it."""
    words = list(split_words(example.text))
    encoding = tokenizer.encode(
        [example.text[w.start : w.end][:64] for w in words], is_pretokenized=True, add_special_tokens=False
    )
    class_of: list[int] = []
    previous = None
    for word in words:
        span = next(
            (s for s in example.spans if min(word.end, s.end) - max(word.start, s.start) > word.length / 2), None
        )
        if span is None:
            class_of.append(0)
        elif span.label == "?":
            class_of.append(IGNORE)
        else:
            class_of.append(2 * LABELS.index(span.label) + (2 if span == previous else 1))
        previous = span
    classes = []
    last = -1
    for index in encoding.word_ids:
        kind = class_of[index]
        classes.append(kind + 1 if kind > 0 and kind % 2 and index == last else kind)
        last = index
    room = max_tokens - 3
    hint = HINT_NAMES.index(example.hint) if example.hint in HINT_NAMES else 0
    return Encoded([START, 0, *encoding.ids[:room], END], [IGNORE, IGNORE, *classes[:room], IGNORE], hint)


def batches(rows: list[Encoded], size: int, rng: Random) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Shuffled batches of like lengths: tokens, hints, additive attention mask, classes."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    chunks = [order[i : i + 50 * size] for i in range(0, len(order), 50 * size)]
    picked = []
    for chunk in chunks:
        chunk.sort(key=lambda i: len(rows[i].tokens))
        picked += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    rng.shuffle(picked)
    for indices in picked:
        length = max(len(rows[i].tokens) for i in indices)
        tokens = torch.zeros(len(indices), length, dtype=torch.long)
        classes = torch.full((len(indices), length), IGNORE)
        for at, i in enumerate(indices):
            tokens[at, : len(rows[i].tokens)] = torch.tensor(rows[i].tokens)
            classes[at, : len(rows[i].classes)] = torch.tensor(rows[i].classes)
        mask = (tokens[:, None, None, :] == 0).float()
        mask[..., 1] = 0.0
        yield tokens, torch.tensor([rows[i].hint for i in indices]), mask * -1e4, classes
