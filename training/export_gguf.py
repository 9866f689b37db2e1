"""Writes a checkpoint of train.py as a GGUF file of architecture `bitnet`.

    export_gguf.py run/checkpoint.pt bpe4k.json models/demo.gguf --name ... --description ... --datasets ... ...

The ternary matrices become TQ2_0, exactly but for their scale, which is F16 there; the tied embedding becomes
Q8_0 or F16; norms stay F32.
"""
import argparse
import dataclasses
import json

import numpy
import torch

import gguf
from bitlinear import ternary
from model import Config, Model


def matrix(name, weight):
    """weight [N, K] masters -> a TQ2_0 tensor entry."""
    values, scale = ternary(weight)
    codes = torch.round(values / scale).to(torch.int8).numpy()
    return name, codes.shape, gguf.TQ2_0, gguf.tq2_0(codes, float(scale))


def gains(name, norm):
    return name, norm.shape, gguf.F32, norm.numpy().astype("<f4").tobytes()


def tensors(model, embedding_type):
    """The tensors in the order in which a token meets them."""
    x = model.embedding.detach().numpy()
    data = gguf.q8_0(x) if embedding_type == "q8_0" else x.astype("<f2").tobytes()
    yield "token_embd.weight", x.shape, gguf.Q8_0 if embedding_type == "q8_0" else gguf.F16, data
    for i in range(model.config.layers):
        block = lambda name: "blk.%d.%s.weight" % (i, name)
        w = {name: getattr(model, name)[i].detach() for name in
             ("qkv", "out", "gate_up", "down", "norm_attn", "norm_out", "norm_ffn", "norm_down")}
        yield gains(block("attn_norm"), w["norm_attn"])
        for name, one in zip(("attn_q", "attn_k", "attn_v"), w["qkv"]):
            yield matrix(block(name), one)
        yield gains(block("attn_sub_norm"), w["norm_out"])
        yield matrix(block("attn_output"), w["out"])
        yield gains(block("ffn_norm"), w["norm_ffn"])
        for name, one in zip(("ffn_gate", "ffn_up"), w["gate_up"]):
            yield matrix(block(name), one)
        yield gains(block("ffn_sub_norm"), w["norm_down"])
        yield matrix(block("ffn_down"), w["down"])
    yield gains("output_norm.weight", model.norm_final.detach())


def metadata(config, vocabulary, general):
    """general: the keys under `general.` that describe the model to people."""
    tokens = vocabulary["tokens"]
    bos, eos = tokens.index("<|bos|>"), tokens.index("<|eos|>")
    result = {"general.architecture": "bitnet", "general.type": "model", **{"general." + k: v for k, v in general.items()},
              "general.file_type": gguf.FILE_TYPE_TQ2_0, "general.quantization_version": 2}
    result |= {"bitnet." + k: v for k, v in {
        "vocab_size": config.vocab, "context_length": config.context, "embedding_length": config.width,
        "block_count": config.layers, "feed_forward_length": config.ffn,
        "rope.dimension_count": config.head_size, "rope.freq_base": config.rope_base,
        "attention.head_count": config.heads, "attention.head_count_kv": config.heads,
        "attention.layer_norm_rms_epsilon": config.eps}.items()}
    result |= {"tokenizer.ggml." + k: v for k, v in {
        "model": "gpt2", "pre": "llama-bpe", "tokens": tokens,
        "token_type": [3 if i in (bos, eos) else 1 for i in range(len(tokens))],  # 3 control, 1 normal
        "merges": vocabulary["merges"], "bos_token_id": bos, "eos_token_id": eos, "padding_token_id": eos,
        "add_bos_token": True, "add_eos_token": False}.items()}
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("checkpoint")
    p.add_argument("vocabulary", help="tokens and merges, as tokenizer.py writes them")
    p.add_argument("out")
    p.add_argument("--embedding", choices=("q8_0", "f16"), default="q8_0")
    p.add_argument("--context", type=int, help="tokens that the file promises, if not the checkpoint's number")
    p.add_argument("--name", required=True)
    p.add_argument("--author", required=True)
    p.add_argument("--license", required=True)
    p.add_argument("--description", required=True)
    p.add_argument("--datasets", nargs="+", required=True, help="what it was trained on")
    a = p.parse_args()

    state = torch.load(a.checkpoint, map_location="cpu")
    config = Config(**state["config"])
    if a.context:
        config = dataclasses.replace(config, context=a.context)
    model = Model(config)
    model.load_state_dict(state["model"])
    with open(a.vocabulary) as f:
        vocabulary = json.load(f)
    if len(vocabulary["tokens"]) != config.vocab:
        raise SystemExit("%s: %d tokens, the model has %d" % (a.vocabulary, len(vocabulary["tokens"]), config.vocab))
    size = "%.1fM" % (sum(x.numel() for x in model.parameters()) / 1e6)
    general = {"name": a.name, "author": a.author, "license": a.license, "size_label": size, "description": a.description,
               "datasets": a.datasets, "languages": ["en"]}
    gguf.write(a.out, metadata(config, vocabulary, general), list(tensors(model, a.embedding)))
    print("%s: %s parameters, step %d, %d tokens seen" % (a.out, size, state["position"]["step"], state["position"]["tokens"]))


if __name__ == "__main__":
    main()
