-- Version 0006 on SQLite: what requests to language models cost.

CREATE TABLE model_use (            -- one attempt at one request
    owner TEXT NOT NULL,
    call_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    at INTEGER NOT NULL,            -- ms
    day TEXT NOT NULL,              -- YYYY-MM-DD, in the zone of the user's plan
    model TEXT NOT NULL,
    usd INTEGER,                    -- picodollars; NULL: the model has no price
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    settled INTEGER NOT NULL,       -- 0: an estimate, reserved before the request was sent
    PRIMARY KEY (owner, call_id, attempt)
) WITHOUT ROWID;

CREATE INDEX model_use_day ON model_use(day);

CREATE TABLE spend (                -- their sums, which outlive what is deleted of the user until the month is over
    subject TEXT NOT NULL,          -- core.budgets.subject_of the user
    day TEXT NOT NULL,
    usd INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    PRIMARY KEY (subject, day)
) WITHOUT ROWID;
