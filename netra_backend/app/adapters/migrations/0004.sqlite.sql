-- Version 0004 on SQLite: blobs of events.

CREATE TABLE blob (                 -- stored in the commit of the event that names it
    id INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    ref TEXT NOT NULL,              -- SHA-256 of the body, in hexadecimal
    media TEXT NOT NULL,
    body BLOB NOT NULL
);

CREATE UNIQUE INDEX blob_ref ON blob(thread, ref);
