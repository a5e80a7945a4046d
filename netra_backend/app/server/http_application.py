"""HTTP of one server: makes its endpoints from the runtime's parts, with the work that goes on beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..agents.supervisor_agent import NAME as SUPERVISOR
from ..web.api.admin import admin_endpoints
from ..web.api.budgets import budget_endpoints
from ..web.api.catalogue import catalogue_endpoints
from ..web.api.datasets import dataset_endpoints
from ..web.api.documents import document_endpoints
from ..web.api.files import file_endpoints
from ..web.api.identity import identity_endpoints
from ..web.api.keys import key_endpoints
from ..web.api.mcp_authorization import mcp_authorization_endpoints
from ..web.api.mcp_servers import mcp_server_endpoints
from ..web.api.operations import ReadinessProbe, operation_endpoints
from ..web.api.questions import question_endpoints
from ..web.api.runs import run_endpoints
from ..web.api.secrets import secret_endpoints
from ..web.api.threads import thread_endpoints
from ..web.api.usage import usage_endpoints
from ..web.api.user_data import user_data_endpoints
from ..web.documents.metrics import metrics_text
from ..web.doors.ai_sdk import ai_sdk_endpoints
from ..web.doors.device import Devices
from ..web.doors.entry import Entry
from ..web.doors.openai import openai_endpoints
from ..web.http.access_log import AccessLog
from ..web.http.endpoint import Endpoint
from ..web.http.gate import Gate
from ..web.http.problems import ProblemReporter
from ..web.http.router import RequestCounts, Router
from ..web.http.transfers import Transfers
from .counts import Counts
from .housekeeping import Housekeeping, remove_leftovers
from .open_files import OpenFilesWatch
from .rates import Rates
from .runtime import Runtime


class HttpApplication:
    """``serve`` is the ASGI application over ``endpoints``; ``requests`` counts its answers. Call ``tick`` every second, and
    ``close`` at the end."""

    def __init__(self, runtime: Runtime) -> None:
        remove_leftovers(runtime.scratch)
        limits = runtime.settings.limits
        self.requests: RequestCounts = {}
        self.transfers = Transfers(runtime.quotas, limits, runtime.clock, runtime.authentication.standing)
        runtime.revocations.listen(self.transfers.end_sign_ins)
        self._open_files = OpenFilesWatch()
        self.counts = counts_of(runtime, {"open_files": self._open_files.counts})
        self._rates = Rates(self.counts.totals)
        self._housekeeping = Housekeeping(
            clock=runtime.clock,
            log=runtime.log,
            ledger=runtime.ledger,
            retention_days=runtime.settings.retention_days,
            audit=runtime.audit,
            files=runtime.files,
            budgets=runtime.budgets,
            secrets=runtime.secrets,
            mcp_servers=runtime.mcp_servers,
            audit_retention_days=runtime.settings.audit_retention_days,
        )
        gate = Gate(
            settings=runtime.settings,
            authentication=runtime.authentication,
            quotas=runtime.quotas,
            clock=runtime.clock,
            audit_trail=runtime.audit_trail,
            anonymous=runtime.anonymous,
        )
        problems = ProblemReporter(runtime.audit_trail, runtime.mint, runtime.settings.public_url)
        self.endpoints = self._endpoints(runtime, gate, problems)
        router = Router(self.endpoints, settings=runtime.settings, gate=gate, problems=problems, requests=self.requests)
        self.serve = AccessLog(router, runtime.clock, runtime.mint, runtime.settings.trusted_proxies)

    def tick(self, now: float) -> None:
        """A second has passed."""
        self.transfers.tick()
        self._open_files.tick()
        self._rates.tick(now)
        self._housekeeping.tick(now)

    async def close(self) -> None:
        """End what goes on by itself."""
        await self._housekeeping.close()

    def _endpoints(self, runtime: Runtime, gate: Gate, problems: ProblemReporter) -> list[Endpoint]:
        limits = runtime.settings.limits
        log, ledger, audit, clock = runtime.log, runtime.ledger, runtime.audit, runtime.clock
        runs, conversations, audit_trail = runtime.runs, runtime.conversations, runtime.audit_trail
        counts, transfers = self.counts, self.transfers
        probe = ReadinessProbe(
            log=log,
            ledger=ledger,
            audit=audit,
            audit_trail=audit_trail,
            clock=clock,
            is_draining=lambda: runtime.connections.is_draining,
            optional_dependencies=runtime.optional_dependencies,
            lasts_s=limits.readiness_ms / 1000,
            within_s=limits.probe_s,
        )
        devices = Devices(runtime.managers, runtime.connections, runtime.mint, runs.start)
        entry = Entry(conversations, transfers, runtime.quotas, limits, clock)
        return [
            *operation_endpoints(
                settings=runtime.settings,
                gate=gate,
                probe=probe,
                metrics_text=partial(self._metrics_text, audit_trail.refusals),
            ),
            *document_endpoints(runtime.settings, lambda: self.endpoints),
            *identity_endpoints(
                limits=limits,
                plans=runtime.settings.plans,
                audit=audit,
                audit_trail=audit_trail,
                tickets=runtime.tickets,
            ),
            *user_data_endpoints(
                log=log,
                files=runtime.files,
                budgets=runtime.budgets,
                secrets=runtime.secrets,
                mcp_servers=runtime.mcp_servers,
                api_keys=runtime.api_keys,
                ledger=ledger,
                audit=audit,
                audit_trail=audit_trail,
                conversations=conversations,
                revocations=runtime.revocations,
                tickets=runtime.tickets,
                runs=runs,
                transfers=transfers,
                clock=clock,
            ),
            *key_endpoints(
                api_keys=runtime.api_keys,
                registry=runtime.registry,
                plans=runtime.settings.plans,
                audit_trail=audit_trail,
                limits=limits,
            ),
            *file_endpoints(files=runtime.files, transfers=transfers, limits=limits),
            *secret_endpoints(secrets=runtime.secrets, audit_trail=audit_trail, limits=limits),
            *mcp_server_endpoints(servers=runtime.mcp_servers, audit_trail=audit_trail, limits=limits),
            *mcp_authorization_endpoints(
                authorizations=runtime.mcp_authorizations,
                audit_trail=audit_trail,
                problems=problems,
                public_url=runtime.settings.public_url,
            ),
            *thread_endpoints(
                log=log,
                conversations=conversations,
                runs=runs,
                audit_trail=audit_trail,
                limits=limits,
            ),
            *run_endpoints(log, conversations, runtime.render_html),
            *catalogue_endpoints(runtime.registry, runtime.dispatchers, runtime.settings.plans, limits),
            *openai_endpoints(
                devices=devices,
                registry=runtime.registry,
                plans=runtime.settings.plans,
                entry=entry,
                started_ms=clock.now_ms(),
                relays=SUPERVISOR.__eq__,
            ),
            *ai_sdk_endpoints(devices, entry, log, runs),
            *question_endpoints(runs, limits),
            *budget_endpoints(runtime.budgets, runtime.settings.plans, clock),
            *dataset_endpoints(
                ledger=ledger,
                transfers=transfers,
                problems=problems,
                scratch=runtime.scratch,
                limits=limits,
            ),
            *usage_endpoints(ledger, transfers),
            *admin_endpoints(
                connections=runtime.connections,
                runs=runs,
                limits=limits,
                audit_trail=audit_trail,
                revocations=runtime.revocations,
                clock=clock,
                totals=counts.totals,
                gauges=counts.gauges,
                rates=self._rates.per_second,
            ),
        ]

    def _metrics_text(self, refusals: Mapping[str, int]) -> bytes:
        counts = self.counts
        return metrics_text(totals=counts.totals(), gauges=counts.gauges(), refusals=refusals, requests=self.requests)


def counts_of(runtime: Runtime, more: Mapping[str, Callable[[], Mapping[str, int]]]) -> Counts:
    """What the parts of this runtime count, and ``more`` parts by their names."""
    return Counts(
        log=runtime.log,
        ledger=runtime.ledger,
        audit=runtime.audit,
        audit_trail=runtime.audit_trail,
        runs=runtime.runs,
        pool=runtime.pool,
        bridge=runtime.bridge,
        engines=runtime.engines,
        dispatchers=runtime.dispatchers,
        managers=runtime.managers,
        connections=runtime.connections,
        counters={**runtime.counters, **more},
        optional_dependencies=runtime.optional_dependencies,
    )
