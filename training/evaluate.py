"""Held-out loss of a checkpoint: nats a token, perplexity and bits per byte, for each text.

    evaluate.py run/checkpoint.pt vocabulary.json text/*.held.txt [--window 256] [--float]

A text is cut into windows of --window tokens. Each is read after a bos and nothing else, and each token of the
text is scored once; bos and eos at the ends of documents are read but not scored. Bits per byte is the sum of
-log2 p over the text's tokens through its UTF-8 bytes, so it compares models of different vocabularies.

--float also evaluates the same ternary weights with activations that are not rounded to int8. --kernels c is faster
(see layers_c.py) and wants a window that is a multiple of 32.
"""
import argparse
import math
import os

import torch

from model import Config, Model
from tokenizer import Tokenizer, documents


TOKENS_AT_ONCE = 2048  # the most that layers_c.py takes


def load(path):
    """(model, its checkpoint)."""
    state = torch.load(path, map_location="cpu")
    model = Model(Config(**state["config"]))
    model.load_state_dict(state["model"])
    return model, state


def stream(tokenizer, texts):
    """The ids of the documents one after the other, after the first bos."""
    ids = [i for d in texts for i in (tokenizer.bos, *tokenizer.encode(d), tokenizer.eos)]
    return torch.tensor(ids[1:])


@torch.no_grad()
def nats(model, tokenizer, ids, window):
    """Sum of -ln p of the scored tokens of ids [S], and their number. The last window is filled up with eos."""
    total, scored = 0.0, 0
    filled = torch.cat([ids, torch.full((-len(ids) % window,), tokenizer.eos)])
    for targets in filled.view(-1, window).split(max(1, TOKENS_AT_ONCE // window)):
        inputs = torch.cat([torch.full((len(targets), 1), tokenizer.bos), targets[:, :-1]], dim=1)
        logits = model.hidden(inputs) @ model.embedding.t()
        loss = torch.nn.functional.cross_entropy(logits, targets.reshape(-1), reduction="none")
        mask = (targets.reshape(-1) != tokenizer.bos) & (targets.reshape(-1) != tokenizer.eos)
        total += float(loss[mask].double().sum())
        scored += int(mask.sum())
    return total, scored


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("vocabulary")
    p.add_argument("texts", nargs="+")
    p.add_argument("--window", type=int, default=256)
    p.add_argument("--float", action="store_true", dest="unrounded")
    p.add_argument("--kernels", choices=("torch", "c"), default="torch")
    a = p.parse_args()
    model, state = load(a.checkpoint)
    if a.kernels == "c":
        import layers_c as kernels
    else:
        kernels = None
    tokenizer = Tokenizer.load(a.vocabulary)
    print("step %d, %.1f M tokens seen, windows of %d" % (
        state["position"]["step"], state["position"]["tokens"] / 1e6, a.window))
    print("%-24s %8s %8s %10s %10s %10s %s" % ("text", "bytes", "tokens", "nats/token", "perplexity", "bits/byte",
                                              "  float activations" if a.unrounded else ""))
    for path in a.texts:
        texts = documents(path)
        size, ids = sum(len(d.encode()) for d in texts), stream(tokenizer, texts)
        model.quantise, model.kernels = True, kernels
        model.ternarise()
        total, scored = nats(model, tokenizer, ids, a.window)
        line = "%-24s %8d %8d %10.4f %10.3f %10.4f" % (
            os.path.basename(path), size, scored, total / scored, math.exp(total / scored), total / math.log(2) / size)
        if a.unrounded:
            model.quantise, model.kernels = False, None
            model.ternarise()
            other, _ = nats(model, tokenizer, ids, a.window)
            line += "   perplexity %.3f, int8 is %+.3f %%" % (
                math.exp(other / scored), 100 * math.expm1((total - other) / scored))
        print(line, flush=True)


if __name__ == "__main__":
    main()
