"""No bound of a server is a constant of some module: each is in the table of limits, or is here, with why it is none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from netra_backend.app.core.history import MAX_CHUNK_BYTES
from netra_backend.app.core.limits import LIMIT_RANGES

PLACES: Final = ("netra_backend/app", "netra_server")

_has_word: Final = re.compile(
    r"(?:^|_)(?:after|again|all|attempts|backlog|batch|blocks?|bytes|characters|chunks?|clocks|connections|days|depth|events|every"
    r"|failures|few|fetched|frames|free|hops|hours|inserted|interval|items|keys|known|largest|latest|length|lifetime|limit|lines"
    r"|longest|looks|max|maxlen|maxsize|members|most|ms|once|page|parts?|passes|period|polls|queued?|quiet|ratio|records|retries"
    r"|room|rounds|rows|runs|s|seconds|shown|size|tail|threads|timeout|tokens|tries|user|waits?|waiting|watched|within|workers)"
    r"(?:_|$)",
    re.IGNORECASE,
).search
"""What stands in the name of a bound, and of much else."""

TOLD: Final = frozenset({"retry_after_ms", "min_size", "min_length", "digest_size"})
"""Names in calls that are no bounds: what a client is told, and what something is at least, or exactly."""

NO_LIMITS: Final[Mapping[str, str]] = {
    "A classifier and its words: they decide what a text means, and texts are bounded before.": "agents.triage.*",
    "The command line: another process, which reads no limits of the server and whose user waits beside it.": "commands.*",
    "The isolation drill: it asks this server, and is bounded in time by what it asks.": "drill.*",
    "How long a file waits for its message, as users are told, and the pieces that it is stored in.": """
        core.files.* adapters.sqlite.gone_files.PARTS_AT_ONCE server.housekeeping.FILES_EVERY_S""",
    "A page of what is read bit by bit, of rows that are small.": """
        adapters.postgres.files._PAGE adapters.sqlite.files._PAGE core.blobs.BLOBS_A_PAGE
        spend_ports.USES_A_PAGE""",
    "What an amount in a file of plans may be, and the calendar.": """
        core.plans._MOST_TOKENS core.plans._MOST_USD services.budget_days.timedelta(days) services.run_budgets.SUM_DAYS""",
    "A server that a user names: what its client asks for and how it is named, within bytes and seconds that are limits.": """
        adapters.mcp.session._CLOSE_S adapters.mcp.transport._MOST_REQUESTS
        adapters.outbound.origin_pool._CONNECTIONS agents.mcp.listing._MOST_NAME
        agents.supervisor.user_tools._LISTING_S core.egress._URL_CHARACTERS
        adapters.mcp.authorization._LONGEST_S adapters.mcp.authorization._TEXT_CHARACTERS
        adapters.mcp.authorization_http._MOST_BYTES services.mcp_authorizations._CLOSE_S
        services.mcp_authorizations._EARLIER_MS services.mcp_authorizations._LOOK_S
        services.mcp_authorizations._STATE_BYTES services.mcp_authorizations.STATE_CHARACTERS
        web.api.mcp_authorization._CODE_CHARACTERS web.api.mcp_authorization._ERROR_CHARACTERS
        web.api.mcp_authorization._ISSUER_CHARACTERS
    """,
    "The operator's own command, which can bound itself.": "adapters.process.file_scan.WITHIN_S",
    "A format of the wire, of a file or of a key: both sides must agree on it.": """
        adapters.postgres.peers.MAX_BODY adapters.process.child_runtime.MAX_MESSAGE adapters.process.key_file._BYTES
        adapters.redis.message.MAX_FRAMES adapters.redis.message.MAX_MESSAGE_BYTES adapters.redis.message.SENDER_BYTES
        adapters.redis.message._COUNT_BYTES adapters.redis.presence._MAC_BYTES core.audit_chain._NAME_BYTES
        core.frames.MAX_REASON core.frames.MAX_FIELD core.frames.MAX_KEY core.frames.Meta(max_length)
        core.message_parts.MAX_PARTS
        core.message_parts.Meta(max_length) core.identity.MAX_TOKEN_ID core.ids.MAX_LENGTH
        core.settings_values.KEY_BYTES adapters.secrets.sealing._NONCE_BYTES
        core.settings_values._MAX_BUCKET_URL services.conversations.TITLE_CHARACTERS
        services.conversations._EPOCH_BYTES services.standing._MAX_SCOPES services.synthetic_sign_ins._KEY_BYTES
        core.api_keys.ID_BYTES core.api_keys.SECRET_BYTES core.doors.thread_ids.MAX_CLIENT_ID
        web.doors.openai.MAX_METADATA core.doors.ai_sdk._MOST_METADATA web.doors.entry.MOST_OBJECTS
        services.api_keys._DAY_MS
        services.tickets.MAX_PATH services.tickets._BYTES services.tickets._MAX_CHARACTERS
        usage.importers.formats.mooncake.BLOCK_TOKENS core.step_keys.MAX_NAME core.step_keys._MAX_PATH
        core.state._MAX_KEY core.state.VALUES_A_PAGE agents.supervisor.pauses.LONGEST_S agents.supervisor.pauses._LOOK_S
        runs.waking._AGAIN_MS runs.waking._AT_ONCE
        core.journal.MOST_BEGINNINGS
        usage.model_names.MAX_NAME agents.tools.usage_tools.MAX_NAME agents.tools.usage_tools.Meta(max_length)
        adapters.process.seccomp._ALL_THREADS adapters.postgres.migration._SCRAM_ROUNDS
    """,
    "How a model chooses an agent: texts are bounded before, and this is what of them it is shown.": """
        agents.choice.MAX_TOKENS agents.choice.MOST_AGENTS agents.choice._LONGEST agents.choice._LONGEST_DESCRIPTION
        agents.supervisor_agent._FEW_WORDS
    """,
    "An answer of a language model above it is thrown away, and the rules answer.": """
        agents.frameworks.pydantic_ai.house.MOST_CALLS agents.frameworks.pydantic_ai.house.MOST_REQUESTS
        usage.number_check.MAX_TEXT
    """,
    "What the author of an agent may say, and how soon the engine itself tries again.": """
        agents.supervisor.own_steps.MOST_RETRIES agents.supervisor.own_steps._PAUSE_S agents.supervisor.scope.MOST_DEPTH
        agents.supervisor.scope.__init__(depth) services.event_emitter.AGAIN_S agents.frameworks.pydantic_ai.prompts.MOST_RUNS
        agents.frameworks.openai_agents.messages.MOST_MESSAGES
    """,
    "What is shown of a graph's output beside its text, and how often a write that met another is tried.": """
        agents.frameworks.langgraph.results._MOST_DATA agents.frameworks.langgraph.results._MOST_DEPTH
        agents.frameworks.langgraph.store._MOST_TRIES
    """,
    "What of a schema LangChain is trusted with, whose bytes a limit bounds: a larger one is given as that of any object.": """
        agents.frameworks.langgraph.tool_schemas._MOST_PARTS
    """,
    "How many nodes run in threads at once: each belongs to a run, which are bounded, and waits its turn beyond.": """
        agents.frameworks.langgraph.node_threads._MOST_THREADS
    """,
    "How much of a row that no server may have written is told, and how often a number is looked for past such rows.": """
        adapters.audit.subjects._MAX_CHAIN adapters.audit.subjects._MAX_NAMED adapters.audit.numbering._TRIES
    """,
    "How many lines of one user the audit trail looks at: a server writes one or two in a chain.": """
        adapters.audit.subjects.MAX_OF_USER adapters.audit.subjects._MAX_SEEN
    """,
    "The name and the agents of an API key, and how exactly its last use is kept; the number of keys is a limit.": """
        core.api_keys.USED_MS services.api_keys.KNOWN services.api_keys.MOST_AGENTS services.api_keys.MOST_NAME
        services.api_keys._MOST_AGENT_NAME
    """,
    "A page of the HTTP API: its clients page by it, and docs/http.md and the OpenAPI document say it.": """
        adapters.audit.rows._MAX_ROWS web.api.admin.MOST_ROWS web.api.identity._MAX_ROWS web.api.runs.DEFAULT_RUNS
        web.api.runs.MAX_RUNS web.doors.ai_sdk.runs(limit) web.api.threads._MAX_THREADS
    """,
    "An argument's default or range: its caller sees it in the argument's schema.": """
        agents.supervisor.past_messages.MAX_MESSAGES agents.tools.usage_tools.CostSummary.limit
        agents.tools.usage_tools.DatabaseQuery.limit usage.query.MAX_VALUES usage.query.Query.limit usage.raw_sql.RawSql.limit
        usage.rows.fetchmany(size) usage.summary.DEFAULT_LIMIT web.api.datasets._MAX_COLUMNS web.api.datasets._MAX_OPTION
        websocket_core.follower.threads(limit)
    """,
    "What is promised whatever the settings: 24 hours of keys, 30 s of leeway for clocks, an exit in 10 s, 30 s of a resume.": """
        core.identity.CLOCK_LEEWAY_MS runs.accepted_requests.KEY_LIFETIME_MS server.uvicorn_server._LAST_WAIT_S
        server.worker_policy.LAST_WAIT_S core.client_rules.MOST_SENDS core.client_rules.STEADY_S core.quotas._MOST_RESUME_WAIT_S
        core.quotas._UNNAMED_THREADS
    """,
    "What processes must agree on, or one would take from another what it still holds: leases, and what counts from them.": """
        adapters.datasets.directory._LOCK_WITHIN_S adapters.datasets.directory._LOCK_EVERY_S
        adapters.datasets.object_store.COMMIT_WITHIN_S adapters.datasets.object_store._ATTEMPTS
        adapters.datasets.object_store._HOUR_MS adapters.postgres.lease.LEASE_MS adapters.postgres.lease.RENEWAL_S
        adapters.postgres.lease._FORGOTTEN_MS adapters.postgres.lease._RETRY_S adapters.postgres.mailbox._KEPT_MS
        adapters.postgres.ownership._TRIES adapters.redis.presence.REFRESH_ROUNDS adapters.redis.presence.TTL_MS
        adapters.redis.presence._SLACK_MS cluster.counts_exchange.EVERY_S cluster.counts_exchange.MAX_FAILURES
        cluster.periodic_tasks.RELOAD_S cluster.takeover.EVERY_S runs.changing_hands.TRIES server.housekeeping.CLOCKS_MS
        adapters.ledger.ledger._LOOKS adapters.redis.bus._LONGEST_AWAY_S
    """,
    "How much is done in one step: more or less of it changes how fast the same comes about.": """
        adapters.audit.verification.PAGE adapters.audit.verification.TAIL adapters.datasets.bucket._PAGE
        adapters.datasets.bucket._PART adapters.datasets.bucket._PARTS_AT_ONCE adapters.event_log.appending.REQUESTS_AT_ONCE
        adapters.event_log.batch_loader.MOST adapters.ledger.rows_writer.INSERTED adapters.ledger.rows_writer.LINE_BLOCKS
        adapters.ledger.rows_writer.WAITING adapters.ledger.rows_writer._FETCHED adapters.postgres.audit._BATCH
        adapters.postgres.batch.MOST_BYTES adapters.postgres.mailbox._MOST adapters.postgres.peers._AT_ONCE
        adapters.postgres.peers._MOST_NOTICES adapters.postgres.reader.MOST_MOVED adapters.process.clock._CHUNKS
        adapters.process.clock._LARGEST_KEPT adapters.redis.bus._CHANNELS_AT_ONCE adapters.redis.presence._USERS_AT_ONCE
        adapters.sqlite.audit._BATCH adapters.sqlite.reader._ROWS adapters.sqlite.reader._RUNS
        agents.supervisor.model_stream.INTERVAL_S agents.supervisor.model_stream.MAX_CHARACTERS
        adapters.event_log.appending.HOLD_S
        core.history.MAX_CHUNK_BYTES usage.importers.reading.batch.PAGE usage.importers.reading.json_lines.PAGE_MEMBERS
        usage.importers.reading.page._FEW usage.importers.reading.source.CHUNK usage.side_by_side.WORKERS
        web.api.datasets.Queue(maxsize) web.api.datasets._BLOCK web.api.export._PAGE web.http.uvicorn_http._LATE_BYTES
        web.http.uvicorn_http._LATE_PAUSE_S web.http.uvicorn_http._LINE_BYTES web.http.uvicorn_http._TURN_BYTES
        web.sockets.uvicorn_websocket._SMALL_BYTES websocket_core.follower.LOOK_THREADS websocket_core.follower.MAX_MOVED
        adapters.process.sandbox._MOST_ENTRIES server.loop_watchdog.STACK_DEPTH
        agents.supervisor.past_messages._TAG_WITHIN core.superseded._TAG_WITHIN services.own_usage._AT_ONCE
        agents.supervisor.kept_before._TAG_WITHIN core.quoting._MOST_CHARACTERS
        adapters.process.html_renderer._QUICK_CHARACTERS
        adapters.postgres.spending._OWNERS_AT_ONCE adapters.sqlite.spending._EXPIRED_AT_ONCE server.uvicorn_server._SWITCH_S
        adapters.sqlite.gone_threads.BYTES_AT_ONCE adapters.sqlite.gone_threads._ROW_BYTES
    """,
    "What is remembered to be quick: what is not is found again where it is stored.": """
        adapters.datasets.object_store._KNOWN adapters.redis.message._MOST_SENDERS core.delivery_tracker.MAX_CURSORS
        runs.accepted_requests.MAX_KEYS services.questions._MAX_WORDS services.redaction.lru_cache(maxsize)
        core.step_keys.lru_cache(maxsize) services.own_usage._KNOWN
        agents.frameworks.pydantic_ai.durability._MOST_MODELS
        usage.importers.reading.schema_cache.MAX_MEMBERS websocket_core.websocket_connection_pool.MAX_TOPS
    """,
    "A moment between two looks or tries of the server itself; how long in all, a limit says, or the end of the process.": """
        adapters.audit.anchors.FileAnchor.every_s adapters.audit.anchors.LogAnchor.every_s adapters.audit.watch.EVERY_S
        adapters.auth.jwks_keys.RETRY_S adapters.ledger.import_process.LOOK_S adapters.ledger.ledger.TIDY_S
        adapters.postgres.audit._AGAIN_S
        adapters.postgres.peers._RETRY_S adapters.postgres.peers._TIDY_S adapters.postgres.writer._FIRST_WAIT_S
        adapters.postgres.writer._LONGEST_WAIT_S adapters.process.data_directory._LOCK_EVERY_S
        adapters.process.data_directory._LOCK_WITHIN_S adapters.redis.bus.BEAT_S adapters.redis.bus.MAX_QUIET
        adapters.redis.bus._FIRST_WAIT_S adapters.redis.bus._LONGEST_WAIT_S adapters.sqlite.audit._AGAIN_S
        runs.scheduler._AGAIN_S server.application.TICK_S server.loop_watchdog.TICK_S server.housekeeping.EVERY_S
        server.housekeeping.PAUSE_S server.worker_policy.FIRST_PAUSE_S server.worker_policy.LONGEST_PAUSE_S
        server.worker_policy.STEADY_S server.worker_supervisor.POLL_S websocket_core.catch_up.AGAIN_S
        websocket_core.follower.OVERLAP_MS websocket_core.follower.POLL_ROUNDS websocket_core.follower.POLL_S
        web.http.request_body._MARGIN_S web.api.operations.__init__(lasts_s)
    """,
    "What a part takes at the end of the process, within the limit of its drain and the ten seconds of its exit.": """
        adapters.postgres.audit._CLOSE_S adapters.postgres.audit_rows._CLOSE_S adapters.postgres.connection.CLOSE_TIMEOUT_S
        adapters.postgres.event_log._CLOSE_S adapters.postgres.pool.close(timeout) adapters.sqlite.audit._CLOSE_S
        runs.recovery._CANCEL_S runs.scheduler._CANCEL_S
    """,
    "Connections of a process to PostgreSQL beside the events': as many as it has parts that use them.": """
        adapters.postgres.peers._LINES adapters.redis.presence.from_url(max_connections) stores._CONNECTIONS
    """,
    "Within a bound that is a limit: a line, a message, a head or a key set is no longer.": """
        services.redaction._LONGEST_NAME services.secret_shapes.LONGEST_HEAD services.text_redaction._LONGEST_ADDRESS
        services.text_redaction._MOST_ESCAPES
        adapters.auth.jwks_keys._MAX_KEYS core.frame_key._MOST_TOKENS core.ids._MAX_FOUND core.repaired_text._MOST_DEPTH
        services.credentials._MAX_QUERY_BYTES services.redaction.MAX_DEPTH services.redaction.MAX_ITEMS
        services.redaction.MOST_BITS core.questions.MOST_DEPTH services.answer_schemas._MOST_TOLD
        services.answer_schemas._PATTERN_BYTES services.answer_schemas._MOST_PATTERNS
        usage.importers.formats.buckets.MAX_RESULTS usage.importers.formats.otel.MAX_SPANS
        usage.importers.reading.source.RATIO_FREE web.http.client_address._MAX_HOPS web.http.request_query._MAX_DIGITS
        web.http.request_query._MAX_TIME services.credentials.parse_qsl(max_num_fields)
    """,
    "What a provider says of a request, as far as a database can hold it.": """
        core.budgets.MOST_MODEL_NAME core.budgets.MOST_TOKENS
    """,
    "Files of the operator's or of the program's own, which nobody else writes.": """
        adapters.audit.anchors._MAX_BYTES adapters.process.data_directory._MAX_BYTES extensions.source_watch.MOST_ENTRIES
        extensions.source_watch.MOST_FILES extensions.trial._MOST_FAULTS settings_reader._MAX_FILE_BYTES
        web.http.page_files.MOST_BYTES web.http.page_files.MOST_FILES services.safe_html.MAX_CHARACTERS
    """,
    "What is shown of more, which the answer says or the row cuts off.": """
        adapters.postgres.rights._SHOWN core.ids._SHOWN services.audit_trail._MAX_CHARACTERS services.audit_trail._MAX_FIELDS
        usage.anomalies.MAX_ANOMALIES usage.importers.formats.table.MAX_COLUMNS usage.importers.import_stats.MAX_EXAMPLES
        usage.importers.import_stats.MAX_REASONS usage.importers.import_stats._SHOWN usage.importers.importing.PREVIEW_ROWS
        usage.markdown.MAX_CELL usage.model_names.MAX_CANDIDATES usage.profile.MODELS_SHOWN usage.report_html.MAX_NAME
        usage.report_markdown._DAYS_SHOWN usage.savings.TOP_ROWS usage.summary.MAX_DAYS web.http.access_log._PATH_CHARACTERS
        agents.answers.by_model.MAX_CONTEXT agents.answers.by_model.MAX_DATA
    """,
    "What a figure is computed with: another number is another figure, and the documents say which.": """
        usage.anomalies.DAILY_FROM_DAYS usage.anomalies.SMALLEST_PART usage.anomalies.Z_LIMIT usage.forecast.LEVEL_DAYS
        usage.forecast.MIN_DAYS usage.importers.reading.records.HEAD_RECORDS usage.importers.reading.values.MAX_BLOCKS
        usage.importers.reading.values.MAX_COST_USD usage.importers.reading.values.MAX_LATENCY_MS
        usage.importers.reading.values.MAX_TEXT usage.importers.reading.values.MAX_TOKENS usage.levers.log.MAX_KINDS
        usage.levers.prompt_cache.LONG_TIME_TO_LIVE_MS usage.levers.prompt_cache.TIME_TO_LIVE_MS usage.levers.retries.RESEND_MS
        usage.levers.retries.SAME_SIZE usage.priced.MAX_COMBINATIONS usage.savings.MIN_DAYS usage.savings.MONTH_DAYS
        usage.stl.INNER_PASSES usage.stl.OUTER_PASSES
    """,
    "A unit of time, or a moment beyond all others.": """
        adapters.event_log.key_filter.DAY_MS core.audit_allowance.HOUR_MS server.housekeeping.DAY_MS
        services.standing._FAR_SECONDS usage.pricing.DAY_SECONDS
        usage.history.timedelta(days) usage.history.timedelta(hours) usage.importers.reading.values.timedelta(days)
    """,
    "The default of a setting of its own, or of an option of a command.": """
        config.Settings.audit_retention_days config.Settings.workers config.load(workers)
        core.identity.DEFAULT_MAX_LIFETIME_S services.synthetic_sign_ins.LIFETIME_S
        services.token_minting.DEFAULT_LIFETIME_S
    """,
}
"""Why a number that is named like a bound is none that an operator sets, and which ones: ``module.NAME``, ``module.Class.name``,
``module.function(parameter)``, ``module.called(keyword)``, or all of a package."""


def number(value: ast.expr | None) -> float | None:
    """What a constant expression of numbers comes to; ``None`` for anything else, and for 0, which bounds nothing."""
    if value is None or not all(
        isinstance(part, (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)) for part in ast.walk(value)
    ):
        return None
    found = ast.literal_eval(value) if isinstance(value, ast.Constant) else _computed(value)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) and found else None


def _computed(value: ast.expr) -> object:
    if any(isinstance(part, ast.Constant) and not isinstance(part.value, (int, float)) for part in ast.walk(value)):
        return None
    return eval(compile(ast.Expression(value), "constant", "eval"), {"__builtins__": {}})  # numbers alone


def smells(name: str) -> bool:
    """Whether it is named like a bound."""
    return name not in TOLD and _has_word(name) is not None


def numbers_in(source: str) -> Iterator[str]:
    """The names of all numbers of a module that are named like a bound."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            inside = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            for line in node.body:
                targets = line.targets if isinstance(line, ast.Assign) else []
                if isinstance(line, ast.AnnAssign):
                    targets = [line.target]
                for target in targets:
                    if isinstance(target, ast.Name) and smells(target.id) and number(getattr(line, "value", None)):
                        yield inside + target.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            given = node.args
            plain = [*given.posonlyargs, *given.args]
            defaults = [*zip(plain[len(plain) - len(given.defaults) :], given.defaults, strict=True)]
            for argument, default in [*defaults, *zip(given.kwonlyargs, given.kw_defaults, strict=True)]:
                if smells(argument.arg) and number(default):
                    yield f"{node.name}({argument.arg})"
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for keyword in node.keywords:
                if keyword.arg is not None and smells(keyword.arg) and number(keyword.value):
                    yield f"{called}({keyword.arg})"


def numbers_of(root: Path) -> set[str]:
    """The same of the whole application."""
    found = set()
    for place in PLACES:
        for path in sorted((root / place).rglob("*.py")):
            module = ".".join(path.relative_to(root / place).with_suffix("").parts)
            if module != "core.limits":
                found |= {f"{module}.{name}" for name in numbers_in(path.read_text())}
    return found


def allowed(name: str, names: frozenset[str]) -> bool:
    return name in names or any(each.endswith(".*") and name.startswith(each[:-1]) for each in names)


def test_every_bound_is_a_limit_or_says_why_it_is_none(root: Path) -> None:
    names = frozenset(" ".join(NO_LIMITS.values()).split())
    assert sum(len(each.split()) for each in NO_LIMITS.values()) == len(names), "a name has two reasons"
    found = numbers_of(root)
    strays = sorted(name for name in found if not allowed(name, names))
    assert not strays, f"make these limits (core/limits.py), or say here why they are none: {' '.join(strays)}"
    gone = sorted(each for each in names if not any(allowed(name, frozenset({each})) for name in found))
    assert not gone, f"these are no more: {' '.join(gone)}"


def test_a_bound_is_found_wherever_it_hides() -> None:
    source = """
MAX_ROWS: Final = 1_000
_WAIT_S = 2 * 30.0
MOST = -1
COLOUR = 7
MAX_NAME = "a"
MAX_OF = len(x)
FLAG_ROWS = True
NO_ROWS = 0
class Bounds:
    idle_s: float = 60.0
def ask(rows, /, most=5, *, size=1 << 20, other=5): ...
queue = Queue(maxsize=10, name=4, retry_after_ms=5)
"""
    assert list(numbers_in(source)) == [
        "MAX_ROWS", "_WAIT_S", "MOST", "Bounds.idle_s", "ask(most)", "ask(size)", "Queue(maxsize)",
    ]  # fmt: skip


def defaults_in(sources: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """What can be called, and which of its parameters (place, name) are a limit if nobody says otherwise."""
    found: dict[str, list[tuple[int, str]]] = {}

    def note(called: str, parameters: Iterable[tuple[int, str, ast.expr | None]]) -> None:
        usual = [
            (at, name) for at, name, default in parameters if default is not None and "USUAL" in ast.unparse(default)
        ]
        if usual:
            found[called] = usual

    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.ClassDef):
                fields = [line for line in node.body if isinstance(line, ast.AnnAssign)]
                note(node.name, [(at, ast.unparse(line.target), line.value) for at, line in enumerate(fields)])
                for method in node.body:
                    if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        made = method.name == "__init__"
                        note(node.name if made else f"{node.name}.{method.name}", parameters_of(method, skip=1))
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                note(node.name, parameters_of(node))
    return found


def parameters_of(
    function: ast.FunctionDef | ast.AsyncFunctionDef, skip: int = 0
) -> Iterator[tuple[int, str, ast.expr | None]]:
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(plain) - len(given.defaults)), *given.defaults]
    for at, (argument, default) in enumerate(zip(plain, defaults, strict=True)):
        yield at - skip, argument.arg, default
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield len(plain), argument.arg, default


def left_out(source: str, defaults: Mapping[str, list[tuple[int, str]]]) -> Iterator[str]:
    """Calls that leave a limit to its default: ``called(parameter)``."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or any(keyword.arg is None for keyword in node.keywords):
            continue
        called = ast.unparse(node.func)
        given = {keyword.arg for keyword in node.keywords}
        if not any(isinstance(argument, ast.Starred) for argument in node.args):
            for at, name in defaults.get(called, ()):
                if name not in given and len(node.args) <= at:
                    yield f"{called}({name})"


DEFAULTS_TAKEN: Final[Mapping[str, str]] = {
    "adapters.postgres.gate asked(limits)": "Of an administrator's command.",
    "adapters.postgres.new_epochs asked(limits)": "Of an operator's command.",
    "commands.check_services asked(limits)": "It looks once, and somebody waits beside it.",
    "commands.check_services bucket_of(limits)": "It looks once, and somebody waits beside it.",
    "commands.stored_runs SqliteEventLog(limits)": "It reads runs while no server does.",
    "services.audit_trail Allowance(limits)": "For tests; the composition root brings its own.",
}
"""Calls that may leave a limit to its default, and why."""


def imported_by(module: str, source: str) -> frozenset[str]:
    """The names, each with its home, that a module takes from others of the application."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            home = [*module.split(".")[: -node.level], *(node.module or "").split(".")]
            names |= {".".join([*home, each.name]) for each in node.names if each.asname is None}
    return frozenset(names)


def test_no_part_of_the_application_leaves_a_limit_to_its_default(root: Path) -> None:
    app = root / "netra_backend/app"
    sources = {
        ".".join(path.relative_to(app).with_suffix("").parts): path.read_text() for path in sorted(app.rglob("*.py"))
    }
    imported = {module: imported_by(module, source) for module, source in sources.items()}
    found = set()
    for home, defining in sources.items():
        for called, parameters in (defaults_in([defining]) if "USUAL" in defining else {}).items():
            name = f"{home}.{called.partition('.')[0]}"
            for module, source in sources.items():
                if module == home or name in imported[module]:
                    found |= {f"{module} {call}" for call in left_out(source, {called: parameters})}
    assert found == set(DEFAULTS_TAKEN)


def test_a_limit_that_is_left_to_its_default_is_found() -> None:
    defaults = defaults_in([
        "class Office:\n"
        "    def __init__(self, store, *, lifetime_s=USUAL.ticket_s): ...\n"
        "    def open(cls, url, limits=USUAL): ...",
        "class Parts:\n    clock: Clock\n    approval_ms: int = round(USUAL.approval_s * 1000)",
        "def judge(sql, limits=USUAL): ...",
    ])  # fmt: skip
    assert [*left_out("Office(1); Office.open(u); Parts(1); judge(1)", defaults)] == [
        "Office(lifetime_s)", "Office.open(limits)", "Parts(approval_ms)", "judge(limits)",
    ]  # fmt: skip
    assert [
        *left_out("Office(1, lifetime_s=2); Office.open(u, l); Parts(1, 2); judge(1, limits=l); other()", defaults)
    ] == []


def test_every_limit_is_read_by_the_application(root: Path) -> None:
    read = {
        node.attr
        for path in (root / "netra_backend/app").rglob("*.py")
        if path.name != "limits.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        if isinstance(node.value, (ast.Name, ast.Attribute)) and "limits" in ast.unparse(node.value).lower()
    }
    assert sorted(LIMIT_RANGES.keys() - read) == []


def test_an_event_of_the_largest_size_passes_through_every_format() -> None:
    from netra_backend.app.adapters.postgres.batch import MOST_BYTES
    from netra_backend.app.adapters.redis.message import MAX_MESSAGE_BYTES

    largest = LIMIT_RANGES["event_bytes"].high + MAX_CHUNK_BYTES
    assert largest < MAX_MESSAGE_BYTES
    assert largest < MOST_BYTES


def test_an_answer_of_the_largest_size_is_a_message_of_the_process_that_gives_it() -> None:
    from netra_backend.app.adapters.process.child_runtime import MAX_MESSAGE

    assert LIMIT_RANGES["answer_bytes"].high <= MAX_MESSAGE
