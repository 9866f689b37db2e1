#!/usr/bin/python3
"""An independent forward pass of BitNet b1.58 in numpy, written from the papers and the file format, not from our code.

  Wang et al., "BitNet: Scaling 1-bit Transformers for Large Language Models", 2023
  Ma et al., "The Era of 1-bit LLMs", 2024; "BitNet b1.58 2B4T Technical Report", 2025
  Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019; Su et al., "RoFormer", 2021; Ainslie et al., "GQA", 2023
  Peng et al., "YaRN", 2023; Ding et al., "LongRoPE", 2024; Hu et al., "MiniCPM", 2024; "Qwen3 Technical Report", 2025

Everything is computed in double, so what differs from the runtime's reference path is the reference's rounding.

  bitnet_numpy.py compare DUMP_LOGITS MODEL.gguf [tokens]     run both and apply the gates below; exit code 1 if one fails
  bitnet_numpy.py logits MODEL.gguf int8|float TOKENS OUT.npy
  bitnet_numpy.py factors MODEL.gguf OUT.gguf                 the same model with a rope_freqs.weight
  bitnet_numpy.py keys MODEL.gguf OUT.gguf KEY=VALUE ...      the same model with other keys of its architecture
"""
import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

# ---- The model file (GGUF v2 and v3, little-endian)

F32, F16, Q8_0, Q6_K, BF16, TQ1_0, TQ2_0, I2_S = 0, 1, 8, 14, 30, 34, 35, 36
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


class Gguf:
    def __init__(self, path):
        self.data = np.memmap(path, dtype=np.uint8, mode="r")
        self.at = 0
        magic, version, tensors, keys = self.unpack("4sIQQ")
        assert magic == b"GGUF" and version in (2, 3)
        self.keys, self.key_places = {}, {}
        for _ in range(keys):
            begin, name = self.at, self.string()
            self.keys[name] = self.value(self.unpack("I")[0])
            self.key_places[name] = slice(begin, self.at)
        self.keys_end = self.at
        self.tensors = {}
        for _ in range(tensors):
            name = self.string()
            dims = self.unpack("%dQ" % self.unpack("I")[0])
            kind, offset = self.unpack("IQ")
            self.tensors[name] = (dims, kind, offset)
        align = self.keys.get("general.alignment", 32)
        self.begin = (self.at + align - 1) // align * align

    def unpack(self, form):
        form = "<" + form
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def string(self):
        length, = self.unpack("Q")
        self.at += length
        return bytes(self.data[self.at - length:self.at]).decode("utf-8", "replace")

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            of, count = self.unpack("IQ")
            return [self.value(of) for _ in range(count)]
        return self.unpack(SCALARS[kind])[0]

    def ternary(self, name):
        """A ternary matrix as (trits int8 [n, k], scale)."""
        (k, n), kind, offset = self.tensors[name]
        raw = self.data[self.begin + offset:]
        if kind == I2_S:  # blocks of 128: byte j has elements j, j+32, j+64, j+96, the first in the highest bits
            blocks = (n * k + 127) // 128
            b = np.array(raw[:blocks * 32]).reshape(blocks, 1, 32)
            codes = b >> np.array([6, 4, 2, 0], np.uint8).reshape(1, 4, 1) & 3
            scale_at = (n * k // 4)
            scale = struct.unpack("<f", bytes(raw[scale_at:scale_at + 4]))[0]
            return codes.reshape(-1)[:n * k].reshape(n, k).astype(np.int8) - 1, scale
        if kind == TQ2_0:  # 64 bytes, then f16 d; byte m of a half has elements m + 32 l in bits 2 l
            b = np.array(raw[:n * k // 256 * 66]).reshape(-1, 66)
            codes = b[:, :64].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1) & 3
            d = b[:, 64:].copy().view(np.float16).astype(np.float64)
            trits = codes.reshape(n, k).astype(np.int8) - 1
            return trits, float(d.max())
        if kind == TQ1_0:  # five trits a byte as ceil(q 256 / 243), the first the most significant
            b = np.array(raw[:n * k // 256 * 54]).reshape(-1, 54)
            parts = []
            for begin, end, trits in ((0, 32, 5), (32, 48, 5), (48, 52, 4)):
                part = b[:, begin:end].astype(np.int64)
                for t in range(trits):
                    parts.append((part * 3 ** t % 256 * 3 >> 8).astype(np.int8) - 1)
            d = b[:, 52:].copy().view(np.float16).astype(np.float64)
            return np.concatenate(parts, axis=1).reshape(n, k), float(d.max())
        raise ValueError("%s: type %d is not ternary" % (name, kind))

    def floats(self, name):
        """A tensor of floats as double, [n, k] or [k]."""
        dims, kind, offset = self.tensors[name]
        shape, count = tuple(reversed(dims)), int(np.prod(dims))
        raw = self.data[self.begin + offset:]
        if kind == F32:
            x = np.array(raw[:4 * count]).view(np.float32)
        elif kind == F16:
            x = np.array(raw[:2 * count]).view(np.float16)
        elif kind == BF16:
            x = (np.array(raw[:2 * count]).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        elif kind == Q8_0:
            b = np.array(raw[:count // 32 * 34]).reshape(-1, 34)
            x = b[:, :2].copy().view(np.float16).astype(np.float64) * b[:, 2:].copy().view(np.int8)
        elif kind == Q6_K:
            b = np.array(raw[:count // 256 * 210]).reshape(-1, 210)
            low, high = b[:, :128].reshape(-1, 2, 2, 32), b[:, 128:192].reshape(-1, 2, 1, 32)
            low = np.concatenate([low & 15, low >> 4], axis=2)  # [block, half, 4, 32]
            high = high >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1) & 3
            q = (low | high << 4).astype(np.int64).reshape(-1, 16, 16) - 32
            scale = b[:, 192:208].copy().view(np.int8).astype(np.float64).reshape(-1, 16, 1)
            d = b[:, 208:].copy().view(np.float16).astype(np.float64).reshape(-1, 1, 1)
            x = d * scale * q
        else:
            raise ValueError("%s: type %d" % (name, kind))
        return x.astype(np.float64).reshape(shape)


# ---- The papers

def rms_norm(x, gain, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * gain


def quantize(x):
    """Absmax of each token to int8: s [tokens, 1], q [tokens, k]."""
    s = 127 / np.maximum(np.abs(x).max(axis=-1, keepdims=True), 1e-5)
    return s, np.clip(np.round(x * s), -127, 127)


def rope_frequencies(base, dims, factors, stretch, scale, original):
    """Radians a position of each pair, for texts `scale` times as long as the original context."""
    i = np.arange(dims // 2)
    frequencies = base ** (-2.0 * i / dims) / factors
    if stretch == "linear":
        return frequencies / scale
    if stretch != "yarn":
        return frequencies
    pair = lambda turns: dims * np.log(original / (turns * 2 * np.pi)) / (2 * np.log(base))
    low, high = max(0, np.floor(pair(32))), min(dims - 1, np.ceil(pair(1)))
    interpolated = np.clip((i - low) / max(0.001, high - low), 0, 1)
    return frequencies * (1 - interpolated) + frequencies / scale * interpolated


def rope(x, frequencies, magnitude, neox):
    """Rotates pairs of x [tokens, heads, size] by position * frequency; position = row."""
    dims = 2 * len(frequencies)
    angle = np.arange(x.shape[0])[:, None] * frequencies
    cos, sin = magnitude * np.cos(angle)[:, None, :], magnitude * np.sin(angle)[:, None, :]
    y = x.copy()
    first = np.s_[..., :dims // 2] if neox else np.s_[..., 0:dims:2]
    second = np.s_[..., dims // 2:dims] if neox else np.s_[..., 1:dims:2]
    y[first] = x[first] * cos - x[second] * sin
    y[second] = x[second] * cos + x[first] * sin
    return y


def attention(q, k, v):
    """Causal; q [tokens, heads, size], k and v [tokens, kv heads, size]: a kv head serves a group of query heads."""
    group = q.shape[1] // k.shape[1]
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(q.shape[2])
    scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.einsum("hts,shd->thd", p / p.sum(axis=-1, keepdims=True), v).reshape(q.shape[0], -1)


def silu(x):
    return x / (1 + np.exp(-x))


def squared_relu(x):
    return np.maximum(x, 0) ** 2


class BitNet:
    def __init__(self, path):
        self.file = f = Gguf(path)
        arch = f.keys["general.architecture"]
        key = lambda name, default=None: f.keys.get(arch + "." + name, default)
        self.layers, self.heads = key("block_count"), key("attention.head_count")
        self.kv_heads = key("attention.head_count_kv", self.heads)
        self.size = key("attention.key_length", key("embedding_length") // self.heads)
        self.dims = key("rope.dimension_count", self.size)
        self.base, self.epsilon = key("rope.freq_base", 10000.0), key("attention.layer_norm_rms_epsilon")
        self.stretch, self.stretched_by = key("rope.scaling.type", "linear"), key("rope.scaling.factor", 1.0)
        self.original = key("rope.scaling.original_context_length", key("context_length"))
        self.magnitude = key("rope.scaling.attn_factor", 1.0)
        if self.stretch == "yarn" and self.stretched_by > 1:
            self.magnitude *= 1 + 0.1 * np.log(self.stretched_by)
        self.neox = arch not in ("llama", "minicpm")
        self.sub_norms, self.head_norms = arch.startswith("bitnet"), arch == "qwen3"
        self.act = squared_relu if arch in ("bitnet-b1.58", "bitnet-25") else silu
        self.embedding_scale = self.residual_scale = self.logit_scale = 1
        if arch == "minicpm":
            self.embedding_scale = key("embedding_scale", 12)
            self.residual_scale = key("residual_scale", 1.4 / np.sqrt(self.layers))
            self.logit_scale = key("logit_scale", key("embedding_length") / 256)
        self.embedding = f.floats("token_embd.weight")
        self.head = f.floats("output.weight") if "output.weight" in f.tensors else self.embedding
        self.weights = {}

    def matrix(self, layer, name):
        full = "blk.%d.%s.weight" % (layer, name)
        if full not in self.weights:
            trits, scale = self.file.ternary(full)
            self.weights[full] = trits.astype(np.float64), scale  # integers below 2^53 are exact in double
        return self.weights[full]

    def frequencies(self, context):
        name = "rope_freqs.weight"
        if self.stretch == "longrope":
            name = "rope_factors_%s.weight" % ("long" if context > self.original else "short")
        factors = self.file.floats(name) if name in self.file.tensors else np.ones(self.dims // 2)
        return rope_frequencies(self.base, self.dims, factors, self.stretch, self.stretched_by, self.original)

    def forward(self, tokens, linear):
        """linear(layer, names, x): the BitLinear products of x [tokens, k] with the matrices of those names."""
        frequencies = self.frequencies(len(tokens))  # the context is as long as the text here
        gain = lambda layer, name: self.file.floats("blk.%d.%s.weight" % (layer, name))
        norm = lambda x, g: rms_norm(x, g, self.epsilon)
        x = self.embedding[tokens] * self.embedding_scale
        for i in range(self.layers):
            q, k, v = linear(i, ["attn_q", "attn_k", "attn_v"], norm(x, gain(i, "attn_norm")))
            split = lambda y, heads: y.reshape(len(tokens), heads, self.size)
            q, k, v = split(q, self.heads), split(k, self.kv_heads), split(v, self.kv_heads)
            if self.head_norms:
                q, k = norm(q, gain(i, "attn_q_norm")), norm(k, gain(i, "attn_k_norm"))
            turn = lambda y: rope(y, frequencies, self.magnitude, self.neox)
            a = attention(turn(q), turn(k), v)
            if self.sub_norms:
                a = norm(a, gain(i, "attn_sub_norm"))
            x = x + linear(i, ["attn_output"], a)[0] * self.residual_scale
            gate, up = linear(i, ["ffn_gate", "ffn_up"], norm(x, gain(i, "ffn_norm")))
            h = self.act(gate) * up
            if self.sub_norms:
                h = norm(h, gain(i, "ffn_sub_norm"))
            x = x + linear(i, ["ffn_down"], h)[0] * self.residual_scale
        return norm(x, self.file.floats("output_norm.weight")) @ self.head.T / self.logit_scale

    def float_linear(self, layer, names, x):
        return [x @ w.T * scale for w, scale in (self.matrix(layer, name) for name in names)]

    def int8_linear(self, layer, names, x):
        s, q = quantize(x)
        return [q @ w.T * (scale / s) for w, scale in (self.matrix(layer, name) for name in names)]

    def logits(self, tokens, activations):
        return self.forward(tokens, self.int8_linear if activations == "int8" else self.float_linear)


# ---- Comparing with what the runtime's reference path recorded (dump_logits.cpp)

def read_dump(path):
    with open(path, "rb") as f:
        data = f.read()
    at, arrays = 0, []
    while at < len(data):
        name, kind, rows, columns = struct.unpack_from("<16s8sqq", data, at)
        at += 40
        array = np.frombuffer(data, kind.rstrip(b"\0").decode(), rows * columns, at).reshape(rows, columns)
        at += array.nbytes
        arrays.append((name.rstrip(b"\0").decode(), array))
    return arrays


def dump(program, model, activations, tokens):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "dump")
        subprocess.run([program, model, activations, ",".join(map(str, tokens)), out], check=True)
        return read_dump(out)


class Gates:
    def __init__(self):
        self.failed = 0

    def check(self, good, what):
        print(("ok    " if good else "FAIL  ") + what)
        self.failed += not good


def relative(got, want):
    """The largest difference as a share of the largest value."""
    return float(np.abs(got - want).max() / np.abs(want).max())


class RecordedLinear:
    """BitLinear on the reference's own quantised input. Keeps the worst of what it compared."""

    def __init__(self, model, arrays):
        self.model, self.arrays, self.next = model, arrays, 0
        self.integers_equal, self.floats, self.input, self.calls = True, 0.0, 0.0, 0

    def take(self, name):
        found, array = self.arrays[self.next]
        assert found == name, "%s where %s was expected" % (found, name)
        self.next += 1
        return array

    def __call__(self, layer, names, x):
        q, s, dots, y = (self.take(name) for name in ("q", "s", "dots", "y"))
        s = s.reshape(-1, 1).astype(np.float64)
        # The input before rounding: x s is within half a step of q, and s itself is the float 127 / max |x|.
        self.input = max(self.input, relative(s, 127 / np.maximum(np.abs(x).max(axis=-1, keepdims=True), 1e-5)))
        self.input = max(self.input, float(np.abs(x * s - q).max() - 0.5) / 127)
        products = [(q.astype(np.float64) @ w.T, scale) for w, scale in (self.model.matrix(layer, n) for n in names)]
        if names == ["ffn_gate", "ffn_up"]:  # rows alternate
            mine = np.stack([p for p, _ in products], axis=-1).reshape(dots.shape)
        else:
            mine = np.concatenate([p for p, _ in products], axis=-1)
        self.integers_equal &= bool((mine == dots).all())
        results = [p * (scale / s) for p, scale in products]
        if names == ["ffn_gate", "ffn_up"]:
            self.floats = max(self.floats, relative(y, self.model.act(results[0]) * results[1]))
        elif len(names) == 3:
            self.floats = max(self.floats, relative(y, np.concatenate(results, axis=-1)))
        else:  # added to the residual stream: compared through the next input and the logits
            pass
        self.calls += 1
        return results


class OwnLinear:
    """BitLinear on our own quantised input; the record decides ties."""

    def __init__(self, model, arrays):
        self.model, self.ties, self.codes = model, 0, 0
        self.recorded = iter([array for name, array in arrays if name == "q"])

    def __call__(self, layer, names, x):
        s, q = quantize(x)
        tie = np.abs(x * s - np.floor(x * s) - 0.5) < 1e-3
        q = np.where(tie, next(self.recorded), q)
        self.ties += int(tie.sum())
        self.codes += tie.size
        return [q @ w.T * (scale / s) for w, scale in (self.model.matrix(layer, name) for name in names)]


def compare(program, path, count):
    model, gates = BitNet(path), Gates()
    tokens = [int(t) for t in np.random.default_rng(1).integers(0, len(model.embedding), count)]
    print("%s: %s, %d layers, %d tokens" % (os.path.basename(path), model.file.keys["general.architecture"],
                                           model.layers, count))
    # Float activations, end to end.
    theirs = dict(dump(program, path, "float", tokens))["logits"]
    mine = model.logits(tokens, "float")
    gates.check(relative(theirs, mine) < 1e-3, "float activations: logits within %.1e (gate 1e-3)" % relative(theirs, mine))

    # int8, layer by layer.
    arrays = dump(program, path, "int8", tokens)
    theirs = dict(arrays)["logits"]
    recorded = RecordedLinear(model, arrays)
    on_theirs = model.forward(tokens, recorded)
    gates.check(recorded.calls == 4 * model.layers and recorded.next == len(arrays) - 1, "every matrix was recorded")
    gates.check(recorded.integers_equal, "int8: %d products, integers equal" % recorded.calls)
    gates.check(recorded.floats < 1e-5, "int8: floats after the integers within %.1e (gate 1e-5)" % recorded.floats)
    gates.check(recorded.input < 1e-5, "int8: inputs of the quantisers within %.1e (gate 1e-5)" % recorded.input)
    # A quantised head rounds the hidden state to 15 bits and a sign.
    quantised = model.file.tensors.get("output.weight", model.file.tensors["token_embd.weight"])[1] in (Q8_0, Q6_K)
    gate = 1e-4 if quantised else 1e-5
    gates.check(relative(theirs, on_theirs) < gate,
                "int8: logits on the same inputs within %.1e (gate %.0e)" % (relative(theirs, on_theirs), gate))

    # int8, end to end on our own inputs; only where rounding is a tie within 1e-3 of a step does the record decide which
    # way: one such code moves a logit of a random model by up to 3 %, and its side is an accident of float rounding.
    own = OwnLinear(model, arrays)
    mine = model.forward(tokens, own)
    gates.check(own.ties < 5e-3 * own.codes, "int8: %d of %d codes were ties" % (own.ties, own.codes))
    gates.check(relative(theirs, mine) < 2e-2, "int8: logits end to end within %.1e (gate 2e-2)" % relative(theirs, mine))
    best = np.sort(mine, axis=-1)
    gap, error = best[:, -1] - best[:, -2], np.abs(theirs - mine).max(axis=-1)
    differs = theirs.argmax(axis=-1) != mine.argmax(axis=-1)
    gates.check(not (differs & (gap > 2 * error)).any(), "int8: best tokens differ in %d of %d, each within the error" %
                (differs.sum(), count))
    return gates.failed


def write_with(f, out, keys={}, tensor=None):
    """Writes the file again with more or other keys, {name: encoded type and value}, and one F32 vector more, (name, values)."""
    align = f.keys.get("general.alignment", 32)
    string = lambda text: struct.pack("<Q", len(text)) + text.encode()
    data = bytes(f.data[f.begin:])
    data += bytes(-len(data) % align)
    infos, count = bytes(f.data[f.keys_end:f.at]), len(f.tensors)
    if tensor:
        infos += string(tensor[0]) + struct.pack("<IQIQ", 1, len(tensor[1]), F32, len(data))
        data += np.asarray(tensor[1], np.float32).tobytes()
        data += bytes(-len(data) % align)
        count += 1
    entries = {name: bytes(f.data[place]) for name, place in f.key_places.items()}
    entries.update((name, string(name) + value) for name, value in keys.items())
    head = bytes(f.data[:8]) + struct.pack("<QQ", count, len(entries)) + b"".join(entries.values()) + infos
    with open(out, "wb") as file:
        file.write(head + bytes(-len(head) % align) + data)


def add_factors(path, out):
    model = BitNet(path)
    write_with(model.file, out, tensor=("rope_freqs.weight", np.linspace(1, 8, model.dims // 2)))


def add_keys(path, out, pairs):
    """KEY=VALUE: a whole number is written as u32, another number as f32, anything else as text."""
    file, keys = Gguf(path), {}
    for pair in pairs:
        name, value = pair.split("=")
        if value.isdigit():
            encoded = struct.pack("<II", 4, int(value))
        elif value.replace(".", "").isdigit():
            encoded = struct.pack("<If", 6, float(value))
        else:
            encoded = struct.pack("<IQ", 8, len(value)) + value.encode()
        keys[file.keys["general.architecture"] + "." + name] = encoded
    write_with(file, out, keys)


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "factors":
        add_factors(arguments[1], arguments[2])
        return 0
    if len(arguments) > 3 and arguments[0] == "keys":
        add_keys(arguments[1], arguments[2], arguments[3:])
        return 0
    if len(arguments) in (3, 4) and arguments[0] == "compare":
        return 1 if compare(arguments[1], arguments[2], int(arguments[3]) if len(arguments) == 4 else 24) else 0
    if len(arguments) == 5 and arguments[0] == "logits":
        np.save(arguments[4], BitNet(arguments[1]).logits([int(t) for t in arguments[3].split(",")], arguments[2]))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
