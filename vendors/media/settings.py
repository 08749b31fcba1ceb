"""What the making of pictures may take: of processes, of time, of memory."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one image. It goes to the child process with each, so it is plain data."""

    pixels: int = 40_000_000  # width × height that are decoded at all: 160 MB; cameras stay below
    large: int = 1600  # longest side in pixels
    small: int = 400
    quality: int = 80  # of WebP
    cpu_seconds: int = 30


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """
    `processes` of each worker, each making one picture at a time. `at_once` counts over the whole fleet.

    A child has `memory_bytes` of addresses: a WebP of 40 million pixels, the thirstiest there is, takes 740 MB of them.
    """

    processes: int = 1
    at_once: int | None = None
    terms: Terms = field(default_factory=Terms)
    memory_bytes: int = 3 * 512 * 1024**2
    seconds: float = 45.0  # of one image on the clock; then its process is killed
    patience_seconds: float = 20.0  # in line before a process is free; then the job goes back into the queue
    images_of_one: int = 50  # then a child is replaced: what leaks in a decoder does not grow for ever
