"""The catalogue of validation points: every place where an input, a dependency or an ownership is checked and refused.

A refusal is written at exactly one place as ``raise SomeRefusal(..., point=validation.NAME)``. The syntax tree therefore
maps every refusal to its point; the kit disables points one at a time from outside (it takes the ``raise`` out of a copy
of the module in a throw-away process) and demands that a test notices. Production code has no switch.
"""

from __future__ import annotations

from typing import Final

from .points import CATALOGUE, Point
from .points import catalogued as _point
from .storage_points import *  # noqa: F403  # its points, and nothing else

__all__ = ("CATALOGUE", "Point")

# Homes of several points
_AUTHENTICATION: Final = "services.authentication"
_STANDING: Final = "services.standing"
_TICKETS: Final = "services.tickets"
_REVOCATIONS: Final = "services.revocations"
_DISPATCHERS: Final = "agents.tools.unified_tool_dispatcher_factory"
_ENGINES: Final = "agents.supervisor.execution_engine_factory"
_MANAGERS: Final = "websocket_core.websocket_manager_factory"
_BRIDGES: Final = "services.websocket_bridge_factory"
_TRAFFIC: Final = "core.traffic"
_GUESTS: Final = "web.http.anonymous_connections"
_GATE: Final = "adapters.postgres.gate"
_DIRECTORY: Final = "adapters.process.data_directory"
_STRANGERS: Final = "web.http.anonymous_rate_limit"
_BODIES: Final = "web.http.request_body"
_QUERIES: Final = "web.http.request_query"
_TRANSFERS: Final = "web.http.transfers"

# --- identity -------------------------------------------------------------------------------------------------------
ID_PLACEHOLDER = _point("id.placeholder", "core.ids", "InvalidContextError", "placeholders are not accepted as ids")
ID_FORMAT = _point("id.format", "core.ids", "InvalidContextError", "every id has the required format")
CONTEXT_FORGED = _point(
    "context.forged",
    "services.user_execution_context",
    "InvalidContextError",
    "only a UserExecutionContext is accepted as a context",
)
CONTEXT_METADATA = _point(
    "context.metadata", "services.user_execution_context", "InvalidContextError", "every context has its own metadata"
)

# --- the wire -------------------------------------------------------------------------------------------------------
FRAME_JSON = _point("frame.json", "core.frames", "FrameRefused", "a frame is one JSON object")
FRAME_TYPE = _point("frame.type", "core.frames", "FrameRefused", "only known frame types are accepted")
FRAME_FIELDS = _point("frame.fields", "core.frames", "FrameRefused", "a frame has only the fields of its type")
SESSION_UNAUTHENTICATED = _point(
    "session.unauthenticated",
    "core.session",
    "AuthenticationRefused",
    "a connection without a token can do nothing but authenticate",
)
SESSION_TOKEN_EXPIRED = _point(
    "session.token_expired", "core.session", "AuthenticationRefused", "no command is accepted after the token expired"
)
SESSION_RATE = _point("session.rate", "core.session", "LimitRefused", "the frame rate of a connection is limited")
SESSION_THREAD_ID = _point(
    "session.thread_id", "core.session", "InvalidContextError", "a client's thread id is validated before it is used"
)
SESSION_USER_ID = _point("session.user_id", "core.session", "IsolationRefused", "a frame cannot act for another user")
SESSION_CONTEXT_IDS = _point(
    "session.context_ids", "core.session", "InvalidContextError", "the ids in a frame's context are validated"
)
SESSION_CONTEXT_SHAPE = _point(
    "session.context_shape", "core.session", "InvalidContextError", "a frame's context contains only ids"
)
SESSION_CONTEXT_USER = _point(
    "session.context_user", "core.session", "IsolationRefused", "a frame's context cannot name another user"
)
SESSION_FACTORY_COMMAND = _point(
    "session.factory_command", "core.session", "FrameRefused", "clients cannot control factories"
)
SESSION_TIMEZONE = _point("session.timezone", "core.session", "FrameRefused", "a time zone is an IANA name")
SESSION_DRILL = _point(
    "session.drill", "core.session", "IsolationRefused", "drills run only if the operator allows them"
)
SESSION_DRAINING = _point(
    "session.draining", "core.session", "LimitRefused", "a server that is shutting down starts no new runs"
)
SOCKET_ANONYMOUS = _point("socket.anonymous", _TRAFFIC, "LimitRefused", "traffic before a sign-in is limited")
SOCKET_FRAMES = _point("socket.frames", _TRAFFIC, "LimitRefused", "the rate of all WebSocket frames is limited")
SOCKET_BYTES = _point("socket.bytes", _TRAFFIC, "LimitRefused", "the bytes that a connection sends are limited")
SOCKET_FRAGMENTS = _point("socket.fragments", _TRAFFIC, "FrameRefused", "the fragments of a message are limited")
SOCKET_UNREAD = _point("socket.unread", _TRAFFIC, "LimitRefused", "answers that nobody reads take limited memory")
SOCKET_TOO_LONG = _point("socket.too_long", "core.session", "FrameRefused", "the size of a text message is limited")
OUTBOX_OWNER = _point(
    "outbox.owner", "core.outbox", "SSotIsolationError", "an event is delivered only to its owner's connections"
)
LIMIT_CONNECTIONS = _point(
    "limit.connections", "core.quotas", "LimitRefused", "the number of connections per user is limited"
)
LIMIT_RUNS = _point("limit.runs", "core.quotas", "LimitRefused", "the number of runs per user is limited")
LIMIT_QUEUED = _point("limit.queued", "core.quotas", "LimitRefused", "the number of waiting runs per user is limited")
LIMIT_THREADS = _point(
    "limit.threads", "core.quotas", "LimitRefused", "the rate at which a user starts new threads is limited"
)
LIMIT_REQUESTS = _point("limit.requests", "core.quotas", "LimitRefused", "the HTTP request rate of a user is limited")
LIMIT_OPEN_REQUESTS = _point(
    "limit.open_requests", "core.quotas", "LimitRefused", "the number of a user's open HTTP requests is limited"
)
LIMIT_RESUMES = _point("limit.resumes", "core.quotas", "LimitRefused", "what a user's resumes look at is limited")
LIMIT_TRANSFERS = _point(
    "limit.transfers", "core.quotas", "LimitRefused", "the number of a user's uploads, exports and reports is limited"
)

COMMAND_SHAPE = _point(
    "command.shape",
    "core.peer_messages",
    "FrameRefused",
    "a command from another process is executed only if it is understood",
)
LIMIT_ANONYMOUS = _point(
    "limit.anonymous", _STRANGERS, "LimitRefused", "the rate of unauthenticated requests per address is limited"
)

ANONYMOUS_ADDRESS = _point("anonymous.address", _GUESTS, "LimitRefused", "one address has few anonymous connections")
ANONYMOUS_CONNECTIONS = _point("anonymous.connections", _GUESTS, "LimitRefused", "anonymous connections are limited")
OPEN_CONNECTIONS = _point("connections.open", _GUESTS, "LimitRefused", "connections leave open files for the rest")
ANONYMOUS_SOCKETS = _point(
    "anonymous.sockets",
    _STRANGERS,
    "LimitRefused",
    "the WebSockets that wait for a token are limited, for one address and in all",
)

# --- configuration and authentication -------------------------------------------------------------------------------
CONFIG_FAULTS = _point("config.faults", "config", "ConfigurationError", "no server starts with invalid settings")
AUTH_MISSING = _point(
    "auth.missing", _AUTHENTICATION, "AuthenticationRefused", "nobody is served without identification"
)
AUTH_ALGORITHM = _point(
    "auth.algorithm", _AUTHENTICATION, "AuthenticationRefused", "the operator chooses the algorithm, not the token"
)
AUTH_SIGNATURE = _point(
    "auth.signature", _AUTHENTICATION, "AuthenticationRefused", "only tokens signed with a trusted key are accepted"
)
AUTH_TYPE = _point("auth.typ", _STANDING, "AuthenticationRefused", "a token made for another purpose signs nobody in")
AUTH_ISSUER = _point("auth.issuer", _STANDING, "AuthenticationRefused", "a key signs only for its own issuer")
AUTH_AUDIENCE = _point(
    "auth.audience", _STANDING, "AuthenticationRefused", "a token issued for another audience is not accepted"
)
AUTH_CLAIMS = _point(
    "auth.claims", _STANDING, "AuthenticationRefused", "a token says who it is for, since when and until when"
)
AUTH_LIFETIME = _point(
    "auth.lifetime", _STANDING, "AuthenticationRefused", "no token lives longer than the operator allows"
)
AUTH_NOT_YET = _point(
    "auth.not_yet", _STANDING, "AuthenticationRefused", "a token is not accepted before its start time"
)
AUTH_SUBJECT = _point("auth.subject", _STANDING, "AuthenticationRefused", "a token's subject is a valid user id")
AUTH_KIND = _point("auth.kind", _STANDING, "AuthenticationRefused", "a credential of an unknown kind proves nobody")
AUTH_EXPIRED = _point("auth.expired", _STANDING, "AuthenticationRefused", "an expired credential is not accepted")
AUTH_REVOKED = _point("auth.revoked", _STANDING, "AuthenticationRefused", "a revoked sign-in is not accepted")
AUTH_PATH_USER = _point(
    "auth.path_user", _AUTHENTICATION, "AuthenticationRefused", "the path's user is the token's user"
)
AUTH_SCOPE = _point(
    "auth.scope", _AUTHENTICATION, "AuthenticationRefused", "operators' endpoints require the operator's scope"
)
CREDENTIALS_QUERY = _point(
    "credentials.query", "services.credentials", "AuthenticationRefused", "a token is never accepted in a query string"
)
CREDENTIALS_ORIGIN = _point(
    "credentials.origin", "services.credentials", "AuthenticationRefused", "a page from another origin cannot connect"
)
TICKET_INVALID = _point("ticket.invalid", _TICKETS, "AuthenticationRefused", "a ticket works once, for a short time")
TICKET_PURPOSE = _point(
    "ticket.purpose", _TICKETS, "AuthenticationRefused", "a ticket opens what it was made for alone"
)
TICKET_CHAIN = _point("ticket.chain", _TICKETS, "AuthenticationRefused", "a ticket makes no ticket")
TICKET_PATH = _point("ticket.path", _TICKETS, "FrameRefused", "a ticket for a download names one address of the API")
TICKET_LIMIT = _point("ticket.limit", _TICKETS, "LimitRefused", "the number of unused tickets per user is limited")
REVOCATION_TOKEN_ID = _point(
    "revocation.token_id", _REVOCATIONS, "FrameRefused", "only what can be a token's id is revoked"
)
REVOCATION_LIMIT = _point(
    "revocation.limit",
    _REVOCATIONS,
    "LimitRefused",
    "the number of single sign-ins of a user that are revoked is limited",
)
TOKEN_SCOPE = _point(
    "token.scope", "services.token_minting", "AuthenticationRefused", "only well-formed scopes are put into a token"
)
TOKEN_LIFETIME = _point(
    "token.lifetime", "services.token_minting", "AuthenticationRefused", "every token that the server issues expires"
)
KEY_FILE = _point(
    "key.file",
    "adapters.process.key_file",
    "ConfigurationError",
    "a key in the data directory is intact, and only its owner can read it",
)
DATA_DIRECTORY_PRIVATE = _point(
    "data_directory.private", _DIRECTORY, "ConfigurationError", "only its owner can access the data directory"
)
POSTGRES_LOGIN = _point(
    "postgres.login", _GATE, "ConfigurationError", "row-level security applies to the role that a server logs in as"
)
POSTGRES_SCHEMA = _point(
    "postgres.schema",
    _GATE,
    "ConfigurationError",
    "a server uses only a PostgreSQL schema that it knows and that separates users",
)
POSTGRES_RIGHTS = _point(
    "postgres.rights",
    _GATE,
    "ConfigurationError",
    "grants, policies and functions of the database are exactly those of the migrations",
)
POSTGRES_REACH = _point("postgres.reach", _GATE, "ConfigurationError", "nothing outside the schema reaches its rows")
POSTGRES_WALLS = _point("postgres.walls", _GATE, "ConfigurationError", "the database refuses what nobody may do in it")
SQLITE_SCHEMA = _point(
    "sqlite.schema",
    "adapters.sqlite.schema",
    "ConfigurationError",
    "a server uses only a database file whose schema it knows",
)
AUDIT_CHAIN = _point(
    "audit.chain",
    "adapters.audit.verification",
    "ConfigurationError",
    "no server goes on with an audit trail whose chain is broken",
)
AUDIT_SUBJECT = _point("audit.subject", "adapters.audit.subjects", "IsolationRefused", "a pseudonym leads to its user")
DATA_DIRECTORY_LOCK = _point(
    "data_directory.lock", _DIRECTORY, "ConfigurationError", "one server uses a data directory at a time"
)

# --- factories ------------------------------------------------------------------------------------------------------
BRIDGE_CONFIGURED = _point("bridge.configured", _BRIDGES, "FactoryRefused", "a bridge works only if it is configured")
BRIDGE_IDS = _point("bridge.ids", _BRIDGES, "FactoryRefused", "emitters are created only for valid ids")
BRIDGE_HEALTH = _point("bridge.health", _BRIDGES, "FactoryRefused", "an unhealthy server creates no emitters")
BRIDGE_CONNECTION = _point(
    "bridge.connection", _BRIDGES, "FactoryRefused", "an emitter is created only for a live connection of its user"
)
EMITTER_LOG = _point("emitter.log", "services.event_emitter", "FactoryRefused", "an emitter writes to an event log")
EMITTER_RUN = _point(
    "emitter.run", "services.event_emitter", "SSotIsolationError", "an emitter writes only to its own user's thread"
)
EMITTER_STATE = _point(
    "emitter.state", "services.event_emitter", "FactoryRefused", "a closed emitter or an ended run accepts no events"
)
ENGINE_FACTORY_BRIDGE = _point(
    "engine_factory.bridge", _ENGINES, "ExecutionEngineFactoryError", "an engine factory has a bridge from the start"
)
ENGINE_FACTORY_CONTEXT = _point(
    "engine_factory.context", _ENGINES, "ExecutionEngineFactoryError", "engines are created only for valid contexts"
)
ENGINE_FACTORY_BRIDGE_CHECK = _point(
    "engine_factory.bridge_check",
    _ENGINES,
    "ExecutionEngineFactoryError",
    "engines are created only with a bridge that validates",
)
ENGINE_FACTORY_EMITTER = _point(
    "engine_factory.emitter", _ENGINES, "ExecutionEngineFactoryError", "engines are created only with an emitter"
)
ENGINE_RUN = _point(
    "engine.run", "agents.supervisor.execution_engine", "SSotIsolationError", "an engine runs only its own user's runs"
)
DISPATCHER_CONTEXT = _point(
    "dispatcher.context", _DISPATCHERS, "SSotIsolationError", "a dispatcher serves only its own request's context"
)
DISPATCHER_USER = _point(
    "dispatcher.user", _DISPATCHERS, "IsolationRefused", "a tool request cannot act for another user"
)
DISPATCHER_TOOL = _point("dispatcher.tool", _DISPATCHERS, "ToolRefused", "only known tools can be called")
DISPATCHER_PERMISSION = _point(
    "dispatcher.permission",
    _DISPATCHERS,
    "ToolRefused",
    "a tool call needs the rights of user, agent and tool together",
)
DISPATCHER_ARGUMENTS = _point(
    "dispatcher.arguments", _DISPATCHERS, "ToolRefused", "a tool is called only with arguments that match its schema"
)
DISPATCHER_CLOSED = _point(
    "dispatcher.closed", _DISPATCHERS, "SSotIsolationError", "a dispatcher serves nobody after its request has ended"
)
MANAGER_FACTORY_SWITCH = _point(
    "manager_factory.switch", _MANAGERS, "FactoryInitializationError", "validation cannot be switched off"
)
MANAGER_FACTORY_IDS = _point(
    "manager_factory.ids", _MANAGERS, "FactoryInitializationError", "managers are created only for valid ids"
)
MANAGER_FACTORY_ONLY = _point(
    "manager_factory.only",
    "websocket_core.websocket_manager",
    "FactoryInitializationError",
    "only the factory creates managers",
)
POOL_OWNER = _point(
    "pool.owner", "websocket_core.websocket_connection_pool", "SSotIsolationError", "a connection belongs to one user"
)
REGISTRY_AGENT = _point(
    "registry.agent", "agents.supervisor.agent_registry", "NotFound", "only registered agents can run"
)

# --- conversations --------------------------------------------------------------------------------------------------
THREAD_CLAIM = _point("thread.claim", "services.conversations", "IsolationRefused", "a thread keeps its owner forever")
CONTEXT_CONNECTION = _point(
    "context.connection", "core.session", "IsolationRefused", "a frame's context cannot name another connection"
)
THREAD_OWNED = _point(
    "thread.owned",
    "services.conversations",
    "NotFound",
    "another user's thread is answered like one that does not exist",
)
RUN_OWNED = _point(
    "run.owned", "services.conversations", "NotFound", "another user's run is answered like one that does not exist"
)
THREAD_BUSY = _point(
    "thread.busy", "runs.service", "LimitRefused", "the policy reject rejects a request while a run is in progress"
)
TURN_CAPACITY = _point("turn.capacity", "runs.service", "LimitRefused", "the number of runs per process is limited")

# --- HTTP -----------------------------------------------------------------------------------------------------------
HTTP_QUERY_NUMBER = _point(
    "http.query_number", _QUERIES, "FrameRefused", "a number in a query is an integer within bounds"
)
HTTP_QUERY_NAME = _point("http.query_name", _QUERIES, "FrameRefused", "a name in a query is taken whole or not at all")
HTTP_QUERY_TIME = _point("http.query_time", _QUERIES, "FrameRefused", "a time in a query is one")
HTTP_TITLE = _point("http.title", "web.api.threads", "FrameRefused", "a title is short text")
HTTP_BODY_SIZE = _point("http.body_size", _BODIES, "FrameRefused", "the size of a request body is limited")
HTTP_BODY_IDLE = _point("http.body_idle", _BODIES, "FrameRefused", "a request body arrives without long pauses")
HTTP_BODY_RATE = _point("http.body_rate", _BODIES, "FrameRefused", "a request body keeps up a least rate")
HTTP_BODY_DEADLINE = _point("http.body_deadline", _BODIES, "FrameRefused", "a request body ends in time")
HTTP_HEAD_SIZE = _point("http.head_size", "web.http.request_head", "FrameRefused", "the head of a request is limited")
HTTP_HEAD_FIELDS = _point(
    "http.head_fields", "web.http.request_head", "FrameRefused", "the number of headers of a request is limited"
)
HTTP_PIPELINE = _point("http.pipeline", "web.http.request_head", "LimitRefused", "few requests wait in a connection")
HTTP_HOST = _point("http.host", "web.http.request_head", "FrameRefused", "a request names exactly one host")
HTTP_HANDSHAKE = _point(
    "http.handshake", "web.http.request_head", "FrameRefused", "a WebSocket begins with its opening handshake"
)
HTTP_BODY_JSON = _point("http.body_json", _BODIES, "FrameRefused", "a request body has the fields of its endpoint")
TRANSFER_CAPACITY = _point(
    "transfer.capacity", _TRANSFERS, "LimitRefused", "uploads, exports and reports per process are limited"
)
TRANSFER_ENDED = _point(
    "transfer.ended", _TRANSFERS, "AuthenticationRefused", "an upload ends when its user's sign-in ends"
)
RUN_RESULT = _point("run.result", "web.api.runs", "NotFound", "only a run that completed has a result")
DATASET_OWNED = _point("dataset.owned", "web.api.datasets", "NotFound", "another's dataset is answered like none")

# --- installation ---------------------------------------------------------------------------------------------------
PACKAGES_OWNED = _point(
    "packages.owned",
    "commands.check_packages",
    "ConfigurationError",
    "no other distribution brings a package or a command of ours",
)

# --- composition ----------------------------------------------------------------------------------------------------
WIRING_ADAPTERS = _point(
    "wiring.adapters", "wiring", "ConfigurationError", "a setting that cannot be honoured is rejected, not ignored"
)
