"""Muon for the matrices, AdamW for the rest.

Papers
    Muon, Jordan et al. 2024 (kellerjordan.github.io/posts/muon), with the scale of Moonlight, Liu et al. 2025
    (arXiv:2502.16982): an update of root mean square 0.2 * rate, so that both halves share one learning rate
    AdamW, Loshchilov & Hutter 2019 (arXiv:1711.05101): decoupled weight decay
"""
import torch


def orthogonal(g, steps=5):
    """The nearest (semi-)orthogonal matrix to g [..., N, K], nearly: Newton-Schulz, Jordan's coefficients.

    Singular values come out between about 0.7 and 1.2, which is as good as 1 for an optimiser.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[-2] > g.shape[-1]
    x = g.transpose(-2, -1) if tall else g
    x = x / x.flatten(-2).norm(dim=-1).clamp(min=1e-12)[..., None, None]
    for _ in range(steps):
        gram = x @ x.transpose(-2, -1)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(-2, -1) if tall else x


class Optimizer:
    """Steps parameters one at a time; which process steps which is its caller's affair.

    parameters  list of (name, tensor, is_matrix); is_matrix has shape [..., N, K] and takes Muon
    state       two tensors a parameter, in shared memory, so that one process can save them all
    """

    def __init__(self, parameters, muon, momentum=0.95, betas=(0.9, 0.98), eps=1e-9):
        self.parameters, self.muon, self.momentum, self.betas, self.eps = parameters, muon, momentum, betas, eps
        self.first = [torch.zeros_like(p).share_memory_() for _, p, _ in parameters]
        self.second = [None if self.is_muon(i) else torch.zeros_like(p).share_memory_()
                       for i, (_, p, _) in enumerate(parameters)]

    def is_muon(self, index):
        return self.muon and self.parameters[index][2]

    @torch.no_grad()
    def step(self, index, gradient, rate, decay, count):
        """One update of parameter `index`; count is the number of this step, from 1; decay acts on matrices."""
        _, p, is_matrix = self.parameters[index]
        if is_matrix and decay:
            p.mul_(1 - rate * decay)
        first = self.first[index]
        if self.is_muon(index):
            first.lerp_(gradient, 1 - self.momentum)
            update = orthogonal(gradient.lerp(first, self.momentum))
            p.add_(update, alpha=-0.2 * rate * max(p.shape[-2:]) ** 0.5)
            return
        beta1, beta2 = self.betas
        second = self.second[index]
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (second / (1 - beta2 ** count)).sqrt_().add_(self.eps)
        p.addcdiv_(first, scale, value=-rate / (1 - beta1 ** count))

    def state(self):
        return {"first": self.first, "second": self.second}

    def load(self, state):
        for mine, saved in ((self.first, state["first"]), (self.second, state["second"])):
            for m, s in zip(mine, saved):
                if m is not None:
                    m.copy_(s)
