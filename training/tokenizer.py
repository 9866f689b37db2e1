"""A byte-level BPE vocabulary: trains it, and turns text into ids as llama.cpp does with `pre = llama-bpe`.

    tokenizer.py train vocabulary.json --size 4096 text.txt ...
    tokenizer.py encode vocabulary.json text.txt ids.npy

Byte-pair encoding after Sennrich et al. 2016 (arXiv:1508.07909), over bytes as in GPT-2. The file is JSON with
`tokens` (ids in order: 256 bytes, merges, <|bos|>, <|eos|>) and `merges`, in GPT-2's printable spelling of bytes.

Text is cut into documents at lines that hold only DOCUMENT_END; each becomes bos, its ids, eos.
"""
import argparse
import collections
import heapq
import json
import re

import numpy

DOCUMENT_END = "\f"  # a form feed alone on a line

# Llama 3's pattern; Python's re has no \p{L}, \p{N}: here a letter is a word character but digits and _, which
# is the same but for rare numerals such as the superscripts. Checked against llama.cpp in the tests.
L, N = r"[^\W\d_]", r"\d"
PIECE = re.compile(
    r"'(?:[sS]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|(?:[^\r\n\w]|_)?" + L + r"+|" + N + r"{1,3}"
    r"| ?(?:[^\s\w]|_)+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_symbols():
    """The 256 printable characters that stand for the bytes 0..255 in GPT-2's vocabulary files."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    other = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(other)) for b in range(256)]


SYMBOLS = byte_symbols()


def spelled(piece):
    return "".join(SYMBOLS[b] for b in piece.encode())


def merge_once(word, pair):
    """word, a tuple of symbols, with each occurrence of pair joined, from the left."""
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def train(texts, size):
    """The vocabulary of `size` tokens for an iterable of strings: the most frequent pair merges first.

    A heap keeps pairs by count; an entry whose count is out of date is pushed again when it comes up.
    """
    counts = collections.Counter()
    for text in texts:
        counts.update(PIECE.findall(text))
    words = [tuple(spelled(piece)) for piece in counts]
    weight = list(counts.values())
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += weight[i]
            where[pair].add(i)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    tokens, merges = list(SYMBOLS), []
    known = set(tokens)
    while len(tokens) < size - 2 and heap:
        count, pair = heapq.heappop(heap)
        if -count != pairs[pair]:
            if pairs[pair] > 0:
                heapq.heappush(heap, (-pairs[pair], pair))
            continue
        merges.append(" ".join(pair))
        if pair[0] + pair[1] not in known:  # two merges can spell one token
            known.add(pair[0] + pair[1])
            tokens.append(pair[0] + pair[1])
        touched = collections.Counter()
        for i in list(where[pair]):
            old, new = words[i], merge_once(words[i], pair)
            for p in zip(old, old[1:]):
                touched[p] -= weight[i]
            for p in zip(new, new[1:]):
                touched[p] += weight[i]
                where[p].add(i)
            words[i] = new
        for p, change in touched.items():
            pairs[p] += change
            if change > 0:
                heapq.heappush(heap, (-pairs[p], p))
        del pairs[pair], where[pair]
    return {"tokens": tokens + ["<|bos|>", "<|eos|>"], "merges": merges}


class Tokenizer:
    def __init__(self, vocabulary):
        self.tokens = vocabulary["tokens"]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.rank = {tuple(m.split(" ")): i for i, m in enumerate(vocabulary["merges"])}
        self.bos, self.eos = self.ids["<|bos|>"], self.ids["<|eos|>"]
        self.cache = {}

    @classmethod
    def load(cls, path):
        with open(path) as f:
            return cls(json.load(f))

    def piece(self, piece):
        """Ids of one pre-token: the merge of least rank first, until none is left."""
        if piece not in self.cache:
            word = tuple(spelled(piece))
            while len(word) > 1:
                pair = min(zip(word, word[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
                if pair not in self.rank:
                    break
                word = merge_once(word, pair)
            self.cache[piece] = [self.ids[symbol] for symbol in word]
        return self.cache[piece]

    def encode(self, text):
        return [i for piece in PIECE.findall(text) for i in self.piece(piece)]

    def decode(self, ids):
        values = {symbol: b for b, symbol in enumerate(SYMBOLS)}
        return bytes(values[c] for i in ids if i not in (self.bos, self.eos) for c in self.tokens[i]).decode(errors="replace")


def documents(path):
    """The documents of a text file, each ending in a newline."""
    with open(path, encoding="utf-8") as f:
        return [d for d in re.split("^" + DOCUMENT_END + "\n", f.read(), flags=re.MULTILINE) if d]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    t = commands.add_parser("train")
    t.add_argument("vocabulary")
    t.add_argument("texts", nargs="+")
    t.add_argument("--size", type=int, default=4096)
    e = commands.add_parser("encode")
    e.add_argument("vocabulary")
    e.add_argument("text")
    e.add_argument("ids")
    a = p.parse_args()
    if a.command == "train":
        vocabulary = train((d for path in a.texts for d in documents(path)), a.size)
        with open(a.vocabulary, "w") as f:
            json.dump(vocabulary, f, ensure_ascii=False)
        return
    tokenizer, ids = Tokenizer.load(a.vocabulary), []
    for document in documents(a.text):
        ids += [tokenizer.bos, *tokenizer.encode(document), tokenizer.eos]
    numpy.save(a.ids, numpy.array(ids, numpy.uint16))
    print("%s: %d tokens" % (a.ids, len(ids)))


if __name__ == "__main__":
    main()
