"""The model: a small BitNet b1.58 transformer, the graph of GGUF architecture `bitnet`.

    x = embedding[token]
    each block:  x += O(attention(QKV(x)));  x += Down(silu(Gate(x)) * Up(x))
    logits = embedding . RMSNorm(x)                                  (tied head)

QKV, O, Gate/Up and Down are NormBitLinear: the norm before QKV and Gate/Up is the usual pre-norm, the one
before O and Down is the sub-norm of BitNet (Wang et al. 2023). Only norms, embedding and head are not ternary.
"""
import dataclasses

import torch

import bitlinear


@dataclasses.dataclass(frozen=True)
class Config:
    vocab: int = 4096
    width: int = 256        # features of a token; a multiple of 256, the block of TQ2_0
    layers: int = 6
    heads: int = 4
    ffn: int = 1024         # a multiple of 256
    context: int = 1024     # written to the file; longer than any training window is a promise unkept
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head_size(self):
        return self.width // self.heads


class Model(torch.nn.Module):
    """Parameters, by name (L layers, D width, F ffn):

    embedding [V, D]
    qkv [L, 3, D, D], out [L, D, D], gate_up [L, 2, F, D], down [L, D, F]   ternary, row = output feature
    norm_attn, norm_out, norm_ffn [L, D], norm_down [L, F], norm_final [D]  gains
    """

    TERNARY = ("qkv", "out", "gate_up", "down")

    def __init__(self, config, seed=0):
        super().__init__()
        self.config = c = config
        g = torch.Generator().manual_seed(seed)

        def matrices(*shape):
            # Any spread gives the same ternary values; this one sets how far a step of the optimiser moves.
            w = torch.randn(*shape, generator=g) * 0.02
            return torch.nn.Parameter(w)

        ones = lambda *shape: torch.nn.Parameter(torch.ones(*shape))
        self.embedding = torch.nn.Parameter(torch.randn(c.vocab, c.width, generator=g) * 0.02)
        self.qkv = torch.nn.ParameterList(matrices(3, c.width, c.width) for _ in range(c.layers))
        self.out = torch.nn.ParameterList(matrices(c.width, c.width) for _ in range(c.layers))
        self.gate_up = torch.nn.ParameterList(matrices(2, c.ffn, c.width) for _ in range(c.layers))
        self.down = torch.nn.ParameterList(matrices(c.width, c.ffn) for _ in range(c.layers))
        self.norm_attn = torch.nn.ParameterList(ones(c.width) for _ in range(c.layers))
        self.norm_out = torch.nn.ParameterList(ones(c.width) for _ in range(c.layers))
        self.norm_ffn = torch.nn.ParameterList(ones(c.width) for _ in range(c.layers))
        self.norm_down = torch.nn.ParameterList(ones(c.ffn) for _ in range(c.layers))
        self.norm_final = ones(c.width)
        self.kernels = None         # layers_c for the fast path; None: PyTorch alone, bitlinear.py
        self.quantise = True        # False: float activations, for the comparison in evaluate.py (PyTorch only)
        self.values = None          # ternary values of this step, set by ternarise()
        self.tables = {}

    @torch.no_grad()
    def ternarise(self):
        """Recomputes the ternary values; call once after the weights changed."""
        make = self.kernels.Packed if self.kernels else lambda w: bitlinear.ternary(w)[0].flatten(0, -2)
        self.values = {name: [make(w) for w in getattr(self, name)] for name in self.TERNARY}

    def linear(self, name, layer, norm, x):
        weight, values, gain, eps = getattr(self, name)[layer], self.values[name][layer], norm[layer], self.config.eps
        if self.kernels:
            return self.kernels.NormBitLinear.apply(x, gain, weight, values, eps)
        return bitlinear.NormBitLinear.apply(x, gain, weight.flatten(0, -2), values, eps, self.quantise)

    def table(self, tokens):
        """cos, sin [T, D/2] for RoPE."""
        if tokens not in self.tables:
            half = self.config.head_size // 2
            frequency = self.config.rope_base ** (-torch.arange(half, dtype=torch.float64) / half)
            angle = torch.arange(tokens, dtype=torch.float64)[:, None] * frequency
            self.tables[tokens] = angle.cos().float(), angle.sin().float()
        return self.tables[tokens]

    def hidden(self, ids):
        """ids [B, T] -> final normed state [B*T, D]."""
        c, kernels = self.config, self.kernels or bitlinear
        batch, tokens = ids.shape
        x = kernels.Lookup.apply(self.embedding, ids.reshape(-1))
        for layer in range(c.layers):
            qkv = self.linear("qkv", layer, self.norm_attn, x).view(batch, tokens, 3, c.heads, c.head_size)
            x = x + self.linear("out", layer, self.norm_out, kernels.Attention.apply(qkv, *self.table(tokens)))
            gated = kernels.SiluGate.apply(self.linear("gate_up", layer, self.norm_ffn, x))
            x = x + self.linear("down", layer, self.norm_down, gated)
        inverse_rms = x.square().mean(dim=1, keepdim=True).add(c.eps).rsqrt()
        return x * inverse_rms * self.norm_final

    def loss(self, ids, targets):
        """Mean loss in nats of targets [B, T] after ids [B, T]."""
        return (self.kernels or bitlinear).TiedHeadLoss.apply(self.hidden(ids), self.embedding, targets.reshape(-1))
