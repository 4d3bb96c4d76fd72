"""Writes oracle.tsv: the rows of excerpt.vw and names.vw as Vowpal Wabbit
hashes them, computed from the definition of MurmurHash3_x86_32 and of
--hash strings (a name of digits is a number). Only Python's standard library.

excerpt.vw is the first 12 rows of test/train-sets/0001.dat of Vowpal Wabbit
(BSD-3-Clause). Run: python3 oracle.py > oracle.tsv
"""

import struct

MASK = 0xFFFFFFFF


def rotate(x, r):
    return ((x << r) | (x >> (32 - r))) & MASK


def murmur(data, seed):
    h = seed
    for i in range(0, len(data), 4):
        block = data[i : i + 4]
        k = rotate(int.from_bytes(block, "little") * 0xCC9E2D51 & MASK, 15) * 0x1B873593 & MASK
        h ^= k
        if len(block) == 4:
            h = (rotate(h, 13) * 5 + 0xE6546B64) & MASK
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK
    return h ^ h >> 16


def strings(name, seed):
    if name.isascii() and name.decode("latin-1").isdigit():
        return int(name) + seed
    return murmur(name, seed)


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def bits(x):
    return "%08x" % struct.unpack("<I", struct.pack("<f", x))[0]


def row(line, width):
    head, *sections = line.split(b"|")
    words = [float(w) for w in head.split(b" ") if w and not w.startswith(b"'")]
    weight = words[1] if len(words) > 1 else 1.0
    sums = {}
    for section in sections:
        space, scale = 0, 1.0
        tokens = section.split()
        if not section.startswith(b" ") and tokens:
            name, _, w = tokens.pop(0).partition(b":")
            space, scale = strings(name, 0), single(float(w or 1))
        for token in tokens:
            name, _, value = token.partition(b":")
            column = strings(name, space) & ((1 << width) - 1)
            product = single(single(float(value or 1)) * scale)
            sums[column] = single(sums[column] + product) if column in sums else product
    cells = ["%d:%s" % (c, bits(sums[c])) for c in sorted(sums)]
    print("\t".join([str(width), bits(words[0]), bits(weight)] + cells))


for file in ("excerpt.vw", "names.vw"):
    for width in (10, 18, 28):
        with open(file, "rb") as f:
            for line in f.read().split(b"\n"):
                if line:
                    row(line, width)
