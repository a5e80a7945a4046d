"""The bounds of a server: what each means, its default, and its range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from .history import MAX_CHUNK_BYTES

MOST_MODEL_TOKENS: Final = 1_000_000
"""The most that an agent or a setting may ask of one answer of a language model."""


@dataclass(frozen=True, slots=True)
class LimitRange:
    """What one limit means, in which unit it counts, and from ``low`` to ``high`` what it may be."""

    about: str
    unit: str
    low: float
    high: float


_RANGE: Final = "range"


def _limit(default: Any, low: float, high: float, unit: str, about: str) -> Any:
    return field(default=default, metadata={_RANGE: LimitRange(about, unit, low, high)})


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server: the one table of them. Each is the setting ``NETRA_LIMIT_`` and its name in capitals.

    Counts are per user unless said; rates are per second with a burst, and each of several processes counts them for itself.
    """

    # What is sent over a WebSocket
    frame_bytes: int = _limit(65_536, 1_024, 1_048_576, "bytes", "a text message")
    message_bytes: int = _limit(
        1_048_576, 1_024, 16_777_216, "bytes", "a text message that is refused without closing the connection"
    )
    message_fragments: int = _limit(256, 1, 65_536, "fragments", "a message in fragments")
    outbox_bytes: int = _limit(1_048_576, 4_096, 67_108_864, "bytes", "what waits to be sent to one connection")
    outbox_stall_s: float = _limit(10.0, 0.1, 600, "seconds", "a connection that takes nothing of what waits")
    frame_rate: float = _limit(1000.0, 1, 100_000, "a second", "messages of all connections")
    frame_burst: int = _limit(2000, 1, 1_000_000, "messages", "messages of all connections at once")
    raw_frame_rate: float = _limit(
        200.0, 1, 200_000, "a second", "control frames and fragments of all connections: all that is no whole text"
    )
    raw_frame_burst: int = _limit(
        500, 16, 2_000_000, "frames", "control frames and fragments of all connections at once"
    )
    byte_rate: float = _limit(4_194_304.0, 1_024, 1e9, "bytes a second", "what all connections send")
    byte_burst: int = _limit(4_194_304, 65_536, 1_000_000_000, "bytes", "what all connections send at once")
    frames_a_turn: int = _limit(
        64, 1, 10_000, "frames", "WebSocket frames of one connection before others have their turn"
    )
    bytes_a_turn: int = _limit(65_536, 1_024, 16_777_216, "bytes", "the same in bytes, up to the end of a frame")
    heartbeat_ms: int = _limit(20_000, 100, 3_600_000, "milliseconds", "between two heartbeats")
    pong_timeout_s: float = _limit(20.0, 0.1, 3_600, "seconds", "until a ping is answered")
    faults: int = _limit(3, 1, 1_000, "frames", "malformed frames of one connection within their window")
    fault_window_s: float = _limit(60.0, 1, 86_400, "seconds", "the window that malformed frames are counted in")
    held_frames: int = _limit(1000, 1, 100_000, "frames", "commands of one connection that wait for the one before")
    held_replays: int = _limit(32, 1, 10_000, "frames", "replays of one connection that wait for the one before")
    replayed_threads: int = _limit(200, 1, 10_000, "threads", "threads that a device is brought up to date in unasked")
    replay_page_bytes: int = _limit(
        1_048_576, 393_216, 16_777_216, "bytes", "events that are read together for a replay"
    )
    replay_page_events: int = _limit(300, 1, 10_000, "events", "events that are read together for a replay")
    replay_wait_s: float = _limit(30.0, 1, 3_600, "seconds", "a replay that waits for the log to be readable again")
    rate_refusals: int = _limit(
        100, 1, 100_000, "frames", "refused commands over the rate of one connection before it is closed"
    )
    close_s: float = _limit(10.0, 0.05, 600, "seconds", "until a closed WebSocket is cut off")

    # What a user has
    connections: int = _limit(20, 1, 10_000, "connections", "connections at a time")
    runs: int = _limit(10, 1, 10_000, "runs", "runs at a time")
    queued_runs: int = _limit(100, 0, 100_000, "runs", "runs that wait")
    run_s: float = _limit(600.0, 1, 604_800, "seconds", "a run")
    cancel_s: float = _limit(
        5.0, 0.1, 10, "seconds", "a run that was stopped, until its end is recorded whatever it does"
    )
    claim_rate: float = _limit(20.0, 0.01, 10_000, "a second", "new threads")
    claim_burst: int = _limit(1000, 1, 100_000, "threads", "new threads at once")
    request_rate: float = _limit(50.0, 0.01, 100_000, "a second", "HTTP requests")
    request_burst: int = _limit(500, 1, 1_000_000, "requests", "HTTP requests at once")
    user_requests: int = _limit(64, 1, 100_000, "requests", "HTTP requests that are not answered yet, at a time")
    resume_rate: float = _limit(500.0, 1, 100_000, "threads a second", "threads that resumes look at")
    resume_burst: int = _limit(10_000, 1, 1_000_000, "threads", "threads that resumes look at, at once")
    transfers: int = _limit(4, 1, 1_000, "transfers", "uploads, exports and reports at a time")
    datasets: int = _limit(100, 1, 1_000, "datasets", "imported datasets")
    tickets: int = _limit(16, 1, 10_000, "tickets", "unused tickets")
    ticket_s: float = _limit(30.0, 1, 600, "seconds", "a ticket")
    revoked_tokens: int = _limit(1_000, 1, 100_000, "tokens", "single sign-ins that are revoked at a time")

    # What a run may do
    event_bytes: int = _limit(524_288, 131_072, 1_048_576, "bytes", "an event")
    run_ahead_bytes: int = _limit(
        262_144, 65_536, 16_777_216, "bytes", "events of a run that are not stored yet when its next step begins"
    )
    tool_s: float = _limit(30.0, 0.05, 86_400, "seconds", "a call of a tool that sets no time limit of its own")
    park_s: float = _limit(60.0, 0.05, 86_400, "seconds", "a pause of an agent for which its run stays in memory")
    approval_s: float = _limit(
        900.0, 0.05, 604_800, "seconds", "a call that waits for approval, and a question that says no other time"
    )
    run_questions: int = _limit(
        20, 1, 1_000, "questions", "questions and approvals of one run that wait for its user at a time"
    )
    ask_bytes: int = _limit(16_384, 256, 32_768, "bytes", "the text of a question")
    ask_schema_bytes: int = _limit(16_384, 256, 32_768, "bytes", "the schema that a question's answer fits")
    ask_answer_bytes: int = _limit(16_384, 256, 65_536, "bytes", "an answer to a question")
    decision_s: float = _limit(10.0, 0.05, 600, "seconds", "until a decision on a call is stored")
    model_silence_s: float = _limit(30.0, 0.05, 3_600, "seconds", "a language model that says nothing")
    model_tokens: int = _limit(
        1_500, 1, MOST_MODEL_TOKENS, "tokens", "an answer of a language model for which the agent sets no bound"
    )
    model_characters: int = _limit(100_000, 100, 10_000_000, "characters", "an answer of a language model")
    loop_blocked_s: float = _limit(
        1.0, 0.1, 60, "seconds", "code that holds up the whole process, until the log names it"
    )

    # What a user stores
    blob_bytes: int = _limit(4_194_304, 1_024, 33_554_432, "bytes", "a blob that belongs to an event")
    file_bytes: int = _limit(20_971_520, 1_024, 1_073_741_824, "bytes", "a file to attach to a message")
    files: int = _limit(200, 1, 100_000, "files", "files to attach, the attached ones included")
    files_bytes: int = _limit(1_073_741_824, 1_024, 1_099_511_627_776, "bytes", "a user's files together")

    parked_runs: int = _limit(1_000, 0, 1_000_000, "runs", "runs that have left memory until their time comes")
    state_bytes: int = _limit(16_384, 64, 131_072, "bytes", "a value that an agent keeps")
    state_keys: int = _limit(1_000, 1, 100_000, "values", "values that agents keep for a thread, and those for a user")
    secret_bytes: int = _limit(8_192, 64, 65_536, "bytes", "a secret")
    secrets: int = _limit(50, 0, 1_000, "secrets", "secrets that a user keeps")
    api_keys: int = _limit(50, 0, 1_000, "keys", "API keys that a user has")
    api_key_days: int = _limit(365, 1, 3_650, "days", "how long an API key lasts, at most and by default")
    mcp_servers: int = _limit(20, 0, 1_000, "servers", "MCP servers that a user adds")
    mcp_tools: int = _limit(100, 1, 1_000, "tools", "tools of its user's MCP servers that a run gets")
    mcp_schema_bytes: int = _limit(8_192, 256, 65_536, "bytes", "the schema of an MCP tool's arguments")
    mcp_result_bytes: int = _limit(131_072, 1_024, 1_048_576, "bytes", "what a call of an MCP tool returns")
    mcp_answer_bytes: int = _limit(1_048_576, 4_096, 16_777_216, "bytes", "an HTTP answer of an MCP server")
    mcp_open_s: float = _limit(10.0, 0.1, 600, "seconds", "until an MCP server has told its tools, or a token is given")
    mcp_authorization_s: float = _limit(600.0, 1, 86_400, "seconds", "an authorization that a browser finishes")
    mcp_authorizations: int = _limit(4, 1, 1_000, "requests", "requests to authorize MCP servers, at a time")

    # What a process has
    process_connections: int = _limit(50_000, 1, 1_000_000, "connections", "connections of one process")
    process_runs: int = _limit(10_000, 1, 1_000_000, "runs", "runs of one process at a time")
    process_parked_runs: int = _limit(
        20_000, 0, 10_000_000, "runs", "runs that one process goes on with when their time comes"
    )
    process_transfers: int = _limit(64, 1, 10_000, "transfers", "uploads, exports and reports of one process at a time")
    process_tool_threads: int = _limit(32, 1, 1_000, "threads", "calls of tools that are plain functions, at a time")
    process_mcp_authorizations: int = _limit(64, 1, 10_000, "requests", "authorizing MCP servers, in a process")
    process_drills: int = _limit(2, 1, 100, "drills", "isolation drills of one process at a time")
    process_threads: int = _limit(100_000, 100, 10_000_000, "threads", "conversations that one process has in memory")
    reserved_files: int = _limit(
        256, 16, 100_000, "files", "open files that no connection takes; at most half of what the system allows"
    )
    drain_s: float = _limit(5.0, 0.0, 600, "seconds", "what runs have to end in when the server shuts down")
    backlog: int = _limit(
        4_096, 16, 65_535, "connections", "connections that the system has taken and the process has not"
    )
    log_characters: int = _limit(16_384, 1_024, 1_048_576, "characters", "a line of the log")
    all_tickets: int = _limit(10_000, 1, 10_000_000, "tickets", "unused tickets of all users of all processes")

    # Who is not signed in
    authentication_s: float = _limit(10.0, 0.1, 600, "seconds", "from a connection to its sign-in")
    anonymous_rate: float = _limit(
        20.0, 0.01, 100_000, "a second", "requests and handshakes of one address without a valid sign-in"
    )
    anonymous_burst: int = _limit(
        500, 1, 1_000_000, "requests", "requests and handshakes of one address without a valid sign-in at once"
    )
    anonymous_addresses: int = _limit(10_000, 1, 10_000_000, "addresses", "addresses that requests are counted for")
    anonymous_answer_rate: float = _limit(
        50.0, 0.01, 100_000, "a second", "answers of any kind to one address without a valid sign-in"
    )
    anonymous_answer_burst: int = _limit(
        500, 1, 1_000_000, "answers", "answers of any kind to one address without a valid sign-in at once"
    )
    anonymous_connections: int = _limit(
        4_096, 1, 1_000_000, "connections", "connections of one address that are not signed in"
    )
    process_anonymous_connections: int = _limit(
        8_192, 1, 1_000_000, "connections", "connections of one process that are not signed in"
    )
    anonymous_sockets: int = _limit(100, 1, 100_000, "connections", "WebSockets of one address that wait for a token")
    process_anonymous_sockets: int = _limit(
        1_000, 1, 1_000_000, "connections", "WebSockets of one process that wait for a token"
    )
    anonymous_place_s: float = _limit(1.0, 0.05, 600, "seconds", "until such a WebSocket gives way to any other")
    anonymous_frames: int = _limit(32, 1, 100_000, "frames", "WebSocket frames of a connection before its sign-in")
    anonymous_bytes: int = _limit(131_072, 1_024, 16_777_216, "bytes", "what a WebSocket sends before its sign-in")
    anonymous_close_s: float = _limit(
        2.0,
        0.05,
        600,
        "seconds",
        "until a closed WebSocket is cut off that was not signed in, sent too much, or was closed by its peer",
    )
    token_characters: int = _limit(8_192, 1_024, 16_384, "characters", "a token")
    key_set_s: float = _limit(5.0, 0.05, 60, "seconds", "a request for an issuer's signing keys")
    key_set_bytes: int = _limit(262_144, 1_024, 16_777_216, "bytes", "an issuer's answer with its signing keys")
    key_set_fresh_s: float = _limit(3_600.0, 1, 604_800, "seconds", "until signing keys are fetched again")
    key_set_stale_s: float = _limit(
        86_400.0, 1, 2_592_000, "seconds", "until signing keys of an issuer that does not answer stop counting"
    )
    key_set_refetch_s: float = _limit(30.0, 1, 3_600, "seconds", "between two requests for keys because one is unknown")

    # What HTTP takes
    head_bytes: int = _limit(32_768, 1_024, 1_048_576, "bytes", "request line and headers of a request")
    head_fields: int = _limit(100, 20, 10_000, "headers", "headers of a request")
    head_s: float = _limit(10.0, 0.05, 600, "seconds", "from the first byte of a request to the end of its headers")
    pipelined_requests: int = _limit(
        32, 1, 10_000, "requests", "requests of one connection that wait for the answer to the one before"
    )
    requests_a_turn: int = _limit(
        8, 1, 10_000, "requests", "requests and handshakes of all users that begin before others have their turn"
    )
    rest_s: float = _limit(
        5.0, 0.0, 600, "seconds", "how long a connection over which too much was asked is not read, at most"
    )
    door_bytes: int = _limit(
        4_194_304, 16_384, 67_108_864, "bytes", "a JSON body in another protocol: the whole conversation"
    )
    door_comment_s: float = _limit(15.0, 0.05, 600, "seconds", "until a stream in which nothing happens has a comment")
    json_bytes: int = _limit(16_384, 1_024, 1_048_576, "bytes", "a JSON body")
    json_s: float = _limit(30.0, 0.05, 3_600, "seconds", "a JSON body from its beginning to its end")
    upload_bytes: int = _limit(4_294_967_296, 1_024, 1_099_511_627_776, "bytes", "an upload")
    upload_s: float = _limit(3_600.0, 1, 86_400, "seconds", "an upload from its beginning to its end")
    body_idle_s: float = _limit(30.0, 0.01, 3_600, "seconds", "a pause within a body")
    body_rate: float = _limit(1_024.0, 1, 1e9, "bytes a second", "what a transfer moves at least, in either direction")
    body_grace_s: float = _limit(10.0, 0.01, 3_600, "seconds", "until a transfer is held to its least rate")
    stall_s: float = _limit(
        30.0, 0.05, 3_600, "seconds", "a client that reads its answer more slowly than the least rate"
    )
    download_s: float = _limit(
        3_600.0, 0.05, 86_400, "seconds", "an answer, from when its reader first keeps it waiting to its end"
    )
    linger_s: float = _limit(5.0, 0.05, 600, "seconds", "the rest of a body whose answer was sent")
    html_s: float = _limit(5.0, 0.1, 600, "seconds", "making HTML of a result, until it is shown as it is written")
    readiness_ms: int = _limit(1_000, 10, 60_000, "milliseconds", "how old the verdict of /readyz is at most")
    probe_s: float = _limit(2.0, 0.05, 60, "seconds", "until a part that /readyz asks counts as not ready")

    # What usage data takes
    question_s: float = _limit(25.0, 0.1, 3_600, "seconds", "an answer over usage data")
    question_cpu_s: int = _limit(25, 1, 3_600, "seconds", "computing one answer over usage data")
    question_process_cpu_s: int = _limit(
        600, 1, 604_800, "seconds", "computing all answers of one process; another gives the next ones"
    )
    question_memory_bytes: int = _limit(
        939_524_096, 134_217_728, 1_099_511_627_776, "bytes", "address space of a process that answers over usage data"
    )
    question_engine_bytes: int = _limit(
        512_000_000, 67_108_864, 1_099_511_627_776, "bytes", "of these, what the database engine takes"
    )
    process_questions: int = _limit(4, 1, 1_000, "processes", "users whose usage data one process has open")
    question_idle_s: float = _limit(120.0, 0.05, 86_400, "seconds", "until usage data that nobody asks about is closed")
    answer_bytes: int = _limit(8_388_608, 1_024, 8_388_608, "bytes", "an answer over usage data")
    answer_rows: int = _limit(1_000, 100, 100_000, "rows", "an answer to a query over usage data")
    savings_rows: int = _limit(1_000_000, 1_000, 100_000_000, "rows", "the newest rows that savings are estimated from")
    sql_characters: int = _limit(10_000, 100, 1_000_000, "characters", "a statement of raw SQL")
    sql_parts: int = _limit(2_000, 10, 100_000, "parts", "the parts of a statement of raw SQL")
    sql_joins: int = _limit(4, 0, 100, "joins", "the joins of a statement of raw SQL")
    sql_answer_bytes: int = _limit(1_048_576, 1_024, 8_388_608, "bytes", "an answer to raw SQL")
    process_imports: int = _limit(2, 1, 100, "imports", "imports of one process at a time")
    import_s: float = _limit(3_600.0, 0.1, 604_800, "seconds", "an import from its beginning to its end")
    import_silence_s: float = _limit(120.0, 0.1, 86_400, "seconds", "an import that makes no progress")
    import_cpu_s: int = _limit(3_600, 1, 604_800, "seconds", "computing one import")
    import_memory_bytes: int = _limit(
        1_073_741_824, 134_217_728, 1_099_511_627_776, "bytes", "address space of an import"
    )
    import_engine_bytes: int = _limit(
        384_000_000, 67_108_864, 1_099_511_627_776, "bytes", "of these, what the database engine takes"
    )
    import_file_bytes: int = _limit(
        17_179_869_184, 4_096, 1_099_511_627_776, "bytes", "what an import writes, in all its files together"
    )
    import_files: int = _limit(256, 32, 100_000, "files", "files that an import has at a time")
    import_unpacked_bytes: int = _limit(
        68_719_476_736, 1_024, 109_951_162_777_600, "bytes", "an imported file when it is unpacked"
    )
    import_ratio: int = _limit(300, 1, 100_000, "times", "what an imported file of more than 64 MiB unpacks to")
    import_rows: int = _limit(100_000_000, 1, 10_000_000_000, "rows", "an imported file")
    import_line_bytes: int = _limit(33_554_432, 1_024, 1_073_741_824, "bytes", "a line or a value of an imported file")
    import_field_characters: int = _limit(1_048_576, 64, 134_217_728, "characters", "a field of an imported table")
    import_columns: int = _limit(1_000, 1, 100_000, "columns", "an imported table")
    own_usage_rows: int = _limit(
        100_000, 100, 10_000_000, "rows", "the newest own model requests of a user that are usage data, too"
    )
    own_usage_s: float = _limit(60.0, 0.0, 86_400, "seconds", "until further own model requests are in the usage data")
    reserved_disk_bytes: int = _limit(
        268_435_456, 0, 1_099_511_627_776, "bytes", "disk that usage data and files leave free"
    )
    copies_bytes: int = _limit(
        4_294_967_296, 1_048_576, 109_951_162_777_600, "bytes", "local copies of datasets in an object store"
    )
    copies_idle_s: float = _limit(600.0, 1, 604_800, "seconds", "until a local copy that nobody uses is removed")

    # What the services behind it take
    database_connect_s: float = _limit(10.0, 0.1, 300, "seconds", "a new connection to PostgreSQL")
    database_command_s: float = _limit(30.0, 0.1, 3_600, "seconds", "a statement in PostgreSQL")
    database_connections: int = _limit(
        4, 2, 100, "connections", "connections to PostgreSQL of one process and role that read and write events"
    )
    unstored_bytes: int = _limit(
        67_108_864, 1_048_576, 17_179_869_184, "bytes", "events of one process that wait for PostgreSQL"
    )
    peer_s: float = _limit(10.0, 0.1, 300, "seconds", "an answer of another process")
    peer_messages: int = _limit(1_000, 10, 1_000_000, "messages", "messages of one process to others that wait")
    bus_s: float = _limit(3.0, 0.1, 60, "seconds", "an answer of Redis to what events pass through")
    bus_strange_rate: int = _limit(
        200,
        10,
        1_000_000,
        "messages a second",
        "what Redis passes on that is not this server's, before its connection is left",
    )
    bus_bytes: int = _limit(8_388_608, 65_536, 1_073_741_824, "bytes", "events that wait for Redis")
    presence_s: float = _limit(1.0, 0.05, 60, "seconds", "an answer of Redis to what users hold elsewhere")
    object_connect_s: float = _limit(5.0, 0.1, 60, "seconds", "a connection to the object store")
    object_answer_s: float = _limit(15.0, 0.1, 600, "seconds", "a small object or a list, with all retries")
    object_part_s: float = _limit(60.0, 0.1, 3_600, "seconds", "a part of a large object")
    object_retries: int = _limit(3, 0, 100, "times", "how often a request to the object store is sent again")

    # What the audit trail takes
    audit_waiting: int = _limit(10_000, 100, 1_000_000, "rows", "rows of one process that wait to be written")
    audit_user_rows: int = _limit(600, 1, 1_000_000, "rows an hour", "refusals of one user")
    audit_address_rows: int = _limit(
        60, 1, 1_000_000, "rows an hour", "refusals of one address without a valid sign-in"
    )
    audit_anonymous_rows: int = _limit(
        600, 1, 1_000_000, "rows an hour", "refusals of all addresses without a valid sign-in"
    )
    audit_watched: int = _limit(10_000, 1, 10_000_000, "users and addresses", "whose refusals are counted apart")

    def told(self) -> dict[str, int]:
        """The limits that a client gets when it has connected."""
        return {
            "bytes": self.frame_bytes,
            "connections": self.connections,
            "runs": self.runs,
            "queued_runs": self.queued_runs,
            "frames_per_second": int(self.frame_rate),
            "outbox_bytes": self.outbox_bytes,
        }

    def contradictions(self) -> list[tuple[str, str, int]]:
        """Two fields and a number: the first must not be smaller than the second and so much more, and is."""
        return [each for each in AT_LEAST if getattr(self, each[0]) < getattr(self, each[1]) + each[2]]


def told_size(size: int) -> str:
    """So many bytes, in words: in MiB or GiB where they are whole ones."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >> shift and not size & ((1 << shift) - 1):
            return f"{size >> shift:,} {unit}"
    return f"{size:,} bytes"


AT_LEAST: Final = (
    ("message_bytes", "frame_bytes", 0),
    ("byte_burst", "message_bytes", 0),
    ("raw_frame_burst", "message_fragments", 0),
    ("anonymous_bytes", "frame_bytes", 0),
    ("outbox_bytes", "frame_bytes", 0),
    ("process_transfers", "transfers", 0),
    ("process_parked_runs", "parked_runs", 0),
    ("process_anonymous_sockets", "anonymous_sockets", 0),
    ("process_anonymous_connections", "anonymous_connections", 0),
    ("outbox_bytes", "replay_page_bytes", 0),
    ("replay_page_bytes", "event_bytes", MAX_CHUNK_BYTES),  # what is stored together is read together
    ("question_process_cpu_s", "question_cpu_s", 0),
    ("question_memory_bytes", "question_engine_bytes", 0),
    ("import_memory_bytes", "import_engine_bytes", 0),
    ("all_tickets", "tickets", 0),
    ("key_set_stale_s", "key_set_fresh_s", 0),
    ("key_set_fresh_s", "key_set_refetch_s", 0),
    ("answer_bytes", "sql_answer_bytes", 0),
    ("unstored_bytes", "event_bytes", 0),
    ("unstored_bytes", "blob_bytes", 0),
    ("blob_bytes", "state_bytes", 0),  # what was read is recorded as one
    ("files_bytes", "file_bytes", 0),
    ("bus_bytes", "event_bytes", 0),
    ("object_part_s", "object_connect_s", 0),
    ("audit_anonymous_rows", "audit_address_rows", 0),
)
"""What must not be smaller than what, and so much more."""

USUAL: Final = Limits()
"""The limits of a server whose operator sets none."""

LIMIT_RANGES: Final[Mapping[str, LimitRange]] = {each.name: each.metadata[_RANGE] for each in fields(Limits)}
"""Every limit by the name of its field, in the order of the table."""
