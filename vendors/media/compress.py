"""
One image made into two pictures: what runs in the child process, on a stranger's bytes.

Nothing of the original is passed on but its colours: the pictures are encoded anew, without EXIF, XMP, comments or
profile, and whatever else was hidden in the file is not in them. Of an animation the first frame is taken.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import ExifTags, Image, ImageCms
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vendors.media.settings import Terms

# Loaded by name, so that no other decoder is loaded to look for one.
FORMATS = tuple(str(plugin.format) for plugin in (JpegImageFile, PngImageFile, WebPImageFile, GifImageFile))
_PLAIN = frozenset({"L", "RGB", "RGBA", "CMYK"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF's number: how it comes to stand upright


@dataclass(frozen=True, slots=True)
class Picture:
    content: bytes  # WebP
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Pictures:
    large: Picture
    small: Picture


@dataclass(frozen=True, slots=True)
class Refused:
    """No picture can be made of it, however often it is tried. `code` is the job's."""

    code: str
    reason: str


def compress(source: bytes, terms: Terms) -> Pictures | Refused:
    """The pictures, never larger than the original; the same ones of the same bytes."""
    Image.MAX_IMAGE_PIXELS = terms.pixels  # this process does nothing else
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata, which is thrown away
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _made(source, terms)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return _too_large(terms)
    except MemoryError:
        return Refused("image_too_large", "reading the image takes too much memory; send a smaller one")
    except Exception as fault:  # noqa: BLE001 - decoders raise whatever a stranger's bytes lead them to
        return _broken(source, fault)


def _made(source: bytes, terms: Terms) -> Pictures | Refused:
    opened = Image.open(BytesIO(source), formats=FORMATS)  # the head alone: nothing is decoded yet
    if opened.width * opened.height > terms.pixels:
        return _too_large(terms)
    opened.draft("RGB", (terms.large, terms.large))  # a JPEG is decoded no larger than it has to be
    opened.load()
    turn = _TURNS.get(_orientation(opened))
    image = _plain(opened)
    image.thumbnail((terms.large, terms.large), Image.Resampling.LANCZOS)
    image = _in_srgb(image, opened.info.get("icc_profile"))
    if turn is not None:
        image = image.transpose(turn)
    small = image.copy()
    small.thumbnail((terms.small, terms.small), Image.Resampling.LANCZOS)
    return Pictures(_encoded(image, terms), _encoded(small, terms))


def _orientation(image: Image.Image) -> int:
    """EXIF's number; 1, as it is, where that cannot be read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - metadata is no reason to refuse an image
        return 1


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that can be scaled, with alpha if it has any."""
    if image.mode.startswith("I"):  # 16 bits of grey; `convert` alone would cut them off
        return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in _PLAIN else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The colours as browsers take them to be. A profile that cannot be read, or is of another kind, is passed over."""
    if profile:
        try:
            return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    colours = image.convert("RGB") if image.mode == "RGBA" else image
    theirs, ours = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(colours, theirs, ours, outputMode="RGB")
    if converted is None:
        raise ValueError("nothing was converted")
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def _encoded(image: Image.Image, terms: Terms) -> Picture:
    written = BytesIO()
    image.save(written, "WEBP", quality=terms.quality, method=4)
    return Picture(written.getvalue(), image.width, image.height)


def _too_large(terms: Terms) -> Refused:
    most = terms.pixels // 1_000_000
    return Refused("image_too_large", f"the image has more than {most} million pixels; send a smaller one")


def _broken(source: bytes, fault: Exception) -> Refused:
    if "truncated" in str(fault) or _is_cut_webp(source):
        return Refused("image_truncated", "the image ends before its data do; send the whole file")
    return Refused("image_unreadable", "this is no image that can be read; send a JPEG, PNG, WebP or GIF")


def _is_cut_webp(source: bytes) -> bool:
    """Whether the file is shorter than its head says."""
    return source[:4] + source[8:12] == b"RIFFWEBP" and len(source) < 8 + int.from_bytes(source[4:8], "little")
