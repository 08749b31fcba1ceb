"""The vendor that makes pictures of images, as the settings want it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from cli.media_stores import media_files
from cli.settings import Settings
from domain.commerce.images import KEPT, ORIGINAL
from domain.commerce.ports import FileStore
from domain.errors import Unavailable
from domain.infra.background import in_background
from domain.infra.commerce.products import MongoProducts
from domain.infra.mongo import Database
from vendors.http import Clock
from vendors.media.adapter import InChildren, Media
from vendors.media.pool import open_children
from vendors.media.settings import MediaSettings

TIDY_SECONDS = 3600.0

log = structlog.get_logger()


@asynccontextmanager
async def open_media(settings: Settings, database: Database, clock: Clock) -> AsyncIterator[Media]:
    """No process is started before the first image; those that were end with the worker."""
    files, chosen = media_files(settings), media_settings(settings)
    async with open_children(chosen) as children, in_background(_tidy(files, clock)):
        yield Media(MongoProducts(database), files, InChildren(children, chosen), chosen, clock=clock)


def media_settings(settings: Settings) -> MediaSettings:
    """Over the fleet as many at once as its workers have processes: few wait for one with their lease in hand."""
    return MediaSettings(
        processes=settings.media_processes, at_once=settings.media_processes * max(settings.workers, 1)
    )


async def _tidy(files: FileStore, clock: Clock) -> None:
    """Uploads of which no picture was made, and which nobody asked for again."""
    while True:
        try:
            removed = await files.remove_older(ORIGINAL, clock() - KEPT)
            if removed:
                log.info("removed old uploads", files=removed)
        except Unavailable:
            log.warning("old uploads could not be removed; later")
        await asyncio.sleep(TIDY_SECONDS)
