-- Version 0004 on SQLite: blobs of events, and files of users.

CREATE TABLE blob (                 -- stored in the commit of the event that names it
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    ref TEXT NOT NULL,              -- SHA-256 of the body, in hexadecimal
    media TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE UNIQUE INDEX blob_ref ON blob(thread, ref);

CREATE TABLE file (                 -- what users attach
    id INTEGER PRIMARY KEY,
    file_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    media TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    created INTEGER NOT NULL,       -- ms
    finished INTEGER NOT NULL,      -- 1 once it is whole: nobody finds it before
    thread_id TEXT NOT NULL,        -- the thread of the run that it is reserved for, or ''
    run_id TEXT NOT NULL,           -- that run, or ''; once the run exists the file is claimed
    reserved INTEGER NOT NULL       -- ms
);

CREATE INDEX file_owner ON file(owner, file_id);

CREATE INDEX file_thread ON file(thread_id) WHERE thread_id <> '';

CREATE TABLE file_part (
    file INTEGER NOT NULL,
    n INTEGER NOT NULL,             -- 0, 1, 2 …
    body BLOB NOT NULL,
    PRIMARY KEY (file, n)
);
