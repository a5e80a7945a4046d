"""``/api/usage/report``: a user's cost report."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ...agents.tools.usage_tools import MAX_NAME, Name
from ...core.identity import Identity
from ...ports import Ledger
from ...usage.report import Report, make_report
from ...usage.report_markdown import report_markdown
from ..http.endpoint import MARKDOWN, NO_STORE, Endpoint, Query, json_response
from ..http.request_query import moment, name
from ..http.transfers import Transfers

_FILTERS: Final = {
    "dataset_id": "Only this dataset.",
    "provider": "Only this provider.",
    "model": "Only this model, as the data names it.",
    "team": "Only this team.",
    "feature": "Only this feature.",
    "end_user": "Only this user of yours, as the data names them.",
    "operation": "Only this operation, such as chat.",
}


def usage_endpoints(ledger: Ledger, transfers: Transfers) -> list[Endpoint]:
    """The endpoints of what usage comes to."""

    async def report(request: Request, identity: Identity) -> Response:
        scope = _scope(request)
        transfer = transfers.begin(identity)
        try:
            made = await transfer.perform(make_report(partial(ledger.ask, identity.user_id), scope))
        finally:
            transfer.close()
        if MARKDOWN in request.headers.get("accept", ""):
            return Response(report_markdown(made), 200, NO_STORE, f"{MARKDOWN}; charset=utf-8")
        return json_response(made)

    return [
        Endpoint(
            method="GET",
            path="/api/usage/report",
            name="readReport",
            about="Your cost report: bill, savings, anomalies, forecast. With Accept: text/markdown it comes as Markdown.",
            handler=report,
            query=(
                Query("from", str, "Rows from this date or time on (ISO 8601, UTC if it names no offset)."),
                Query("to", str, "Rows before this date or time."),
                *(Query(field, Name, about) for field, about in _FILTERS.items()),
            ),
            answer=Report,
            media=MARKDOWN,
            refusals=("invalid_frame", "tool_fault", "transfer_limit"),
        )
    ]


def _scope(request: Request) -> dict[str, Any]:
    """What the query narrows the report to, as ``usage.scope`` takes it. Raises ``FrameRefused``."""
    times = {field: moment(request, field) for field in ("from", "to")}
    period = {field: time.isoformat() for field, time in times.items() if time is not None}
    filters = {field: given for field in _FILTERS if (given := name(request, field, MAX_NAME)) is not None}
    return {"period": period, **filters} if period else dict(filters)
