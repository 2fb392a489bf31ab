"""Train the shipped model: ``python -m models.train DATA_FOLDER``; the same seed gives the same corpus.

DATA_FOLDER holds the carrier sentences (see ``carriers.py``); without it the model is trained on generated sentences
alone. Takes about 15 minutes of one core; a run that was cut off goes on after its last whole epoch. The defaults are
those of the next model; what the shipped one was trained on, its card says.
"""

import argparse
import json
import math
import time
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer

from models.train import calibrate, carriers, corpus, export, score, sentences
from models.train.network import Tagger, base_tokenizer

MAX_TOKENS = 128
KEEP = (0, 2, 4)
FIRST_WEIGHTS = 11
"""Seed of what the base model does not give (head, hints): one for all, so that several runs can be averaged."""
CHECKPOINT = "checkpoint.pt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="folder of carrier sentences")
    parser.add_argument("--out", type=Path, default=export.SHIPPED, help="the shipped one is pinned in the code, too")
    parser.add_argument("--dev", type=Path, help="folder to measure on afterwards (never trained on)")
    parser.add_argument("--version", default="2026.11.6")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--synthetic", type=int, default=30000, help="generated sentences an epoch")
    parser.add_argument("--carriers", type=int, default=17000, help="carrier sentences an epoch")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()

    # small matrices: a second thread waits far longer than it computes, above all beside other work
    torch.set_num_threads(1)
    rng = Random(args.seed)
    tokenizer = Tokenizer.from_str(json.dumps(base_tokenizer()))
    rows = carriers.read(args.data) if args.data else []
    held, rows = calibrate.split(rows)
    torch.manual_seed(FIRST_WEIGHTS)
    model = Tagger(2 * len(corpus.LABELS) + 1, len(corpus.HINT_NAMES), len(KEEP), MAX_TOKENS)
    model.load_base(KEEP)
    torch.manual_seed(args.seed)
    train(model, rows, tokenizer, rng, args)
    export.write(model, args.out, corpus.LABELS, corpus.HINT_NAMES, args.version, max_tokens=MAX_TOKENS)
    print(f"thresholds moved by {calibrate.calibrate(args.out, held):+.2f} log-odds")
    if args.out.resolve() == export.SHIPPED:
        (args.out / CHECKPOINT).unlink(missing_ok=True)
        export.pin(args.out)
    print(f"wrote {args.out}")
    if held:
        print(score.table(score.held_out(held), args.out))
    if args.dev:
        print(score.table(score.read(args.dev), args.out))


def train(model: Tagger, rows: list, tokenizer: Tokenizer, rng: Random, args: argparse.Namespace) -> None:
    """AdamW, one cycle; every epoch has new generated sentences and new values in the carriers."""
    decay = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    rest = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}], fused=True
    )
    an_epoch = math.ceil((args.synthetic + 1.04 * min(args.carriers, len(rows))) / args.batch)
    steps, begun = an_epoch * args.epochs + 50, time.monotonic()
    first, step = resumed(args.out / CHECKPOINT, model, optimizer, rng)
    lossy = torch.nn.CrossEntropyLoss(ignore_index=corpus.IGNORE, label_smoothing=0.03)
    everyday = carriers.everyday_words(rows)
    model.train()
    running = 0.0
    for epoch in range(first, args.epochs):
        made = sentences.synthetic(args.synthetic, rng)
        made += carriers.examples(rng.sample(rows, min(args.carriers, len(rows))), rng)
        made += carriers.bare_words(everyday, args.carriers // 25, rng) if everyday else []
        encoded = [corpus.encode(example, tokenizer, MAX_TOKENS) for example in made]
        encoded = [e for e in encoded if len(e.tokens) > 3]
        for tokens, hints, mask, classes in corpus.batches(encoded, args.batch, rng):
            step += 1
            warm = min(1.0, step / (0.06 * steps))
            for group in optimizer.param_groups:
                group["lr"] = args.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps))))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(tokens, hints, mask)
            loss = lossy(logits.float().flatten(0, 1), classes.flatten())
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            running += (loss.item() - running) / min(step, 100)
            if step % 100 == 0:
                at = f"epoch {epoch + 1} step {step}/{steps} loss {running:.4f}"
                print(f"{at} {time.monotonic() - begun:.0f} s, {time.process_time():.0f} s of CPU", flush=True)
        save(args.out / CHECKPOINT, model, optimizer, rng, (epoch + 1, step))


def save(path: Path, model: Tagger, optimizer: torch.optim.Optimizer, rng: Random, reached: tuple[int, int]) -> None:
    """All that the next epoch depends on; ``reached`` is the count of whole epochs and of steps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "reached": reached}
    torch.save({**state, "random": rng.getstate(), "torch": torch.get_rng_state()}, path)


def resumed(path: Path, model: Tagger, optimizer: torch.optim.Optimizer, rng: Random) -> tuple[int, int]:
    """Goes on after the last whole epoch of a run that was cut off: how many there were, and steps."""
    if not path.exists():
        return 0, 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    rng.setstate(state["random"])
    torch.set_rng_state(state["torch"])
    epochs, steps = state["reached"]
    return epochs, steps


if __name__ == "__main__":
    main()
