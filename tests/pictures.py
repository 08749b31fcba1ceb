"""Images as cameras, programs and attackers make them: all small, all made here."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (200, 30, 30), (30, 30, 200)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    written = BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def an_image(width: int = 40, height: int = 20, kind: str = "PNG", **options: Any) -> bytes:
    """Red, with its left half blue."""
    return encoded(halves(width, height), kind, **options)


def halves(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, 0, width // 2, height))
    return image


def noise(width: int, height: int, kind: str = "PNG", **options: Any) -> bytes:
    """What no encoder makes small."""
    return encoded(Image.effect_noise((width, height), 90).convert("RGB"), kind, **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(*chunks: bytes, width: int = 1, height: int = 1) -> bytes:
    """A PNG whose head says so of its size, 8 bits of RGB, whatever follows."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def pixel_bomb(width: int = 30_000, height: int = 30_000) -> bytes:
    """A hundred bytes that say they are 900 million pixels."""
    return png_of(chunk(b"IDAT", zlib.compress(b"\0" * 1000)), width=width, height=height)


def text_bomb() -> bytes:
    """A text beside the picture that is a thousand times as long when it is read."""
    text = b"Comment\0\0" + zlib.compress(b"\0" * 16 * 1024 * 1024, 9)
    return png_of(chunk(b"zTXt", text), chunk(b"IDAT", zlib.compress(b"\0\1\2\3")))


def data_bomb() -> bytes:
    """One pixel, in data that unpack to 64 MiB."""
    return png_of(chunk(b"IDAT", zlib.compress(b"\0" * 64 * 1024 * 1024, 9)))


def profile_bomb() -> bytes:
    """A profile of colours that unpacks to 16 MiB."""
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(b"\0" * 16 * 1024 * 1024, 9))
    return png_of(profile, chunk(b"IDAT", zlib.compress(b"\0\1\2\3")))


def far_frame(place: int, size: int) -> bytes:
    """A GIF whose screen has 100 pixels, and whose frame ends far beyond it."""
    screen = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + b"," + struct.pack("<HHHHB", place, place, size, size, 0) + b"\2\2L\1\0;"


def zip_file() -> bytes:
    return b"PK\x03\x04" + b"\0" * 100


NOT_TAKEN = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "tiff": b"II*\0" + b"\0" * 100,
    "bmp": b"BM" + b"\0" * 100,
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 100,
    "avif": b"\0\0\0\x18ftypavif" + b"\0" * 100,
    "pdf": b"%PDF-1.7\n",
    "zip": zip_file(),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "text": b"hello",
    "wave": b"RIFF\x24\0\0\0WAVEfmt ",
    "png later": b" \x89PNG\r\n\x1a\n",
}


def linear_profile() -> bytes:
    """An ICC profile of RGB like sRGB's, but without its curve: a level of 128 means half of the light."""
    curve = b"curv" + bytes(4) + struct.pack(">I", 0)
    points = {
        b"rXYZ": (0.4361, 0.2225, 0.0139),
        b"gXYZ": (0.3851, 0.7169, 0.0971),
        b"bXYZ": (0.1431, 0.0606, 0.7141),
        b"wtpt": (0.9642, 1.0, 0.8249),
    }
    tags = {name: b"XYZ " + bytes(4) + b"".join(_fixed(part) for part in xyz) for name, xyz in points.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(tags)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    size = offset + len(data)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += _fixed(0.9642) + _fixed(1.0) + _fixed(0.8249)
    return head.ljust(128, b"\0") + table + data


def _fixed(number: float) -> bytes:
    """s15Fixed16Number."""
    return struct.pack(">i", round(number * 65536))
