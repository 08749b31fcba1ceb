"""Rewrites the pinned OpenAPI document: `python -m tests.api.openapi`."""

from pathlib import Path

import msgspec

from api.openapi import build_document

PINNED = Path(__file__).with_name("openapi.json")


def main() -> None:
    PINNED.write_bytes(msgspec.json.format(msgspec.json.encode(build_document()), indent=2) + b"\n")


if __name__ == "__main__":
    main()
