"""The layers of bitlinear.py through kernels.c: the same functions, about three times as fast on a CPU with
AVX-512 VNNI. Weight gradients are added to `.grad` in place, so every parameter needs one beforehand.

Compiled on first use with the system's C compiler into the folder $XDG_CACHE_HOME/bitnet-tune-training.
"""
import ctypes
import hashlib
import os
import subprocess

import torch

from bitlinear import ACTIVATION_FLOOR, ternary

FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-shared", "-fPIC"]
NEEDS = ("avx512f", "avx512bw", "avx512_vnni")
MAX_TOKENS = 2048  # of a micro-batch: bounds the int32 sums of weight_gradient


def available():
    """Whether this CPU has what kernels.c needs."""
    try:
        with open("/proc/cpuinfo") as f:
            flags = next(line for line in f if line.startswith("flags")).split()
    except (OSError, StopIteration):
        return False
    return all(need in flags for need in NEEDS)


def compiled():
    """kernels.c as a library; its file name is a digest of source and flags, so a stale one is never loaded."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernels.c")
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read() + " ".join(FLAGS).encode()).hexdigest()[:16]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(cache, "bitnet-tune-training")
    path = os.path.join(folder, "kernels-%s.so" % digest)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        new = "%s.%d" % (path, os.getpid())
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, source, "-o", new, "-lm"], check=True)
        os.replace(new, path)
    library = ctypes.CDLL(path)
    library.softmax_loss.restype = ctypes.c_double
    return library


C = compiled()


def call(name, *arguments):
    """Calls a kernel; tensors go as pointers (they must be contiguous), numbers as int, or float if a float."""
    def convert(a):
        if isinstance(a, torch.Tensor):
            assert a.is_contiguous(), name
            return ctypes.c_void_p(a.data_ptr())
        return ctypes.c_float(a) if isinstance(a, float) else ctypes.c_long(a)
    return getattr(C, name)(*map(convert, arguments))


class Packed:
    """Ternary values of weight [..., N, K], a scale a matrix, as kernels.c wants them: codes both ways, scale a row."""

    def __init__(self, weight):
        *_, n, k = weight.shape
        rows = weight.numel() // k
        scale = ternary(weight)[1].reshape(-1, 1).expand(-1, n).reshape(-1).contiguous()
        self.rows, self.k, self.scale, self.ones = rows, k, scale, torch.ones(k)
        self.codes, self.transposed = (torch.empty(rows * k, dtype=torch.uint8) for _ in range(2))
        call("pack_ternary", weight.detach(), scale, rows, k, self.codes, self.transposed)


class NormBitLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, gain, weight, packed, eps):
        m, k = x.shape
        if m % 8 or m > MAX_TOKENS:
            raise ValueError("%d tokens in a micro-batch: wanted a multiple of 8 up to %d" % (m, MAX_TOKENS))
        q, total = torch.empty(m, k, dtype=torch.int8), torch.empty(m, dtype=torch.int32)
        step, inverse_rms, y = torch.empty(m), torch.empty(m), torch.empty(m, packed.rows)
        call("norm_quantise", x, gain, eps, ACTIVATION_FLOOR, m, k, q, total, step, inverse_rms)
        call("product", q, total, step, packed.codes, packed.scale, m, packed.rows, k, y)
        ctx.save_for_backward(x, gain, q, step, inverse_rms)
        ctx.weight, ctx.packed = weight, packed
        return y

    @staticmethod
    def backward(ctx, dy):
        x, gain, q, step, inverse_rms = ctx.saved_tensors
        packed, (m, k), n = ctx.packed, x.shape, ctx.packed.rows
        g, total, g_step = torch.empty(m, n, dtype=torch.int8), torch.empty(m, dtype=torch.int32), torch.empty(m)
        top = torch.empty(n)
        call("gradient_quantise", dy, packed.scale, step, m, n, g, total, g_step, top)
        left, right = torch.empty(m * n, dtype=torch.int16), torch.empty(m * k, dtype=torch.int16)
        call("weight_gradient", dy, step, top, q, m, n, k, left, right, ctx.weight.grad)
        dq, dx, d_gain = torch.empty(m, k), torch.empty(m, k), torch.zeros(k)
        call("product", g, total, g_step, packed.transposed, packed.ones, m, k, n, dq)
        call("norm_backward", dq, x, gain, inverse_rms, m, k, dx, d_gain)
        return dx, d_gain, None, None, None


class SiluGate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate_up):
        m, f = gate_up.shape[0], gate_up.shape[1] // 2
        y = torch.empty(m, f)
        call("silu_gate", gate_up, m, f, y)
        ctx.save_for_backward(gate_up)
        return y

    @staticmethod
    def backward(ctx, dy):
        gate_up, = ctx.saved_tensors
        d = torch.empty_like(gate_up)
        call("silu_gate_backward", gate_up, dy, *dy.shape, d)
        return d


class Attention(torch.autograd.Function):
    """qkv [B, T, 3, H, D], cos and sin [T, D/2] -> [B*T, H*D]: RoPE, causal softmax of q.k / sqrt(D), times v."""

    @staticmethod
    def forward(ctx, qkv, cos, sin):
        b, t, _, h, d = qkv.shape
        if t % 32 or d % 64:
            raise ValueError("windows of %d tokens, heads of %d: wanted multiples of 32 and 64" % (t, d))
        split, p, mixed = torch.empty(3, b * h, t, d), torch.empty(b * h, t, t), torch.empty(b, h, t, d)
        call("rotate_split", qkv, cos, sin, b, t, h, d, split)
        call("attend", split, d ** -0.5, b * h, t, d, torch.empty(d, t), p, mixed)
        ctx.save_for_backward(split, p, cos, sin)
        return mixed.transpose(1, 2).reshape(b * t, h * d)

    @staticmethod
    def backward(ctx, dy):
        split, p, cos, sin = ctx.saved_tensors
        t, half = cos.shape
        d, b = 2 * half, len(dy) // t
        h = split.shape[1] // b
        dy = dy.view(b, t, h, d).transpose(1, 2).contiguous()
        d_split, d_qkv = torch.empty_like(split), torch.empty(b, t, 3, h, d)
        call("attend_backward", split, p, dy, d ** -0.5, b * h, t, d, torch.empty(d, t), torch.empty(t, t), d_split)
        call("rotate_split_backward", d_split, cos, sin, b, t, h, d, d_qkv)
        return d_qkv, None, None


class Lookup(torch.autograd.Function):
    """Rows ids [M] of embedding [V, K]."""

    @staticmethod
    def forward(ctx, embedding, ids):
        ctx.embedding, ctx.ids = embedding, ids
        return embedding.detach()[ids]

    @staticmethod
    def backward(ctx, d):
        ctx.embedding.grad.index_add_(0, ctx.ids, d)
        return None, None


class TiedHeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, embedding, targets):
        logits = h @ embedding.t()
        loss = call("softmax_loss", logits, targets.contiguous(), *logits.shape) / len(targets)
        ctx.save_for_backward(h, embedding, logits)
        return torch.tensor(loss)

    @staticmethod
    def backward(ctx, d_loss):
        h, embedding, d_logits = ctx.saved_tensors
        factor = float(d_loss) / len(h)
        embedding.grad.addmm_(d_logits.t(), h, alpha=factor)
        return (d_logits @ embedding).mul_(factor), None, None
