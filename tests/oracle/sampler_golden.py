#!/usr/bin/env python3
"""Writes tests/data/sampler_golden.txt: an independent transcription of runtime/text/sampler.h.

Floats are exact rationals, rounded to binary32 where docs/NUMERICS.md rounds, so nothing here depends on
how Python, C or a processor computes. Logits come from the same generator, step by step:
logit = float(float(u * 16) - 8) of PCG32(1000 + step).
"""
import pathlib
from fractions import Fraction as F

VOCABULARY, STEPS, PROMPT = 60, 50, [3, 3, 7, 41]


class Pcg:
    def __init__(self, seed, stream=54):
        self.state, self.increment = 0, (stream << 1 | 1) & (2**64 - 1)
        self.draw()
        self.state = (self.state + seed) & (2**64 - 1)
        self.draw()

    def draw(self):
        old = self.state
        self.state = (old * 6364136223846793005 + self.increment) & (2**64 - 1)
        mixed = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return (mixed >> turn | mixed << (-turn & 31)) & 0xFFFFFFFF

    def uniform(self):
        return F(self.draw() >> 8, 2**24)


def to_float(x):
    """x, a rational, rounded to the nearest binary32, ties to even (no overflow here)."""
    if x == 0:
        return F(0)
    size = abs(x)
    exponent = max(size.numerator.bit_length() - size.denominator.bit_length(), -126)
    while F(2) ** exponent > size and exponent > -126:
        exponent -= 1
    unit = F(2) ** (exponent - 23)
    return round(x / unit) * unit  # Python rounds halves of rationals to even


def hexadecimal(text):
    return F(float.fromhex(text))


LOG2_E, HIGH, LOW = map(hexadecimal, ("0x1.715476p+0", "-0x1.62e43p-1", "0x1.05c61p-29"))
HORNER = [hexadecimal(c) for c in ("0x1.6a23dp-10", "0x1.123a2p-7", "0x1.5558f2p-5", "0x1.555492p-3",
                                   "0x1.fffffcp-2", "1", "1")]


def exp(x):
    if x < -87:
        return F(0)
    n = round(to_float(x * LOG2_E))
    r = to_float(n * HIGH + x)
    r = to_float(n * LOW + r)
    p = HORNER[0]
    for c in HORNER[1:]:
        p = to_float(p * r + c)
    return to_float(p * F(2) ** n)


def number(text):
    return to_float(F(float(text)))


def sample(logits, history, random, o):
    last = history[-o["n"]:] if o["n"] > 0 else (history if o["n"] < 0 else [])
    penalty, temperature = number(o["repeat"]), number(o["t"])
    seen = set(last)
    values = []
    for token, value in enumerate(logits):
        if token in seen:
            value = to_float(value / penalty) if value > 0 else to_float(value * penalty)
        values.append((value, token))
    values.sort(key=lambda pair: (-pair[0], pair[1]))
    if temperature <= 0:
        return values[0][1]
    if o["k"] > 0:
        values = values[:o["k"]]
    u = random.uniform()
    scaled = [to_float(value / temperature) for value, _ in values]
    terms = [exp(to_float(x - scaled[0])) for x in scaled]
    total = F(0)
    for term in terms:
        total = to_float(total + term)
    top_p, min_p = number(o["p"]), number(o["min"])
    if top_p < 1:
        kept, reached = 1, terms[0]
        while kept < len(terms) and reached < to_float(top_p * total):
            reached = to_float(reached + terms[kept])
            kept += 1
        terms = terms[:kept]
    while len(terms) > 1 and terms[-1] < min_p:
        terms.pop()
    total = F(0)
    for term in terms:
        total = to_float(total + term)
    target, reached = to_float(u * total), F(0)
    for i, term in enumerate(terms):
        reached = to_float(reached + term)
        if reached > target:
            return values[i][1]
    raise AssertionError("not reached")


def logits_of(step):
    random = Pcg(1000 + step)
    return [to_float(to_float(random.uniform() * 16) - 8) for _ in range(VOCABULARY)]


def main():
    keys = ("t", "k", "p", "min", "repeat", "n", "seed")
    runs = [
        ("0.8", 40, "0.95", "0.05", "1", 64, 42),
        ("1", 0, "1", "0", "1", 0, 0),
        ("1.5", 0, "0.9", "0", "1.1", 16, 7),
        ("2.5", 10, "1", "0", "1.3", -1, 18446744073709551615),
        ("0.7", 0, "1", "0.1", "0.9", 8, 123456789),
        ("4", 50, "0.6", "0.02", "1", 64, 3),
        ("0", 40, "0.95", "0.05", "1.5", 5, 1),
        ("0.05", 0, "1", "0", "1", 64, 5),
    ]
    lines = ["# temperature top-k top-p min-p repeat-penalty repeat-last-n seed : tokens; by tests/oracle/sampler_golden.py"]
    for values in runs:
        o = dict(zip(keys, values))
        random, history = Pcg(o["seed"]), list(PROMPT)
        for step in range(STEPS):
            history.append(sample(logits_of(step), history, random, o))
        lines.append(" ".join(map(str, values)) + " : " + " ".join(map(str, history[len(PROMPT):])))
    path = pathlib.Path(__file__).resolve().parent.parent / "data" / "sampler_golden.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


main()
