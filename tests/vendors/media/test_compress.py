"""Images become two pictures that are nothing but colours; what is none, or too much of one, is refused."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms

from tests.pictures import (
    BLUE,
    NOT_TAKEN,
    RED,
    an_image,
    data_bomb,
    encoded,
    far_frame,
    halves,
    linear_profile,
    noise,
    pixel_bomb,
    profile_bomb,
    text_bomb,
    zip_file,
)
from vendors.media.compress import Picture, Pictures, Refused, compress
from vendors.media.settings import Terms

TERMS = Terms()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">somebody was here</x:xmpmeta>'
Colour = tuple[int, ...]


def made(source: bytes, terms: Terms = TERMS) -> Pictures:
    pictures = compress(source, terms)
    assert isinstance(pictures, Pictures), pictures
    return pictures


def refused(source: bytes, terms: Terms = TERMS) -> str:
    refusal = compress(source, terms)
    assert isinstance(refusal, Refused), refusal
    return refusal.code


def opened(picture: Picture) -> Image.Image:
    image = Image.open(BytesIO(picture.content))
    assert (image.format, image.size) == ("WEBP", (picture.width, picture.height))
    return image


def colour_at(picture: Picture, x: float, y: float) -> Colour:
    """At these parts of width and height."""
    image = opened(picture)
    colour = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(colour, tuple)
    return colour


def is_near(one: Colour, other: Colour, tolerance: int = 12) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def chunks_of(webp: bytes) -> list[bytes]:
    found, at = [], 12
    while at < len(webp):
        size = int.from_bytes(webp[at + 4 : at + 8], "little")
        found.append(webp[at : at + 4])
        at += 8 + size + size % 2
    return found


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_kind_that_is_taken_becomes_two_pictures(kind: str) -> None:
    pictures = made(an_image(3000, 1500, kind))
    assert opened(pictures.large).size == (1600, 800)
    assert opened(pictures.small).size == (400, 200)
    for picture in (pictures.large, pictures.small):
        assert is_near(colour_at(picture, 0.2, 0.5), BLUE)
        assert is_near(colour_at(picture, 0.8, 0.5), RED)


def test_a_small_image_is_never_enlarged() -> None:
    pictures = made(an_image(100, 50))
    assert (pictures.large.width, pictures.large.height) == (100, 50)
    assert pictures.small == pictures.large


def test_of_a_middling_image_the_large_picture_has_its_own_size() -> None:
    pictures = made(an_image(600, 900))
    assert opened(pictures.large).size == (600, 900)
    assert opened(pictures.small).size == (267, 400)


def test_a_line_stays_a_line() -> None:
    assert opened(made(an_image(20_000, 1)).small).size == (400, 1)


def test_the_same_bytes_make_the_same_pictures() -> None:
    source = noise(300, 200, "JPEG")
    assert made(source) == made(source)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_that_was_turned_makes_an_upright_picture(orientation: int) -> None:
    """Whatever EXIF says of how the sensor lay, as its eight numbers mean it."""
    upright = Image.new("RGB", (40, 20), RED)
    upright.paste(BLUE, (0, 0, 20, 10))  # the corner at the top, on the left
    turned = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    sensor = upright if turned is None else upright.transpose(turned)
    large = made(encoded(sensor, "PNG", exif=exif)).large
    assert (large.width, large.height) == (40, 20)
    assert is_near(colour_at(large, 0.2, 0.2), BLUE, 60)  # WebP has less colour than light: edges of it bleed
    for x, y in ((0.8, 0.2), (0.2, 0.8), (0.8, 0.8)):
        assert is_near(colour_at(large, x, y), RED, 60)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_colours_is_passed_on(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"comment": b"a comment"} if kind == "JPEG" else {}
    source = an_image(64, 64, kind, exif=exif, icc_profile=profile, **({"xmp": XMP} if kind != "PNG" else {}), **more)
    assert b"at home" in source
    pictures = made(source)
    for picture in (pictures.large, pictures.small):
        assert chunks_of(picture.content) == [b"VP8 "]


def test_alpha_is_kept() -> None:
    image = halves(64, 64).convert("RGBA")
    image.paste((0, 0, 0, 0), (32, 0, 64, 64))
    for kind in ("PNG", "WEBP"):
        large = made(encoded(image, kind)).large
        assert colour_at(large, 0.2, 0.5)[3] == 255
        assert colour_at(large, 0.8, 0.5)[3] == 0
        assert set(chunks_of(large.content)) == {b"VP8X", b"ALPH", b"VP8 "}


def test_a_transparent_colour_of_a_palette_is_alpha() -> None:
    image = halves(64, 64).quantize(2)
    for kind in ("PNG", "GIF"):
        source = encoded(image, kind, transparency=image.getpixel((0, 0)))
        large = made(source).large
        assert colour_at(large, 0.2, 0.5)[3] == 0
        assert colour_at(large, 0.8, 0.5)[3] == 255


def test_of_an_animation_the_first_frame_is_taken() -> None:
    later = Image.new("RGB", (40, 20), (0, 255, 0))
    for kind in ("GIF", "WEBP", "PNG"):
        source = encoded(halves(40, 20), kind, save_all=True, append_images=[later, later])
        large = made(source).large
        assert is_near(colour_at(large, 0.2, 0.5), BLUE, 40)
        assert getattr(opened(large), "n_frames", 1) == 1


@pytest.mark.parametrize(
    ("mode", "level", "shown"),
    [("L", 128, 128), ("1", 1, 255), ("I;16", 128 * 256, 128), ("LA", (128, 255), 128)],
)
def test_grey_is_grey_whatever_its_bits(mode: str, level: int | tuple[int, int], shown: int) -> None:
    colour = colour_at(made(encoded(Image.new(mode, (16, 16), level))).large, 0.5, 0.5)
    assert is_near(colour[:3], (shown,) * 3, 4)


def test_the_colours_of_print_become_those_of_screens() -> None:
    source = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert is_near(colour_at(made(source).large, 0.5, 0.5), (254, 0, 0), 16)


def test_colours_of_another_space_are_converted_before_their_profile_is_thrown_away() -> None:
    source = encoded(Image.new("RGB", (16, 16), (128, 128, 128)), icc_profile=linear_profile())
    assert is_near(colour_at(made(source).large, 0.5, 0.5), (188, 188, 188), 3)
    clear = encoded(Image.new("RGBA", (16, 16), (128, 128, 128, 77)), icc_profile=linear_profile())
    assert is_near(colour_at(made(clear).large, 0.5, 0.5), (188, 188, 188, 77), 3)


def test_a_profile_that_is_none_or_of_another_kind_is_passed_over() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"no profile", lab):
        assert is_near(colour_at(made(an_image(64, 64, icc_profile=profile)).large, 0.2, 0.5), BLUE)


def test_of_the_two_images_in_a_telephones_file_the_first_is_taken() -> None:
    """MPO: a JPEG with another behind it, of the depth, or the other eye's."""
    source = encoded(halves(3000, 1500), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 64))])
    assert source.startswith(b"\xff\xd8\xff")
    large = made(source).large
    assert ((large.width, large.height), is_near(colour_at(large, 0.2, 0.5), BLUE)) == ((1600, 800), True)


def test_damaged_metadata_are_no_reason_to_refuse_an_image() -> None:
    worded = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04abc\0\0\0\0\0"  # an orientation that is no number
    for exif in (b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken", b"Exif\0\0" + worded):
        source = an_image(64, 64, "JPEG", exif=exif)
        assert is_near(colour_at(made(source).large, 0.2, 0.5), BLUE)


def test_a_bomb_of_pixels_is_refused_by_its_head() -> None:
    assert refused(pixel_bomb()) == "image_too_large"
    assert refused(pixel_bomb(65_535, 65_535)) == "image_too_large"


def test_one_pixel_more_than_are_taken_is_too_many() -> None:
    terms = Terms(pixels=800)
    assert isinstance(compress(an_image(40, 20), terms), Pictures)
    assert refused(an_image(40, 21), terms) == "image_too_large"
    assert refused(an_image(801, 1, "JPEG"), terms) == "image_too_large"


@pytest.mark.parametrize(("place", "size"), [(0, 30_000), (60_000, 10)], ids=["larger", "far away"])
def test_a_frame_beyond_its_screen_counts_as_it_is_drawn(place: int, size: int) -> None:
    assert refused(far_frame(place, size)) == "image_too_large"


def test_a_packed_bomb_is_not_unpacked() -> None:
    assert refused(text_bomb()) == "image_unreadable"
    assert refused(profile_bomb()) == "image_unreadable"
    assert (made(data_bomb()).large.width, len(data_bomb()) < 100_000) == (1, True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.95], ids=str)
def test_an_image_that_was_cut_is_refused(kind: str, part: float) -> None:
    source = noise(200, 200, kind)
    assert refused(source[: int(len(source) * part)]) == "image_truncated"


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_what_is_no_image_is_refused(name: str) -> None:
    """Here once more, should anything get past the first look."""
    assert refused(NOT_TAKEN[name]) == "image_unreadable"


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "PPM", "ICO", "TGA", "PCX"])
def test_a_whole_image_of_another_kind_is_read_by_no_decoder(kind: str) -> None:
    assert refused(an_image(64, 64, kind)) == "image_unreadable"


@pytest.mark.parametrize("source", [b"", b"GIF89a", b"\xff\xd8\xff", b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//"])
def test_a_beginning_is_no_image(source: bytes) -> None:
    assert refused(source) in {"image_unreadable", "image_truncated"}


def test_an_image_that_is_something_else_besides_passes_only_its_colours_on() -> None:
    script = b"<script>alert(1)</script>"
    polyglot = an_image(64, 64, "JPEG", comment=script) + script + zip_file()
    pictures = made(polyglot)
    for picture in (pictures.large, pictures.small):
        assert b"script" not in picture.content
        assert b"PK" not in picture.content[:12] + picture.content[-128:]


def test_an_image_under_another_kinds_first_bytes_is_read_as_what_it_says_it_is() -> None:
    jpeg = an_image(64, 64, "JPEG")
    assert refused(b"\x89PNG\r\n\x1a\n" + jpeg) in {"image_unreadable", "image_truncated"}
