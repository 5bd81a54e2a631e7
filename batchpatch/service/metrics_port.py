"""A port of this machine where the metrics of a run can be scraped while it works."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from batchpatch.service.http_answers import Guard, answer_scrape
from batchpatch.service.server import listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from batchpatch.service.metrics import Exposition


@asynccontextmanager
async def metrics_served(exposition: Exposition, *, port: int) -> AsyncIterator[str]:
    """Serve them on loopback; gives the URL. Raises SettingsError where the port is taken."""
    guard = Guard(None)

    async def scrape(request: web.Request) -> web.Response:
        guard.admit(request)
        return answer_scrape(exposition, request)

    app = web.Application(middlewares=[guard.answer_in_json])
    app.router.add_get("/metrics", scrape)
    async with listening(app, host="127.0.0.1", port=port) as url:
        yield f"{url}/metrics"
