"""All that is kept of a user: exported, or deleted for good."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ...core.identity import Identity
from ...ports import Audit, Clock, EventLog, Ledger
from ...runs.service import RunService
from ...services.api_keys import ApiKeys
from ...services.audit_trail import AuditTrail
from ...services.conversations import Conversations
from ...services.files import Files
from ...services.mcp_servers import McpServers
from ...services.revocations import Revocations
from ...services.run_budgets import RunBudgets
from ...services.secrets import Secrets
from ...services.tickets import TicketOffice
from ..http.client_address import address_of
from ..http.endpoint import NDJSON, Endpoint, json_response
from ..http.ndjson import NdjsonResponse
from ..http.transfers import Transfers
from .export import Exporter, ThreadExport, UserExport


class UserDeleted(msgspec.Struct, frozen=True):
    """What is gone. The ids of the threads are never given out again, and sign-ins made until now count no more."""

    deleted: str
    threads: int
    datasets: int
    audit_rows_pseudonymised: int


def user_data_endpoints(
    *,
    log: EventLog,
    files: Files,
    secrets: Secrets,
    mcp_servers: McpServers,
    api_keys: ApiKeys,
    budgets: RunBudgets,
    ledger: Ledger,
    audit: Audit,
    audit_trail: AuditTrail,
    conversations: Conversations,
    revocations: Revocations,
    tickets: TicketOffice,
    runs: RunService,
    transfers: Transfers,
    clock: Clock,
) -> list[Endpoint]:
    """The endpoints of exporting and deleting."""
    exporter = Exporter(log, files, secrets, mcp_servers, api_keys, budgets, ledger, audit, clock)

    async def export(request: Request, identity: Identity) -> Response:
        transfer = transfers.begin(identity)
        audit_trail.happened(identity.user_id, "user_exported", address=address_of(request))
        return NdjsonResponse(exporter.user(identity, transfer), transfer.close, file_name="netra-export.ndjson")

    async def export_thread(request: Request, identity: Identity) -> Response:
        head = await conversations.owned_thread(identity.user_id, request.path_params["thread_id"])
        transfer = transfers.begin(identity)
        return NdjsonResponse(exporter.thread(head, transfer), transfer.close, file_name="netra-thread.ndjson")

    async def delete(request: Request, identity: Identity) -> Response:
        # The sign-ins end first, so that nothing of this user can begin; then what goes on is waited for; then it is deleted.
        # So nothing is written after it was deleted.
        user_id = identity.user_id
        audit_trail.happened(user_id, "user_deleted", address=address_of(request))
        await revocations.revoke(user_id, clock.now_ms())
        transfers.end_user(user_id)
        await transfers.ended(user_id)
        threads = await runs.commands.delete_user(user_id, "user")
        datasets = await ledger.datasets(user_id)
        await ledger.delete_owner(user_id)
        await tickets.remove(user_id)
        rows = await audit.pseudonymise(user_id)
        return json_response(UserDeleted(user_id, len(threads), len(datasets), rows))

    return [
        Endpoint(
            method="GET",
            path="/api/me/export",
            name="exportMe",
            about="All your data, one line per item: threads with their events, blobs and values, values of yours, "
            "files, names of secrets, MCP servers, API keys, descriptions of datasets, what model requests cost, audit rows.",
            handler=export,
            media=NDJSON,
            lines=(UserExport,),
            refusals=("transfer_limit",),
        ),
        Endpoint(
            method="GET",
            path="/api/threads/{thread_id}/export",
            name="exportThread",
            about="A thread with all its events, blobs and values, one line each.",
            handler=export_thread,
            media=NDJSON,
            lines=(ThreadExport,),
            refusals=("not_found", "transfer_limit"),
        ),
        Endpoint(
            method="DELETE",
            path="/api/me",
            name="deleteMe",
            about="Delete all your data for good: runs, threads, datasets, caches. Audit rows stay, without your name.",
            handler=delete,
            manages=True,
            answer=UserDeleted,
        ),
    ]
