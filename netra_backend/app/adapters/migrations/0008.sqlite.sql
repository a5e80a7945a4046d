-- Version 0008 on SQLite: API keys of users.

CREATE TABLE api_key (
    key_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,           -- of its secret, SHA-256
    scopes TEXT NOT NULL,           -- a JSON array of words
    agents TEXT NOT NULL,           -- those that it may ask, as a JSON array; empty: all
    plan TEXT NOT NULL,
    issued INTEGER NOT NULL,        -- of the sign-in that made it: ms, as the next three
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used INTEGER NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX api_key_name ON api_key(owner, name);
