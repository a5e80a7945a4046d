"""Who sends an HTTP request, and whether it may go on: origin, credentials and rate."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.types import Message

from ...config import Settings
from ...core.errors import AuthenticationRefused, LimitRefused
from ...core.identity import Identity
from ...core.quotas import Quotas, UserQuota
from ...ports import Clock
from ...services.audit_trail import AuditTrail
from ...services.authentication import Authentication, require_identity
from ...services.credentials import check_origin, read_credentials, use_of
from .anonymous_connections import GUEST, REST, SENT
from .anonymous_rate_limit import AnonymousRateLimit
from .client_address import ADDRESS, address_of, client_address

_OPEN: Final = "netra.open"
"""Where a request's scope has the id of the user whose open request it is."""


class Gate:
    """Every request passes it before its handler runs."""

    def __init__(
        self,
        *,
        settings: Settings,
        authentication: Authentication,
        quotas: Quotas,
        clock: Clock,
        audit_trail: AuditTrail,
        anonymous: AnonymousRateLimit,
    ) -> None:
        self._settings = settings
        self._authentication = authentication
        self._quotas = quotas
        self._clock = clock
        self._audit_trail = audit_trail
        self._anonymous = anonymous

    def note_address(self, request: Request) -> None:
        """Put down, for ``address_of``, where a request came from."""
        request.scope[ADDRESS] = client_address(request.scope, self._settings.trusted_proxies)

    def count_anonymous(self, request: Request) -> None:
        """Count a request of nobody known against its address. Raises ``LimitRefused``."""
        self._anonymous.take(address_of(request), self._clock.monotonic())

    async def admit(self, request: Request) -> Identity:
        """Whose request this is. One whose credentials do not hold counts as anonymous.

        Raises ``AuthenticationRefused`` and ``LimitRefused``.
        """
        try:
            return await self.identify(request)
        except AuthenticationRefused:
            self.count_anonymous(request)
            raise

    def judged(self, request: Request, identity: Identity) -> Request:
        """The request of this user, whose body is read only while the sign-in stands: each part of it is a use. Reading it raises
        ``AuthenticationRefused`` from the moment on at which the sign-in has expired or was revoked."""

        async def receive() -> Message:
            message = await request.receive()
            self._authentication.standing(identity)
            return message

        return Request(request.scope, receive)

    async def identify(self, request: Request) -> Identity:
        """Whose request this is, once origin, credentials and rate hold. Raises as ``admit`` does, and ``DependencyUnavailable``
        where nothing is done while the audit trail cannot be written."""
        self._audit_trail.require_writable()
        settings = self._settings
        check_origin(request.scope, settings.allowed_origins, settings.public_url)
        credentials = read_credentials(request.scope)
        identity = require_identity(await self._authentication.identify(credentials, use_of(request.scope)))
        now = self._clock.monotonic()
        quota = self._quotas.of_identity(identity, now)
        try:
            self._count_request(quota, request, now)
            request.scope[_OPEN] = identity.user_id
        finally:
            self._quotas.release(identity.user_id)
        guest = request.scope.get("extensions", {}).get(GUEST)
        if guest is not None:
            guest.signed_in()
        return identity

    @staticmethod
    def _count_request(quota: UserQuota, request: Request, now: float) -> None:
        try:
            quota.take_request(now)
            quota.add_request()
        except LimitRefused:
            request.scope[REST] = quota.rest_s(now)
            raise

    async def ended(self, scope: Any) -> None:
        """The request of this scope was served, or given up. It counts as open until its answer has left, too."""
        user_id = scope.pop(_OPEN, None)
        if user_id is None:
            return
        try:
            sent = scope.get("extensions", {}).get(SENT)
            if sent is not None:
                await sent()
        finally:
            self._quotas.of(user_id, self._clock.monotonic()).drop_request()
            self._quotas.release(user_id)
