-- The embedded audit trail, a file of its own (audit.db).

CREATE TABLE IF NOT EXISTS audit (                -- append-only; retention cuts its beginning off
    id INTEGER PRIMARY KEY CHECK (id > 0),
    chain TEXT NOT NULL,            -- the name of the key that its seal was made with
    at INTEGER NOT NULL,            -- ms
    subject TEXT,                   -- a pseudonym; NULL where nobody was known
    event TEXT NOT NULL,
    point TEXT,                     -- the validation point that refused
    detail TEXT NOT NULL,           -- JSON
    seal BLOB NOT NULL              -- of this row and the one before in its chain
);

CREATE INDEX IF NOT EXISTS audit_of_subject ON audit(subject, id);

CREATE INDEX IF NOT EXISTS audit_forgotten ON audit(subject) WHERE event = 'subject_forgotten';

CREATE TABLE IF NOT EXISTS audit_subject (        -- whom a pseudonym stands for; deleting a user deletes this, and no row of audit
    chain TEXT NOT NULL,            -- the name of the key that it is sealed with; '': it has no seal yet
    subject TEXT NOT NULL,
    owner TEXT NOT NULL,
    seal BLOB NOT NULL,             -- over chain, subject and owner
    PRIMARY KEY (chain, subject)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS audit_subject_owner ON audit_subject(owner, chain);

CREATE TABLE IF NOT EXISTS audit_checkpoint (     -- what retention has removed of a chain, signed
    chain TEXT NOT NULL,
    id INTEGER NOT NULL,            -- of the last row that was removed
    seal BLOB NOT NULL,             -- that row's
    count INTEGER NOT NULL,         -- of all rows that were removed
    at INTEGER NOT NULL,            -- ms
    mac BLOB NOT NULL,
    PRIMARY KEY (chain, id)
) WITHOUT ROWID;
