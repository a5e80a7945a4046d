"""Who sends an HTTP request, and whether it may go on: origin, credentials and rate."""

from __future__ import annotations

from starlette.requests import Request

from ...config import Settings
from ...core.errors import AuthenticationRefused
from ...core.identity import Identity
from ...core.limits import Quotas
from ...ports import Clock
from ...services.authentication import Authentication, require_identity
from ...services.credentials import check_origin, read_credentials
from .anonymous_connections import GUEST
from .anonymous_rate_limit import AnonymousRateLimit
from .client_address import client_address


class Gate:
    """Every request passes it before its handler runs."""

    def __init__(
        self,
        *,
        settings: Settings,
        authentication: Authentication,
        quotas: Quotas,
        clock: Clock,
        anonymous: AnonymousRateLimit,
    ) -> None:
        self._settings = settings
        self._authentication = authentication
        self._quotas = quotas
        self._clock = clock
        self._anonymous = anonymous

    def count_anonymous(self, request: Request) -> None:
        """Count a request of nobody known against its address. Raises ``LimitRefused``."""
        address = client_address(request.scope, self._settings.trusted_proxies)
        self._anonymous.take(address, self._clock.monotonic())

    async def admit(self, request: Request) -> Identity:
        """Whose request this is. One whose credentials do not hold counts as anonymous.

        Raises ``AuthenticationRefused`` and ``LimitRefused``.
        """
        try:
            return await self.identify(request)
        except AuthenticationRefused:
            self.count_anonymous(request)
            raise

    async def identify(self, request: Request) -> Identity:
        """Whose request this is, once origin, credentials and rate hold. Raises as ``admit`` does."""
        settings = self._settings
        check_origin(request.scope, settings.allowed_origins, settings.public_url)
        identity = require_identity(await self._authentication.identify(read_credentials(request.scope)))
        now = self._clock.monotonic()
        quota = self._quotas.of(identity.user_id, now)
        try:
            quota.take_request(now)
        finally:
            self._quotas.release(identity.user_id)
        guest = request.scope.get("extensions", {}).get(GUEST)
        if guest is not None:
            guest.signed_in()
        return identity
