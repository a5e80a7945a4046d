-- Version 0001 on SQLite: the embedded event log.

CREATE TABLE thread (
    key INTEGER PRIMARY KEY,
    thread_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,            -- '' when deleted: the id stays taken
    epoch TEXT NOT NULL,
    title TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    oldest INTEGER NOT NULL DEFAULT 1
);

CREATE INDEX thread_owner ON thread(owner, created);

CREATE TABLE head (                 -- apart from thread: it changes with every commit and stays small
    key INTEGER PRIMARY KEY,
    top INTEGER NOT NULL,
    row INTEGER NOT NULL,           -- the thread's newest row of log
    updated INTEGER NOT NULL        -- ms
);

CREATE TABLE log (                  -- append-only; a row is adjacent events of one run
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    seq INTEGER NOT NULL,           -- of the first event
    n INTEGER NOT NULL,
    run TEXT NOT NULL,
    prev INTEGER NOT NULL,          -- the thread's row before, 0 at its end
    payload BLOB NOT NULL           -- events, joined by newlines
);

CREATE TABLE run (
    run_id TEXT PRIMARY KEY,
    thread INTEGER NOT NULL,
    agent TEXT NOT NULL,
    request_id TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    seq INTEGER NOT NULL,           -- of its first event
    ended INTEGER NOT NULL          -- seq of its last event, 0 while it goes on
) WITHOUT ROWID;

CREATE INDEX run_open ON run(run_id) WHERE ended = 0;

CREATE TABLE request (              -- idempotency keys
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    run_id TEXT NOT NULL,
    created INTEGER NOT NULL,       -- ms
    PRIMARY KEY (owner, key)
) WITHOUT ROWID;
