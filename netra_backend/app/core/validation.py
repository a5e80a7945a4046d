"""The catalogue of validation points: every place where an input, a dependency or an ownership is checked and refused.

A refusal is written at exactly one place as ``raise SomeRefusal(..., point=validation.NAME)``. The syntax tree therefore
maps every refusal to its point; the kit disables points one at a time from outside (it takes the ``raise`` out of a copy
of the module in a throw-away process) and demands that a test notices. Production code has no switch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CATALOGUE: Final[dict[str, Point]] = {}


@dataclass(frozen=True, slots=True)
class Point:
    """One validation point: its id, the module that is its home (below ``netra_backend.app``), the error raised there,
    and the sentence that holds as long as it stands."""

    id: str
    home: str
    error: str
    guards: str


def _point(id: str, home: str, error: str, guards: str) -> Point:
    point = Point(id, home, error, guards)
    if CATALOGUE.setdefault(id, point) is not point:
        raise ValueError(f"validation point {id!r} is catalogued twice")
    return point


# --- identity -------------------------------------------------------------------------------------------------------
ID_PLACEHOLDER = _point("id.placeholder", "core.ids", "InvalidContextError", "no placeholder is taken for an id")
ID_FORMAT = _point("id.format", "core.ids", "InvalidContextError", "every id has the one format")
CONTEXT_FORGED = _point(
    "context.forged",
    "services.user_execution_context",
    "InvalidContextError",
    "only a UserExecutionContext is taken for a context",
)
CONTEXT_METADATA = _point(
    "context.metadata",
    "services.user_execution_context",
    "InvalidContextError",
    "a context has audit metadata of its own",
)

# --- the wire -------------------------------------------------------------------------------------------------------
FRAME_JSON = _point("frame.json", "core.frames", "FrameRefused", "a frame is one JSON object")
FRAME_TYPE = _point("frame.type", "core.frames", "FrameRefused", "only known frames are taken")
FRAME_FIELDS = _point("frame.fields", "core.frames", "FrameRefused", "a frame has the fields of its type and no others")
SESSION_UNAUTHENTICATED = _point(
    "session.unauthenticated", "core.session", "AuthenticationRefused", "nothing is taken from a socket without a token"
)
SESSION_TOKEN_EXPIRED = _point(
    "session.token_expired", "core.session", "AuthenticationRefused", "no command is taken after the token's expiry"
)
SESSION_RATE = _point("session.rate", "core.session", "LimitRefused", "frames of one connection have a bounded rate")
SESSION_THREAD_ID = _point(
    "session.thread_id", "core.session", "InvalidContextError", "a thread id from a client is judged before it is used"
)
SESSION_USER_ID = _point(
    "session.user_id", "core.session", "IsolationRefused", "a frame does not speak for another user"
)
SESSION_CONTEXT_IDS = _point(
    "session.context_ids", "core.session", "InvalidContextError", "ids in a frame's context are judged"
)
SESSION_CONTEXT_SHAPE = _point(
    "session.context_shape", "core.session", "InvalidContextError", "a frame's context holds ids and nothing else"
)
SESSION_CONTEXT_USER = _point(
    "session.context_user", "core.session", "IsolationRefused", "a frame's context does not name another user"
)
SESSION_FACTORY_COMMAND = _point(
    "session.factory_command", "core.session", "FrameRefused", "a client commands no factory"
)
SESSION_TIMEZONE = _point("session.timezone", "core.session", "FrameRefused", "a time zone is an IANA name")
SESSION_DRILL = _point("session.drill", "core.session", "IsolationRefused", "drills run only where they are allowed")
SESSION_DRAINING = _point("session.draining", "core.session", "LimitRefused", "a draining server takes no new runs")
OUTBOX_OWNER = _point(
    "outbox.owner", "core.outbox", "SSotIsolationError", "an event reaches only connections of its owner"
)
LIMIT_CONNECTIONS = _point("limit.connections", "core.limits", "LimitRefused", "connections per user are bounded")
LIMIT_RUNS = _point("limit.runs", "core.limits", "LimitRefused", "runs per user are bounded")
LIMIT_QUEUED = _point("limit.queued", "core.limits", "LimitRefused", "waiting runs per user are bounded")
LIMIT_THREADS = _point("limit.threads", "core.limits", "LimitRefused", "claims of new threads have a bounded rate")
LIMIT_REQUESTS = _point(
    "limit.requests", "core.limits", "LimitRefused", "HTTP requests of one user have a bounded rate"
)
LIMIT_TRANSFERS = _point(
    "limit.transfers", "core.limits", "LimitRefused", "uploads, exports and reports of one user are bounded"
)

COMMAND_SHAPE = _point(
    "command.shape",
    "core.peer_messages",
    "FrameRefused",
    "what another process asks is done only where it is understood",
)
LIMIT_ANONYMOUS = _point(
    "limit.anonymous",
    "web.http.anonymous_rate_limit",
    "LimitRefused",
    "requests of nobody known have a bounded rate for each address",
)

# --- configuration and authentication -------------------------------------------------------------------------------
CONFIG_FAULTS = _point(
    "config.faults", "config", "ConfigurationError", "no server starts with settings that do not hold"
)
AUTH_MISSING = _point(
    "auth.missing", "services.authentication", "AuthenticationRefused", "nobody is served without saying who they are"
)
AUTH_ALGORITHM = _point(
    "auth.algorithm",
    "services.authentication",
    "AuthenticationRefused",
    "the operator picks the algorithm, not the token",
)
AUTH_SIGNATURE = _point(
    "auth.signature", "services.authentication", "AuthenticationRefused", "only a trusted key makes a token count"
)
AUTH_ISSUER = _point(
    "auth.issuer", "services.authentication", "AuthenticationRefused", "a key speaks only for its own issuer"
)
AUTH_AUDIENCE = _point(
    "auth.audience", "services.authentication", "AuthenticationRefused", "a token made for somebody else does not count"
)
AUTH_CLAIMS = _point(
    "auth.claims", "services.authentication", "AuthenticationRefused", "a token says who, since when and until when"
)
AUTH_NOT_YET = _point(
    "auth.not_yet", "services.authentication", "AuthenticationRefused", "a token of the future does not count yet"
)
AUTH_EXPIRED = _point(
    "auth.expired", "services.authentication", "AuthenticationRefused", "an expired token does not count any more"
)
AUTH_SUBJECT = _point(
    "auth.subject", "services.authentication", "AuthenticationRefused", "a token's subject is a valid user id"
)
AUTH_REVOKED = _point(
    "auth.revoked", "services.authentication", "AuthenticationRefused", "a sign-in that was revoked does not count"
)
AUTH_PATH_USER = _point(
    "auth.path_user", "services.authentication", "AuthenticationRefused", "the path's user is the token's user"
)
AUTH_SCOPE = _point(
    "auth.scope", "services.authentication", "AuthenticationRefused", "operators' endpoints open to operators alone"
)
CREDENTIALS_QUERY = _point(
    "credentials.query", "services.credentials", "AuthenticationRefused", "a token never travels in a query string"
)
CREDENTIALS_ORIGIN = _point(
    "credentials.origin", "services.credentials", "AuthenticationRefused", "a foreign page opens no connection"
)
TICKET_INVALID = _point(
    "ticket.invalid", "services.tickets", "AuthenticationRefused", "a ticket counts once and for a short time"
)
TICKET_LIMIT = _point("ticket.limit", "services.tickets", "LimitRefused", "unused tickets per user are bounded")
TOKEN_SCOPE = _point(
    "token.scope", "services.token_minting", "AuthenticationRefused", "only well-formed scopes are put into a token"
)
TOKEN_LIFETIME = _point(
    "token.lifetime", "services.token_minting", "AuthenticationRefused", "every token that we make ends"
)
KEY_FILE = _point(
    "key.file",
    "adapters.auth.development_key",
    "ConfigurationError",
    "the development key is whole and its owner's alone",
)
DATA_DIRECTORY_PRIVATE = _point(
    "data_directory.private",
    "adapters.process.data_directory",
    "ConfigurationError",
    "the data directory is its owner's alone",
)
POSTGRES_LOGIN = _point(
    "postgres.login",
    "adapters.postgres.gate",
    "ConfigurationError",
    "row-level security binds the role that a server logs in as",
)
POSTGRES_SCHEMA = _point(
    "postgres.schema",
    "adapters.postgres.gate",
    "ConfigurationError",
    "a server uses only a PostgreSQL schema that it knows and that keeps users apart",
)
SQLITE_SCHEMA = _point(
    "sqlite.schema", "adapters.sqlite.schema", "ConfigurationError", "a server uses only a file whose schema it knows"
)
DATA_DIRECTORY_LOCK = _point(
    "data_directory.lock",
    "adapters.process.data_directory",
    "ConfigurationError",
    "one server uses a data directory at a time",
)

# --- factories ------------------------------------------------------------------------------------------------------
BRIDGE_CONFIGURED = _point(
    "bridge.configured", "services.websocket_bridge_factory", "FactoryRefused", "a bridge serves only when configured"
)
BRIDGE_IDS = _point(
    "bridge.ids", "services.websocket_bridge_factory", "FactoryRefused", "an emitter is made only for valid ids"
)
BRIDGE_HEALTH = _point(
    "bridge.health", "services.websocket_bridge_factory", "FactoryRefused", "an unhealthy server makes no emitters"
)
BRIDGE_CONNECTION = _point(
    "bridge.connection",
    "services.websocket_bridge_factory",
    "FactoryRefused",
    "an emitter is made only for a live connection of its user",
)
EMITTER_LOG = _point("emitter.log", "services.event_emitter", "FactoryRefused", "an emitter writes to an event log")
EMITTER_RUN = _point(
    "emitter.run", "services.event_emitter", "SSotIsolationError", "an emitter writes only into its own user's thread"
)
EMITTER_STATE = _point(
    "emitter.state", "services.event_emitter", "FactoryRefused", "a closed emitter or an ended run takes no event"
)
ENGINE_FACTORY_BRIDGE = _point(
    "engine_factory.bridge",
    "agents.supervisor.execution_engine_factory",
    "ExecutionEngineFactoryError",
    "an engine factory has a bridge from the start",
)
ENGINE_FACTORY_CONTEXT = _point(
    "engine_factory.context",
    "agents.supervisor.execution_engine_factory",
    "ExecutionEngineFactoryError",
    "an engine is made only for a valid context",
)
ENGINE_FACTORY_BRIDGE_CHECK = _point(
    "engine_factory.bridge_check",
    "agents.supervisor.execution_engine_factory",
    "ExecutionEngineFactoryError",
    "an engine is made only over a bridge that validates",
)
ENGINE_FACTORY_EMITTER = _point(
    "engine_factory.emitter",
    "agents.supervisor.execution_engine_factory",
    "ExecutionEngineFactoryError",
    "an engine is made only with an emitter",
)
ENGINE_RUN = _point(
    "engine.run", "agents.supervisor.execution_engine", "SSotIsolationError", "an engine runs only its own user's runs"
)
DISPATCHER_CONTEXT = _point(
    "dispatcher.context",
    "agents.tools.unified_tool_dispatcher_factory",
    "SSotIsolationError",
    "a dispatcher serves one request's context",
)
DISPATCHER_USER = _point(
    "dispatcher.user",
    "agents.tools.unified_tool_dispatcher_factory",
    "IsolationRefused",
    "a tool request does not speak for another user",
)
DISPATCHER_TOOL = _point(
    "dispatcher.tool", "agents.tools.unified_tool_dispatcher_factory", "ToolRefused", "only known tools are called"
)
DISPATCHER_PERMISSION = _point(
    "dispatcher.permission",
    "agents.tools.unified_tool_dispatcher_factory",
    "ToolRefused",
    "a tool's rights are those of user, agent and tool together",
)
DISPATCHER_ARGUMENTS = _point(
    "dispatcher.arguments",
    "agents.tools.unified_tool_dispatcher_factory",
    "ToolRefused",
    "a tool is called only with arguments that fit its schema",
)
DISPATCHER_CLOSED = _point(
    "dispatcher.closed",
    "agents.tools.unified_tool_dispatcher_factory",
    "SSotIsolationError",
    "a dispatcher serves no one after its request",
)
MANAGER_FACTORY_SWITCH = _point(
    "manager_factory.switch",
    "websocket_core.websocket_manager_factory",
    "FactoryInitializationError",
    "validation cannot be switched off",
)
MANAGER_FACTORY_IDS = _point(
    "manager_factory.ids",
    "websocket_core.websocket_manager_factory",
    "FactoryInitializationError",
    "a manager is made only for valid ids",
)
MANAGER_FACTORY_ONLY = _point(
    "manager_factory.only",
    "websocket_core.websocket_manager",
    "FactoryInitializationError",
    "a manager is made only by its factory",
)
POOL_OWNER = _point(
    "pool.owner", "websocket_core.websocket_connection_pool", "SSotIsolationError", "a connection id has one user"
)
REGISTRY_AGENT = _point(
    "registry.agent", "agents.supervisor.agent_registry", "NotFound", "only registered agents are run"
)

# --- conversations --------------------------------------------------------------------------------------------------
THREAD_CLAIM = _point("thread.claim", "services.conversations", "IsolationRefused", "a thread has one owner, for ever")
CONTEXT_CONNECTION = _point(
    "context.connection",
    "core.session",
    "IsolationRefused",
    "a frame's context does not name another connection",
)
THREAD_OWNED = _point(
    "thread.owned", "services.conversations", "NotFound", "another user's thread answers as an absent one"
)
RUN_OWNED = _point("run.owned", "services.conversations", "NotFound", "another user's run answers as an absent one")
THREAD_BUSY = _point("thread.busy", "runs.service", "LimitRefused", "policy reject is refused while a run goes on")
TURN_CAPACITY = _point("turn.capacity", "runs.service", "LimitRefused", "the runs of one process are bounded")
APPROVAL_OPEN = _point(
    "approval.open", "services.approvals", "NotFound", "an approval is bound to its user and arguments, and given once"
)

# --- usage rows -----------------------------------------------------------------------------------------------------
LEDGER_CHILD_OWNER = _point(
    "ledger.child_owner",
    "adapters.ledger.query_worker",
    "SSotIsolationError",
    "a child process serves the rows of one owner",
)
DATASETS_BUCKET = _point(
    "datasets.bucket",
    "adapters.datasets.bucket",
    "ConfigurationError",
    "datasets are kept only in a store that writes where a condition holds and nowhere else",
)
QUERY_WALL = _point(
    "query.wall",
    "adapters.ledger.query_worker",
    "QueryRejected",
    "raw SQL runs only where a process is held to its memory",
)
QUERY_QUESTION = _point(
    "query.question", "adapters.ledger.ledger", "QueryRejected", "raw SQL is answered only where the operator allows it"
)
QUERY_STRUCTURE = _point(
    "query.structure", "usage.query", "QueryRejected", "a structured query names metrics and dimensions of the list"
)
QUERY_STATEMENT = _point("query.statement", "usage.raw_sql", "QueryRejected", "raw SQL is one statement that reads")
QUERY_TABLE = _point("query.table", "usage.raw_sql", "QueryRejected", "raw SQL reads the usage relations and no other")
QUERY_FUNCTION = _point(
    "query.function", "usage.raw_sql", "QueryRejected", "raw SQL calls functions of the list and no other"
)

EPOCHS_IN_USE = _point(
    "epochs.in_use",
    "adapters.event_log.new_epochs",
    "ConfigurationError",
    "no history is renewed under a server that uses it",
)

# --- HTTP -----------------------------------------------------------------------------------------------------------
HTTP_QUERY_NUMBER = _point(
    "http.query_number", "web.http.request_query", "FrameRefused", "numbers in a query are whole and bounded"
)
HTTP_QUERY_NAME = _point(
    "http.query_name", "web.http.request_query", "FrameRefused", "a name in a query is taken whole or not at all"
)
HTTP_QUERY_TIME = _point("http.query_time", "web.http.request_query", "FrameRefused", "a time in a query is one")
HTTP_TITLE = _point("http.title", "web.api.threads", "FrameRefused", "a title is short text")
HTTP_BODY_SIZE = _point("http.body_size", "web.http.request_body", "FrameRefused", "a body is bounded")
HTTP_BODY_IDLE = _point("http.body_idle", "web.http.request_body", "FrameRefused", "a body comes without long pauses")
HTTP_BODY_JSON = _point(
    "http.body_json", "web.http.request_body", "FrameRefused", "a body has the fields of its endpoint"
)
TRANSFER_CAPACITY = _point(
    "transfer.capacity", "web.http.transfers", "LimitRefused", "uploads, exports and reports of one process are bounded"
)
TRANSFER_ENDED = _point(
    "transfer.ended", "web.http.transfers", "AuthenticationRefused", "an upload ends with its user's sign-in"
)
RUN_RESULT = _point("run.result", "web.api.runs", "NotFound", "only a run that has ended well has a result to show")
DATASET_OWNED = _point(
    "dataset.owned", "web.api.datasets", "NotFound", "another user's dataset answers as an absent one"
)

# --- composition ----------------------------------------------------------------------------------------------------
WIRING_ADAPTERS = _point(
    "wiring.adapters", "wiring", "ConfigurationError", "a setting that nothing here can honour is not taken in silence"
)
