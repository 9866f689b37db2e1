"""Fused layers with hand-written gradients: what makes ternary training bearable on a CPU.

Autograd would run a BitLinear as some twenty small passes over memory; here each is one function whose
backward is written out, so that a step is mostly matrix products.

Papers
    BitNet, Wang et al. 2023 (arXiv:2310.11453): BitLinear, straight-through estimator, SubLN
    BitNet b1.58, Ma et al. 2024 (arXiv:2402.17764): absmean ternary weights
    BitNet b1.58 2B4T, Ma et al. 2025 (arXiv:2504.12285): absmax int8 activations a token

Letters: M tokens, K input features, N output features. All tensors are float32; integers that the
inference engine keeps in int8 are whole-numbered floats here, which the product of at most 2^24 sums exactly.
"""
import torch

ACTIVATION_FLOOR = 1e-5  # least max|x| of a token, as in the engine: a zero token divides by this
WEIGHT_FLOOR = 1e-5      # least mean|w| of a matrix


def ternary(weight):
    """The values -scale, 0, +scale that the forward pass and the exported file use.

    weight  [..., N, K] master weights; each leading index is a matrix with a scale of its own
    returns (values like weight, scale [...]); scale = mean|w|, value = scale * clamp(round(w / scale), -1, 1)
    """
    scale = weight.abs().mean(dim=(-2, -1)).clamp_(min=WEIGHT_FLOOR)
    wide = scale[..., None, None]
    return (weight / wide).round_().clamp_(-1, 1).mul_(wide), scale


def int8_activations(x):
    """Rounds each row of x [M, K] to multiples of max|row| / 127, in place; returns x."""
    step = x.abs().amax(dim=1, keepdim=True).clamp_(min=ACTIVATION_FLOOR).mul_(1 / 127)
    return x.div_(step).round_().mul_(step)


class NormBitLinear(torch.autograd.Function):
    """RMSNorm, int8 rounding and ternary product in one: every linear map of the model is this one.

    forward   x [M, K], gain [K], weight [N, K] masters, values [N, K] = ternary(weight) -> y [M, N]
    backward  roundings count as the identity (straight-through): d weight = dy^T q, although the
              product used `values`; the norm's gradient is exact
    """

    @staticmethod
    def forward(ctx, x, gain, weight, values, eps, quantise):
        inverse_rms = x.square().mean(dim=1, keepdim=True).add_(eps).rsqrt_()
        q = x.mul(inverse_rms).mul_(gain)
        if quantise:
            int8_activations(q)
        ctx.save_for_backward(x, gain, values, inverse_rms, q)
        return q @ values.t()

    @staticmethod
    def backward(ctx, dy):
        x, gain, values, inverse_rms, q = ctx.saved_tensors
        d_weight = dy.t() @ q
        dq = dy @ values
        x_hat = x * inverse_rms
        product = dq * x_hat
        d_gain = product.sum(dim=0)
        mean = (product @ gain.unsqueeze(1)).div_(x.shape[1])  # [M, 1], mean of dq * gain * x_hat
        dx = dq.mul_(gain).sub_(x_hat.mul_(mean)).mul_(inverse_rms)
        return dx, d_gain, d_weight, None, None, None


class SiluGate(torch.autograd.Function):
    """y [M, F] = silu(gate) * up for gate_up [M, 2F] = gate beside up (Shazeer 2020, arXiv:2002.05202)."""

    @staticmethod
    def forward(ctx, gate_up):
        gate, up = gate_up.chunk(2, dim=1)
        ctx.save_for_backward(gate_up)
        return torch.nn.functional.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx, dy):
        gate_up, = ctx.saved_tensors
        gate, up = gate_up.chunk(2, dim=1)
        d = torch.empty_like(gate_up)
        d_gate, d_up = d.chunk(2, dim=1)
        torch.mul(torch.nn.functional.silu(gate), dy, out=d_up)
        d_gate.copy_(torch.ops.aten.silu_backward(dy * up, gate))
        return d


class Lookup:
    """Rows ids [M] of embedding [V, K]."""

    @staticmethod
    def apply(embedding, ids):
        return torch.nn.functional.embedding(ids, embedding)


class Attention:
    """qkv [B, T, 3, H, D], cos and sin [T, D/2] -> [B*T, H*D]: RoPE, causal softmax of q.k / sqrt(D), times v.

    RoPE (Su et al. 2021, arXiv:2104.09864) turns half-split pairs (d, d + D/2), "NEOX" in GGUF's words, by
    position * base^(-2d/D). Plain autograd: this is a small part of the time.
    """

    @staticmethod
    def apply(qkv, cos, sin):
        b, t, _, h, d = qkv.shape
        q, k, v = qkv.permute(2, 0, 3, 1, 4)

        def rotated(x):
            first, second = x.chunk(2, dim=-1)
            return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)

        future = torch.ones(t, t, dtype=torch.bool).triu(1)
        scores = (rotated(q) @ rotated(k).transpose(-1, -2) * d ** -0.5).masked_fill(future, float("-inf"))
        return (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(b * t, h * d)


class TiedHeadLoss(torch.autograd.Function):
    """Mean cross entropy in nats of h [M, K] against embedding [V, K] rows as logits, targets [M].

    The gradients are taken while the [M, V] probabilities are at hand, so they are never kept for later.
    """

    @staticmethod
    def forward(ctx, h, embedding, targets):
        logits = h @ embedding.t()
        logits.sub_(logits.amax(dim=1, keepdim=True))
        picked = logits.gather(1, targets[:, None]).squeeze(1)
        total = logits.exp_().sum(dim=1)
        loss = (total.log() - picked).mean()
        if ctx.needs_input_grad[0]:
            p = logits.div_(total[:, None])
            p[torch.arange(len(targets)), targets] -= 1
            ctx.save_for_backward(p @ embedding, p.t() @ h)
            ctx.tokens = len(targets)
        return loss

    @staticmethod
    def backward(ctx, d_loss):
        dh, d_embedding = ctx.saved_tensors
        factor = d_loss / ctx.tokens
        return dh * factor, d_embedding * factor, None
