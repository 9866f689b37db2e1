"""Tests of training/: python3 -m unittest discover tests/training (needs PyTorch and numpy; no GPU, no network).

BITNET_FULL=1 (which scripts/test --full sets) adds the run of 200 steps, about a minute.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy
import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRAINING = os.path.join(ROOT, "training")
HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = os.path.join(ROOT, "models", "kjv_held.txt")
VOCABULARY = os.path.join(TRAINING, "vocabulary.json")
sys.path.insert(0, TRAINING)

import bitlinear
import gguf
from evaluate import nats, stream
from model import Config, Model
from optimizer import orthogonal
from tokenizer import Tokenizer, documents, train
from train import Windows, schedule

SMALL = Config(vocab=4096, width=256, layers=1, heads=4, ffn=256)


def small_batch(batch=2, tokens=32):
    g = torch.Generator().manual_seed(3)
    return torch.randint(0, 4000, (batch, tokens), generator=g), torch.randint(0, 4000, (batch, tokens), generator=g)


def gradients(model, ids, targets):
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    model.ternarise()
    loss = model.loss(ids, targets)
    loss.backward()
    return float(loss), {name: p.grad.clone() for name, p in model.named_parameters()}


class Layers(unittest.TestCase):
    def test_ternary_values_are_the_papers(self):
        w = torch.tensor([[0.9, -0.1, -2.0, 0.4]])
        values, scale = bitlinear.ternary(w)
        self.assertAlmostEqual(float(scale), 0.85, places=6)
        self.assertTrue(torch.equal(torch.round(values / scale), torch.tensor([[1.0, 0.0, -1.0, 0.0]])))

    def test_activations_round_a_token_to_its_own_127_steps(self):
        x = torch.tensor([[127.0, 0.4, -63.6], [1.27, 0.004, -0.636]])
        want = torch.tensor([[127.0, 0.0, -64.0], [1.27, 0.0, -0.64]])
        self.assertLess(float((bitlinear.int8_activations(x) - want).abs().max()), 1e-5)

    def test_hand_written_gradient_is_autograds(self):
        """Without rounding, and with values = weight, NormBitLinear is a function that autograd knows."""
        g = torch.Generator().manual_seed(1)
        x, gain, w = (torch.randn(*s, generator=g, dtype=torch.float64, requires_grad=True) for s in ((5, 7), (7,), (3, 7)))
        fused = bitlinear.NormBitLinear.apply(x, gain, w, w.detach(), 1e-5, False)
        plain = (x * (x.square().mean(dim=1, keepdim=True) + 1e-5).rsqrt() * gain) @ w.t()
        dy = torch.randn(5, 3, generator=g, dtype=torch.float64)
        for a, b in zip(torch.autograd.grad(fused, (x, gain, w), dy), torch.autograd.grad(plain, (x, gain, w), dy)):
            self.assertLess(float((a - b).abs().max()), 1e-10)

    def test_gate_and_head_gradients_are_autograds(self):
        g = torch.Generator().manual_seed(1)
        x = torch.randn(5, 8, generator=g, requires_grad=True)
        dy = torch.randn(5, 4, generator=g)
        plain = torch.nn.functional.silu(x[:, :4]) * x[:, 4:]
        for a, b in zip(torch.autograd.grad(bitlinear.SiluGate.apply(x), x, dy), torch.autograd.grad(plain, x, dy)):
            self.assertLess(float((a - b).abs().max()), 1e-6)
        h, e = (torch.randn(*s, generator=g, requires_grad=True) for s in ((5, 8), (11, 8)))
        targets = torch.tensor([0, 3, 10, 3, 7])
        fused = bitlinear.TiedHeadLoss.apply(h, e, targets)
        plain = torch.nn.functional.cross_entropy(h @ e.t(), targets)
        self.assertAlmostEqual(float(fused), float(plain), places=5)
        for a, b in zip(torch.autograd.grad(fused, (h, e)), torch.autograd.grad(plain, (h, e))):
            self.assertLess(float((a - b).abs().max()), 1e-6)

    def test_compiled_kernels_equal_pytorch(self):
        """Loss to 1e-3; gradients of activations have 8 bits there, so directions agree to a cosine of 0.995."""
        try:
            import layers_c
        except (OSError, subprocess.CalledProcessError) as e:
            self.skipTest("kernels.c does not build here: %s" % e)
        if not layers_c.available():
            self.skipTest("this CPU has no AVX-512 VNNI")
        model = Model(Config(layers=2, ffn=512), seed=5)
        ids, targets = small_batch()
        loss, want = gradients(model, ids, targets)
        model.kernels = layers_c
        fast_loss, fast = gradients(model, ids, targets)
        self.assertLess(abs(loss - fast_loss), 1e-3)
        for name in want:
            a, b = want[name].flatten().double(), fast[name].flatten().double()
            self.assertGreater(float(a @ b / (a.norm() * b.norm())), 0.995, name)
            self.assertLess(abs(float(b.norm() / a.norm()) - 1), 0.02, name)

    def test_a_later_token_changes_no_earlier_state(self):
        model = Model(SMALL)
        model.ternarise()
        ids, _ = small_batch(batch=1)
        before = model.hidden(ids)
        ids[0, 20] = 7
        after = model.hidden(ids)
        self.assertTrue(torch.equal(before[:20], after[:20]))
        self.assertFalse(torch.equal(before[20:], after[20:]))


class Training(unittest.TestCase):
    def test_schedule_has_two_stages(self):
        self.assertEqual(schedule(0.0, 1.0, 0.1), (1.0, 0.1))
        self.assertEqual(schedule(0.5, 1.0, 0.1), (0.5, 0.0))
        self.assertEqual(schedule(1.0, 1.0, 0.1), (0.0, 0.0))

    def test_an_epoch_shows_each_window_once(self):
        windows = Windows(numpy.arange(1000), 10, bos=5000, seed=1)
        seen = numpy.concatenate([windows.window(i)[1] for i in range(windows.per_epoch)])
        self.assertEqual(len(set(seen)), len(seen))
        inputs, targets = windows.window(0)
        self.assertEqual(inputs[0], 5000)
        self.assertTrue((inputs[1:] == targets[:-1]).all())

    def test_muon_update_is_orthogonal(self):
        g = torch.randn(2, 64, 16, generator=torch.Generator().manual_seed(1))
        singular = torch.linalg.svdvals(orthogonal(g))
        self.assertGreater(float(singular.min()), 0.6)
        self.assertLess(float(singular.max()), 1.3)


class Text(unittest.TestCase):
    def test_training_merges_the_most_frequent_pair_first(self):
        vocabulary = train(["aab aab aab ab ab ab ab"], 261)
        self.assertEqual(vocabulary["merges"][0], "a b")
        self.assertEqual(len(vocabulary["tokens"]), 261)

    def test_every_string_comes_back(self):
        t = Tokenizer.load(VOCABULARY)
        for text in ("In the beginning God created the heaven", "I'll  12345\n\n naïve—日本 _x_\t.\r\n ", ""):
            self.assertEqual(t.decode(t.encode(text)), text)

    def test_evaluation_scores_each_text_token_once(self):
        t = Tokenizer.load(VOCABULARY)
        model = Model(SMALL)
        model.ternarise()
        texts = ["In the beginning God created the heaven and the earth.\n", "And God said\n"]
        total, scored = nats(model, t, stream(t, texts), window=8)
        self.assertEqual(scored, sum(len(t.encode(d)) for d in texts))
        self.assertLess(abs(total / scored - numpy.log(4096)), 0.3)  # an untrained model knows nothing


class Gguf(unittest.TestCase):
    def test_tq2_0_block(self):
        codes = numpy.resize(numpy.array([-1, 0, 1, 1, 0], numpy.int8), (2, 256))
        raw = numpy.frombuffer(gguf.tq2_0(codes, 0.25), numpy.uint8).reshape(2, 66)
        for row in range(2):
            for i in range(256):
                half, within = divmod(i, 128)
                code = raw[row, half * 32 + within % 32] >> (2 * (within // 32)) & 3
                self.assertEqual(int(code) - 1, codes[row, i])
        self.assertEqual(raw[0, 64:].view(numpy.float16)[0], 0.25)

    def test_q8_0_is_within_half_a_step(self):
        x = numpy.random.default_rng(1).normal(size=(3, 64)).astype(numpy.float32)
        x[1, :32] = 0
        raw = numpy.frombuffer(gguf.q8_0(x), numpy.uint8).reshape(-1, 34)
        d = raw[:, :2].copy().view(numpy.float16).astype(numpy.float32)
        back = d * raw[:, 2:].view(numpy.int8)
        step = numpy.abs(x.reshape(-1, 32)).max(axis=1, keepdims=True) / 127
        self.assertTrue((numpy.abs(back - x.reshape(-1, 32)) <= 0.5 * step + 127 * step * 2 ** -11).all())


def run(out, *more):
    """Runs train.py on the small text, one worker, PyTorch alone; returns the log."""
    ids = os.path.join(out, "ids.npy")
    if not os.path.exists(ids):
        t = Tokenizer.load(VOCABULARY)
        numpy.save(ids, numpy.array([i for d in documents(TEXT) for i in (t.bos, *t.encode(d), t.eos)], numpy.uint16))
    subprocess.run([sys.executable, os.path.join(TRAINING, "train.py"), "--train", ids, "--val", ids, "--out", out,
                    "--layers", "1", "--ffn", "256", "--window", "64", "--batch", "8", "--micro", "8", "--warmup", "10",
                    "--val-windows", "8", "--seed", "1", *more], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(out, "log.jsonl")) as f:
        return [json.loads(line) for line in f]


class Runs(unittest.TestCase):
    def test_a_resumed_run_is_the_unbroken_run(self):
        with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as broken:
            want = run(whole, "--steps", "4", "--log-every", "4")
            run(broken, "--steps", "4", "--stop", "2")
            got = run(broken, "--steps", "4", "--log-every", "1", "--resume", os.path.join(broken, "checkpoint.pt"))
            self.assertEqual(got[-1]["step"], 4)
            self.assertEqual(want[-1]["val_loss"], got[-1]["val_loss"])

    def test_two_workers_learn_what_one_does(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            a = run(one, "--steps", "4", "--micro", "4")
            b = run(two, "--steps", "4", "--micro", "4", "--workers", "2")
            self.assertAlmostEqual(a[-1]["val_loss"], b[-1]["val_loss"], places=2)

    @unittest.skipUnless(os.environ.get("BITNET_FULL"), "slow: BITNET_FULL=1 runs it")
    def test_200_steps_repeat_the_logged_loss(self):
        with open(os.path.join(HERE, "log_200_steps.jsonl")) as f:
            want = [json.loads(line) for line in f]
        with tempfile.TemporaryDirectory() as out:
            got = run(out, "--steps", "200", "--log-every", "20", "--val-every", "200")
        self.assertEqual([w["step"] for w in want], [g["step"] for g in got])
        for w, g in zip(want, got):
            self.assertLess(abs(w["loss"] - g["loss"]), 0.005 * w["loss"], w["step"])  # two digits
        self.assertLess(got[-1]["loss"], got[0]["loss"] - 2)  # and it did learn


if __name__ == "__main__":
    unittest.main()
