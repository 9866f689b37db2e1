#!/usr/bin/python3
"""Graphs that no trained model here has, as small random models, against mainline llama.cpp on random tokens.

  mainline_graphs.py BITNET_SYNTH DUMP_LOGITS LLAMA_FOLDER

Mainline quantises activations by blocks of 256, we by token, so that its TQ2_0 and our int8 are never equal. Gates:
  (a) float activations against mainline on an F32 file: logits within 1e-4 of the largest
  (b) int8 activations against mainline on a TQ2_0 file: perplexity within 0.5 %
(a) sees a wrong norm, scale or angle. It proves that by a key of which only we are told: cos and sin of the first model
made 1 % larger must miss the gate tenfold.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np

from bitnet_numpy import Gates, Gguf, add_keys, read_dump, relative
from mainline import build_llama, write_variant

# what, shape and options of bitnet-synth, tokens of a window, keys that are added
MODELS = [
    ("qwen3, YaRN, tied head", ["tiny-qwen3"], 512, []),
    ("qwen3, no scaling", ["tiny", "--arch", "qwen3"], 512, []),
    ("minicpm, longrope by the short factors", ["tiny-minicpm"], 256, []),
    ("minicpm, longrope by the long factors", ["tiny-minicpm"], 512, []),
    ("llama, linear", ["tiny", "--arch", "llama"], 512, ["rope.scaling.type=linear", "rope.scaling.factor=2.5"]),
    ("llama, YaRN and a factor of cos and sin", ["tiny", "--arch", "llama"], 512,
     ["rope.scaling.type=yarn", "rope.scaling.factor=8.0", "rope.scaling.original_context_length=64",
      "rope.scaling.attn_factor=1.25"]),
]


def perplexity(logits, tokens):
    x = logits[:-1].astype(np.float64)
    x = x - x.max(axis=-1, keepdims=True)
    p = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return float(np.exp(-p[np.arange(len(tokens) - 1), tokens[1:]].mean()))


def main(synth, dump_program, llama):
    gates = Gates()
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        libraries = build_llama(llama, at("llama_logits"))
        for seed, (what, options, window, keys) in enumerate(MODELS):
            path = at("model.gguf")
            subprocess.run([synth, options[0], path, "--type", "tq2_0", "--head", "f16", "-t", "1", "--seed", str(seed)] +
                           options[1:], check=True, capture_output=True)
            if keys:
                add_keys(path, at("bent.gguf"), keys)
                path = at("bent.gguf")
            model = Gguf(path)
            tokens = np.random.default_rng(seed).integers(0, 1024, window).astype(np.int32)
            tokens.tofile(at("tokens"))

            def ours(activations, path=path):
                subprocess.run([dump_program, path, activations, ",".join(map(str, tokens)), at("dump"), "builtin"], check=True)
                return dict(read_dump(at("dump")))["logits"]

            def mainline(ternary_to_f32):
                write_variant(model, at("variant.gguf"), ternary_to_f32)
                subprocess.run([at("llama_logits"), libraries, at("variant.gguf"), at("tokens"), at("out"), str(window)],
                               check=True)
                return np.fromfile(at("out"), np.float32).reshape(window, -1)

            print("%s: %d positions" % (what, window))
            floats = mainline(True)
            error = relative(ours("float"), floats)
            gates.check(error < 1e-4, "(a) float activations against mainline F32: logits within %.1e" % error)
            if seed == 0:
                add_keys(path, at("wrong.gguf"), ["rope.scaling.attn_factor=1.01"])
                seen = relative(ours("float", at("wrong.gguf")), floats)
                gates.check(seen > 1e-3, "(a) cos and sin 1 %% larger are seen: %.1e" % seen)
            mine, theirs = perplexity(ours("int8"), tokens), perplexity(mainline(False), tokens)
            gates.check(abs(mine / theirs - 1) < 5e-3, "(b) perplexity %.2f, mainline TQ2_0 %.2f" % (mine, theirs))
    return gates.failed


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
