"""The composition root: the one place that knows which adapter does which job."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .adapters.audit.place import audit_place
from .adapters.auth.development_key import development_key
from .adapters.auth.static_keys import StaticKeys
from .adapters.ledger.ledger import DuckDBLedger
from .adapters.mcp.client import SdkClient
from .adapters.process.clock import SystemClock, SystemEntropy
from .adapters.process.data_directory import lock_data_directory, make_data_directory
from .adapters.process.file_scan import scan_by
from .adapters.process.html_renderer import HtmlRenderer
from .agents.cost_optimizer import CostOptimizer
from .agents.supervisor.agent_registry import AgentRegistry, MakeAgent
from .agents.supervisor.execution_engine_factory import ExecutionEngineFactory
from .agents.supervisor.run_services import RunServices
from .agents.supervisor_agent import Supervisor
from .agents.tools.definition import MCP_TOOLS, Tool
from .agents.tools.threads import THREADS
from .agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from .agents.tools.usage_tools import usage_tools
from .agents.triage.classifier import prepare
from .agents.triage_agent import TriageAgent
from .cluster.broadcasting_revocations import BroadcastingRevocationStore
from .cluster.peer_client import PeerClient
from .config import Settings, TokenSource
from .core import validation
from .core.audit_allowance import Allowance
from .core.errors import ConfigurationError
from .core.former_names import former_names
from .core.ids import mint
from .core.quotas import Quotas
from .drill.isolation_drill import DrillReport
from .ports import Clock, Entropy, EventLog, Ledger, Model
from .runs.parts import RunParts
from .runs.service import RunService
from .server.application import Application
from .server.loop_watchdog import LoopWatchdog
from .server.runtime import Runtime
from .services.api_keys import ApiKeys
from .services.audit_trail import AuditTrail
from .services.authentication import Authentication, TrustedSource
from .services.conversations import Conversations
from .services.files import Files
from .services.own_usage import OwnUsageLedger
from .services.plan_names import check_default_agent, check_plan_names
from .services.questions import OpenQuestions
from .services.revocations import Revocations
from .services.run_budgets import RunBudgets
from .services.synthetic_sign_ins import SyntheticSignIns
from .services.tickets import TicketOffice
from .services.websocket_bridge_factory import WebSocketBridgeFactory
from .sign_in_ports import KeySet
from .stores import mcp_authorizations_of, mcp_servers_of, open_embedded, open_shared, secrets_of
from .usage.request_price import request_price
from .usage_stores import datasets_of
from .web.http.anonymous_rate_limit import AnonymousRateLimit, site_of
from .web.sockets.connection_handler import ConnectionHandler
from .websocket_core.catch_up import CatchUp
from .websocket_core.websocket_connection_pool import WebSocketConnectionPool
from .websocket_core.websocket_manager_factory import WebSocketManagerFactory

_LOG: Final = logging.getLogger("netra.wiring")
_ID_ENTROPY: Final = 10

AGENTS: Final[tuple[MakeAgent, ...]] = (Supervisor, TriageAgent, CostOptimizer)


class NetraApplication(Application):
    """A whole server as an ASGI application with a lifespan. It knows what it is made of, so that more can be added to it
    before it is served."""

    def __init__(
        self,
        settings: Settings,
        agents: tuple[MakeAgent, ...] = (),
        tools: tuple[Tool[Any], ...] = (),
        *,
        importers: tuple[str, ...] = (),
        slot: int | None = None,
    ) -> None:
        super().__init__(
            lambda application: open_runtime(
                settings, agents, tools, importers=importers, slot=slot, application=application
            )
        )
        self.settings = settings
        self.agents = agents
        self.tools = tools
        self.importers = importers


def create_app(
    settings: Settings | None = None, *, agents: Iterable[MakeAgent] = (), tools: Iterable[Tool[Any]] = ()
) -> NetraApplication:
    """A server as an ASGI application with a lifespan; ``agents`` and ``tools`` are added to Netra's own.

    ``settings``: by default those of the environment. Raises ``ConfigurationError`` if they do not hold.
    """
    return NetraApplication(Settings.load(os.environ) if settings is None else settings, tuple(agents), tuple(tools))


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    agents: tuple[MakeAgent, ...] = (),
    tools: tuple[Tool[Any], ...] = (),
    *,
    importers: tuple[str, ...] = (),
    slot: int | None = None,
    application: Application | None = None,
) -> AsyncIterator[Runtime]:
    """Open every part in order, and close them in reverse.

    ``agents`` and ``tools`` are added to Netra's own, and ``importers`` (``module:name`` of formats) to those of usage files.
    ``slot`` is the number of this process among several that share the data directory; their parent holds it then. Drills
    go through ``application``; without one there are none.
    Raises ``ConfigurationError`` where the data directory cannot be had.
    """
    if faults := settings.contradictions():  # they may have been made by hand
        raise ConfigurationError(faults, point=validation.WIRING_ADAPTERS)
    loop = asyncio.get_running_loop()
    clock, entropy, limits = SystemClock(), SystemEntropy(), settings.limits
    new_id = _minter(clock, entropy)
    async with AsyncExitStack() as stack:
        data_dir = scratch = make_data_directory(settings.data_dir)
        announce: Callable[[str], None] = _LOG.debug
        if slot is None:
            lock = lock_data_directory(data_dir)
            stack.callback(lock.release)
            announce = lock.announce
        else:
            scratch = make_data_directory(data_dir / f"process-{slot}")

        pool = WebSocketConnectionPool()
        pool.configure(loop.call_soon)
        stack.push_async_callback(pool.cleanup)
        place = audit_place(settings, entropy)
        if settings.database_url is None:
            stores = await open_embedded(data_dir, place, clock, limits, pool, _stop_on_failure, stack)
        else:
            urls, me = (settings.database_url, settings.redis_url), new_id("prc")
            stores = await open_shared(*urls, me, place, clock, entropy, limits, pool, _stop_on_failure, stack)
        log, audit, cluster = stores.log, stores.audit, stores.others
        peers = None if cluster is None else PeerClient(cluster.fleet, cluster.follower.hold_delivery)
        ledger: Ledger = DuckDBLedger(
            data_dir / "usage",
            clock,
            entropy,
            limits,
            datasets=datasets_of(settings, clock, entropy),
            allow_raw_sql=settings.allow_raw_sql,
            importers=importers,
        )
        stack.push_async_callback(ledger.close)
        await ledger.start()
        if settings.model is not None:
            ledger = OwnUsageLedger(ledger, stores.spending, clock, scratch, new_id, limits)

        revocations = Revocations(
            stores.revocations if peers is None else BroadcastingRevocationStore(stores.revocations, peers),
            max_lifetime_s=settings.jwt_max_lifetime_s,
            tokens=limits.revoked_tokens,
        )
        await revocations.load()
        api_keys = ApiKeys(stores.api_keys, revocations, clock, entropy, limits)
        tickets = TicketOffice(stores.tickets, clock, entropy, lifetime_s=limits.ticket_s)
        sources = [TrustedSource(source, _keys(source, settings, clock, entropy)) for source in settings.token_sources]
        for source in sources:
            stack.push_async_callback(source.keys.close)
        synthetic = SyntheticSignIns(clock, entropy)
        authentication = Authentication(
            (*sources, TrustedSource(synthetic.source, synthetic)),
            revocations,
            tickets,
            api_keys,
            clock,
            max_lifetime_s=settings.jwt_max_lifetime_s,
            token_characters=limits.token_characters,
            plans=settings.plans,
            plan_claim=settings.plan_claim,
        )

        quotas = Quotas(limits, settings.plans)
        conversations = Conversations(log, clock, entropy, new_id, quotas)
        registry = AgentRegistry(settings.default_agent)
        registry.configure(*AGENTS, *agents)
        dispatchers = UnifiedToolDispatcherFactory()
        dispatchers.configure((*usage_tools(ledger), *tools), tool_s=limits.tool_s)
        check_default_agent(settings.default_agent, registry.names())
        check_plan_names(settings.plans, registry.names(), (*dispatchers.names(), MCP_TOOLS))
        THREADS.most = limits.process_tool_threads
        bridge = WebSocketBridgeFactory()
        bridge.configure(pool, registry, None, event_log=log, clock=clock, limits=limits)
        stack.push_async_callback(bridge.cleanup)
        engines = ExecutionEngineFactory(bridge)
        engines.configure(dispatchers)
        stack.push_async_callback(engines.cleanup)
        managers = WebSocketManagerFactory()
        managers.configure(limits, clock, drills_allowed=settings.allow_drills)
        refuses = settings.audit_on_failure == "refuse"
        audit_trail = AuditTrail(audit, clock, refuses=refuses, site_of=site_of, allowance=Allowance(limits))
        stack.callback(audit_trail.close)
        questions = OpenQuestions(limits)
        approval_ms, tokens = round(limits.approval_s * 1000), limits.model_tokens
        secrets = secrets_of(settings, stores.secrets)
        mcp_servers = mcp_servers_of(settings, stores.mcp_servers, new_id)
        mcp_client = SdkClient(settings.egress_networks, limits)
        stack.push_async_callback(mcp_client.close)
        mcp_authorizations = mcp_authorizations_of(settings, stores.mcp_servers, mcp_client, clock, entropy)
        stack.push_async_callback(mcp_authorizations.close)
        files = Files(stores.files, limits, clock, new_id, scan_by(settings.file_scan_command))
        budgets = RunBudgets(stores.spending, clock, request_price)
        stack.push_async_callback(budgets.drained)
        services = RunServices(
            clock,
            questions,
            new_id,
            _model(settings, stack),
            audit_trail,
            registry,
            approval_ms,
            tokens,
            files,
            limits=limits,
            secrets=secrets,
            mcp_servers=mcp_servers,
            mcp_authorizations=mcp_authorizations,
            mcp_client=mcp_client,
            budgets=budgets,
        )
        runs = RunService(
            RunParts(
                log=log,
                conversations=conversations,
                engines=engines,
                registry=registry,
                services=services,
                quotas=quotas,
                limits=limits,
                loop=loop,
                revoked_ms=revocations.all_revoked_ms,
                freeze_s=float("inf") if cluster is None else cluster.freeze_s,
                plans=settings.plans,
            ),
            peers=peers,
        )
        watchdog = LoopWatchdog(limits.loop_blocked_s, runs.scheduler.on_stack, runs.frozen.note)
        hold_drill = None if application is None else partial(_drill, application, synthetic.token, log, ledger, new_id)
        connections = ConnectionHandler(
            authentication=authentication,
            runs=runs,
            catch_up=CatchUp(log, conversations, None if cluster is None else cluster.follower, limits=limits),
            pool=pool,
            quotas=quotas,
            limits=limits,
            clock=clock,
            audit_trail=audit_trail,
            mint=new_id,
            loop=loop,
            hold_drill=hold_drill,
        )
        on_tick: Callable[[float], None] | None = None
        if cluster is not None and peers is not None:
            from .cluster.joining import join

            others = (cluster.fleet, cluster.presence, cluster.on_renewal)
            on_tick = join(*others, peers, runs, log, revocations, quotas, limits.peer_s, stack)
        bus = None if cluster is None else cluster.bus
        renderer = HtmlRenderer(limits.html_s)
        stack.push_async_callback(renderer.close)
        runtime = Runtime(
            settings=settings,
            clock=clock,
            mint=new_id,
            log=log,
            ledger=ledger,
            audit=audit,
            audit_trail=audit_trail,
            authentication=authentication,
            revocations=revocations,
            tickets=tickets,
            api_keys=api_keys,
            sign_in_synthetic=synthetic.token,
            quotas=quotas,
            anonymous=AnonymousRateLimit(limits),
            conversations=conversations,
            files=files,
            secrets=secrets,
            mcp_servers=mcp_servers,
            mcp_authorizations=mcp_authorizations,
            pool=pool,
            registry=registry,
            dispatchers=dispatchers,
            bridge=bridge,
            engines=engines,
            managers=managers,
            services=services,
            runs=runs,
            connections=connections,
            scratch=scratch,
            announce=announce,
            on_tick=on_tick,
            optional_dependencies={} if bus is None else {"bus": lambda: bus.connected},
            counters={
                "loop": watchdog.counts,
                "budgets": budgets.counts,
                **({} if cluster is None else cluster.counts),
            },
            budgets=budgets,
            render_html=renderer.html,
        )
        # A revocation ends what the user has at this moment, not only what comes after.
        revocations.listen(connections.end_sign_ins)
        revocations.listen_for_all(lambda user_id: runs.commands.stop_user(user_id, "operator"))
        try:
            await asyncio.to_thread(prepare, data_dir / "triage")
            stack.enter_context(watchdog)
            await runs.recovery.take_over()
            yield runtime
        finally:
            await runs.drain(0)


async def _drill(
    application: Application,
    sign_in: Callable[[str], str],
    log: EventLog,
    ledger: Ledger,
    new_id: Callable[[str], str],
) -> DrillReport:
    from .server.drill_transport import InProcessDrill  # brings an HTTP client, which only drills need

    return await InProcessDrill(application, sign_in, log, ledger, new_id).hold()


def _minter(clock: Clock, entropy: Entropy) -> Callable[[str], str]:
    def new_id(kind: str) -> str:
        return mint(kind, clock.now_ms(), entropy.take(_ID_ENTROPY))

    return new_id


def _keys(source: TokenSource, settings: Settings, clock: Clock, entropy: Entropy) -> KeySet:
    if source.kind in ("jwks", "oidc"):
        from .adapters.auth.jwks_keys import JwksKeys  # brings an HTTP client, which other sources of keys do not need

        if source.kind == "jwks":
            return JwksKeys(clock, settings.limits, url=source.url)
        return JwksKeys(clock, settings.limits, issuer=source.issuer or "")
    key = development_key(settings.data_dir, entropy) if source.kind == "development" else b""
    return StaticKeys(source, key)


def _model(settings: Settings, stack: AsyncExitStack) -> Model | None:
    if settings.model is None:
        return None
    from .adapters.models.pydantic_ai import PydanticAIModel

    model = PydanticAIModel(settings.model, settings.limits)
    stack.push_async_callback(model.close)
    return model


def _stop_on_failure(error: BaseException) -> None:
    """A commit failed: what is in memory is ahead of what is stored, so this process must end; the next one goes on from
    what was committed."""
    _LOG.critical("the event log failed; stopping", exc_info=error)
    os.kill(os.getpid(), signal.SIGTERM)


if not TYPE_CHECKING:
    __getattr__ = former_names(__name__, {"build": (__name__, "netra_server.create_app")})
