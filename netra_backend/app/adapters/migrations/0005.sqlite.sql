-- Version 0005 on SQLite: values that agents keep, and secrets of users.

CREATE TABLE state (                -- written in the commit of the event that tells of it
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    thread_id TEXT NOT NULL,        -- '' for what is the user's, whatever the thread
    name TEXT NOT NULL,
    digest TEXT NOT NULL,           -- SHA-256 of the value, in hexadecimal
    value BLOB NOT NULL,
    updated INTEGER NOT NULL        -- ms
);

CREATE UNIQUE INDEX state_name ON state(owner, thread_id, name);

CREATE INDEX state_updated ON state(updated) WHERE thread_id = '';

CREATE TABLE secret (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,           -- which key it is sealed with
    sealed BLOB NOT NULL,           -- readable with the server's key alone
    updated INTEGER NOT NULL        -- ms
);

CREATE UNIQUE INDEX secret_name ON secret(owner, name);
