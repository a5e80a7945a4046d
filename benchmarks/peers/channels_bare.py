"""Django Channels on uvicorn: a bare consumer that sends six frames. No identity, no log."""

from __future__ import annotations

import json
import sys

import django
import uvicorn
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import re_path
from golden_events import EVENTS


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        json.loads(text_data or "")
        for event in EVENTS:
            await self.send(text_data=json.dumps(event))


if __name__ == "__main__":
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="benchmark")
    django.setup()
    uvicorn.run(
        ProtocolTypeRouter({"websocket": URLRouter([re_path(r"^ws$", Consumer.as_asgi())])}),
        port=int(sys.argv[1]),
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="warning",
        backlog=4096,
    )
