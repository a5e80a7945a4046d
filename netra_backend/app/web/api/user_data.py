"""All that is kept of a user: taken along, or deleted for good."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import Identity
from ...server.runtime import Runtime
from ..http.endpoint import NDJSON, Endpoint
from ..http.ndjson import NdjsonResponse
from ..http.support import json_response
from ..http.transfers import Transfers
from .export import ThreadExport, UserExport, thread_export, user_export


class UserDeleted(msgspec.Struct, frozen=True):
    """What is gone. The ids of the threads are never given out again, and sign-ins made until now count no more."""

    deleted: str
    threads: int
    datasets: int
    audit_rows_pseudonymised: int


def user_data_endpoints(runtime: Runtime, transfers: Transfers) -> list[Endpoint]:
    """The doors of taking along and deleting."""

    async def export(_: Request, identity: Identity) -> Response:
        transfer = transfers.begin(identity.user_id)
        runtime.audit_trail.happened(identity.user_id, "user_exported")
        return NdjsonResponse(user_export(runtime, identity, transfer), transfer.close, file_name="netra-export.ndjson")

    async def export_thread(request: Request, identity: Identity) -> Response:
        head = await runtime.conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        transfer = transfers.begin(identity.user_id)
        return NdjsonResponse(thread_export(runtime, head, transfer), transfer.close, file_name="netra-thread.ndjson")

    async def delete(_: Request, identity: Identity) -> Response:
        return json_response(await delete_user(runtime, transfers, identity.user_id))

    return [
        Endpoint(
            method="GET",
            path="/api/me/export",
            name="exportMe",
            about="Everything that is kept of you, a line each: threads with their events, datasets' accounts, audit rows.",
            handler=export,
            media=NDJSON,
            lines=(UserExport,),
            refusals=("transfer_limit",),
        ),
        Endpoint(
            method="GET",
            path="/api/threads/{thread_id}/export",
            name="exportThread",
            about="A thread with all its events, a line each.",
            handler=export_thread,
            media=NDJSON,
            lines=(ThreadExport,),
            refusals=("not_found", "transfer_limit"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/me",
            name="deleteMe",
            about="Delete everything of you for good: runs, threads, datasets, caches. Audit rows keep no name.",
            handler=delete,
            answer=UserDeleted,
        ),
    ]


async def delete_user(runtime: Runtime, transfers: Transfers, user_id: str) -> UserDeleted:
    """Delete everything of a user.

    The sign-ins end first, so that nothing of this user can begin; then what goes on is waited for; then it is deleted. So
    nothing is written after it was deleted.
    """
    runtime.audit_trail.happened(user_id, "user_deleted")
    await runtime.revocations.revoke(user_id, runtime.clock.now_ms())
    transfers.end_user(user_id)
    await transfers.ended(user_id)
    threads = await runtime.turns.delete_user(user_id, "user")
    datasets = await runtime.ledger.datasets(user_id)
    await runtime.ledger.delete_owner(user_id)
    rows = await runtime.audit.pseudonymise(user_id)
    return UserDeleted(user_id, len(threads), len(datasets), rows)
