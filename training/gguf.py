"""A small GGUF v3 writer: metadata, F32, F16, Q8_0 and TQ2_0 tensors. Needs numpy alone.

Layout of the file: header, metadata, tensor infos, then each tensor at a multiple of 32 bytes. Dimensions are
written fastest first, so a matrix of N output rows and K inputs is [K, N].
"""
import struct

import numpy

F32, F16, Q8_0, TQ2_0 = 0, 1, 8, 35
FILE_TYPE_TQ2_0 = 37  # general.file_type of a file that is mostly TQ2_0
ALIGNMENT = 32


def f16_bytes(d):
    """d [B] -> its F16 bits, [B, 2] bytes."""
    return d.astype(numpy.float16).reshape(-1, 1).view(numpy.uint8)


def tq2_0(codes, scale):
    """codes [N, K] of -1, 0, +1 with one scale -> bytes. K % 256 = 0.

    A block is 256 weights: 64 bytes of 2-bit codes + 1, then the scale as F16. Byte m of each 32-byte half has
    elements m, m + 32, m + 64, m + 96 of its 128 weights, the first in the low bits.
    """
    assert codes.shape[1] % 256 == 0, codes.shape
    c = (codes + 1).astype(numpy.uint8).reshape(-1, 2, 4, 32)
    packed = (c[:, :, 0] | c[:, :, 1] << 2 | c[:, :, 2] << 4 | c[:, :, 3] << 6).reshape(-1, 64)
    d = numpy.full(len(packed), scale, numpy.float32)
    return numpy.concatenate([packed, f16_bytes(d)], axis=1).tobytes()


def q8_0(x):
    """x [N, K] float32 -> bytes. K % 32 = 0. A block is 32 weights: the scale d = max|x| / 127 as F16, then 32 int8."""
    assert x.shape[1] % 32 == 0, x.shape
    blocks = x.reshape(-1, 32).astype(numpy.float32)
    d = numpy.abs(blocks).max(axis=1) / 127
    inverse = numpy.divide(1, d, out=numpy.zeros_like(d), where=d > 0)
    q = numpy.rint(blocks * inverse[:, None]).astype(numpy.int8)
    return numpy.concatenate([f16_bytes(d), q.view(numpy.uint8)], axis=1).tobytes()


def string(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    """A metadata value; the Python type chooses GGUF's: bool, int as u32, float as f32, str, lists of str or int."""
    if isinstance(v, bool):
        return struct.pack("<I?", 7, v)
    if isinstance(v, int):
        return struct.pack("<II", 4, v)
    if isinstance(v, float):
        return struct.pack("<If", 6, v)
    if isinstance(v, str):
        return struct.pack("<I", 8) + string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", 9, 8, len(v)) + b"".join(map(string, v))
    return struct.pack("<IIQ", 9, 5, len(v)) + numpy.array(v, "<i4").tobytes()


def padding(size):
    return b"\0" * (-size % ALIGNMENT)


def write(path, metadata, tensors):
    """metadata {key: value}; tensors [(name, shape rows first, type, bytes)]."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    head += b"".join(string(key) + value(v) for key, v in metadata.items())
    offset = 0
    for name, shape, kind, data in tensors:
        head += string(name) + struct.pack("<I%dQIQ" % len(shape), len(shape), *reversed(shape), kind, offset)
        offset += len(data) + len(padding(len(data)))
    with open(path, "wb") as f:
        f.write(head + padding(len(head)))
        for *_, data in tensors:
            f.write(data + padding(len(data)))
