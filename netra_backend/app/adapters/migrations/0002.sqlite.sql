-- Version 0002 on SQLite: the event log stays as it is. (The audit trail is a file of its own: audit.sqlite.sql.)

SELECT 2;
