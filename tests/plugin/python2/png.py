"""PNG files by Python 2.7's own means: 8 bits, RGB or RGBA (PNG 3, W3C 2025)."""

import struct
import zlib


def save(path, width, height, data, channels):
    lines = b"".join(
        b"\0" + bytes(data[row * width * channels : (row + 1) * width * channels]) for row in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if channels == 4 else 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")):
            check = zlib.crc32(kind + body) & 0xFFFFFFFF
            file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check))


def load(path):
    """Width, height, pixels and channels."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise RuntimeError("not a PNG: " + path)
    at, packed, header = 8, b"", None
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        header = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else header
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    width, height, bits, colour = header[:4]
    channels = {2: 3, 6: 4}[colour]
    if bits != 8:
        raise RuntimeError("8 bits only")
    return (
        width,
        height,
        _unfiltered(bytearray(zlib.decompress(packed)), width * channels, channels),
        channels,
    )


def _unfiltered(data, stride, step):
    out, before = bytearray(), bytearray(stride)
    for start in range(0, len(data), stride + 1):
        kind, line = data[start], data[start + 1 : start + 1 + stride]
        for i in range(stride):
            left = line[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            line[i] = (line[i] + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 255
        out += line
        before = line
    return out


def _paeth(left, up, corner):
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
