"""The base of tests against a real server over a real socket."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from .base_integration_test import BaseTestCase
from .users import TestUser
from .websocket_client import PATIENCE_SECONDS, WebSocketTestClient, websocket_client


class BaseE2ETest(BaseTestCase):
    """``services`` is what the fixture ``real_services`` gives: a running server and what makes its users."""

    services: dict[str, Any]

    @pytest.fixture(autouse=True)
    def _server(self, real_services: dict[str, Any]) -> None:
        self.services = real_services

    async def create_test_user(self, email: str, *, scopes: Iterable[str] = ()) -> TestUser:
        """A new user: ``id`` is minted and never the email, ``token`` is accepted by the server."""
        user: TestUser = self.services["users"].make(email, scopes=scopes)
        return user

    def websocket_client(
        self, url: str, token: str | None, *, patience: float = PATIENCE_SECONDS
    ) -> AbstractAsyncContextManager[WebSocketTestClient]:
        """Connect; see ``websocket_client.websocket_client``."""
        return websocket_client(url, token, patience=patience)

    def connect(
        self, user: TestUser, *, patience: float = PATIENCE_SECONDS
    ) -> AbstractAsyncContextManager[WebSocketTestClient]:
        """Connect a user to the server under test, at the user's own path."""
        return websocket_client(f"{self.services['websocket_url']}/ws/{user.id}", user.token, patience=patience)
