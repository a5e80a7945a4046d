"""The SQL that takes back one difference between a database and what the migrations make.

A difference is a line of ``rights``: one that a database has and should not have, one that it lacks, or two about the same thing.
Nothing that holds rows of ours is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_Mend = str | Callable[[re.Match[str]], str]
"""A template for ``re.Match.expand``, or what makes the SQL of a match."""

_COMMANDS: Final = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE", "*": "ALL"}
_DEFAULTS: Final = {
    "r": "TABLES",
    "S": "SEQUENCES",
    "f": "FUNCTIONS",
    "T": "TYPES",
    "n": "SCHEMAS",
    "L": "LARGE OBJECTS",
}
_BY_HAND: Final = "make it again as a newly migrated database has it: pg_dump --schema-only --schema=netra"
_MADE_ANEW: Final = ("policy ", "constraint ", "index ")
_STORED: Final = re.compile(", stored as .$")
_SUBJECT: Final = re.compile(
    r"(?:table|view|sequence) \S+|(?:column|constraint|policy|role|index) [^:]+|trigger [^,]+|function [^)]+|schema"
)


def subject_of(line: str) -> str:
    """What a line is about, so that a line of what is and one of what should be are known to be about the same."""
    found = _SUBJECT.match(line)
    return found[0] if found else line


def drop(line: str) -> str:
    """What to run about what is there and no migration made."""
    return _first(_ADDED, line, "drop it")


def restore(line: str) -> str:
    """What to run about what should be there and is not."""
    return _BY_HAND if line.startswith("column ") else _first(_MISSING, line, _BY_HAND)


def change(found: str, line: str) -> str:
    """What to run about something that is as ``found`` says and should be as ``line`` does."""
    sql = _first(_MISSING, line, _BY_HAND)
    if sql == _BY_HAND or (line.startswith("column ") and _type(line) != _type(found)):
        return _BY_HAND
    if ", stored by " in found:
        sql += f"; ALTER TABLE netra.{found.split()[1]} SET ACCESS METHOD heap"
    if line.startswith("column ") and _STORED.search(found):
        table, _, column = found.removeprefix("column ").partition(":")[0].partition(".")
        sql += f"; ALTER TABLE netra.{table} ALTER COLUMN {column} SET STORAGE DEFAULT"
    return f"{drop(found)}; {sql.removeprefix('run: ')}" if line.startswith(_MADE_ANEW) else sql


def _first(mends: list[tuple[str, _Mend]], line: str, otherwise: str) -> str:
    for pattern, mend in mends:
        if found := re.fullmatch(pattern, line):
            return f"run: {found.expand(mend) if isinstance(mend, str) else mend(found)}"
    return otherwise


def _type(line: str) -> str:
    return re.split(r" not null| default |, stored as ", line, maxsplit=1)[0]


def _create_policy(found: re.Match[str]) -> str:
    name, table, command, roles, using, check = found.groups()
    clauses = (f" USING ({using})" if using else "") + (f" WITH CHECK ({check})" if check else "")
    return f"CREATE POLICY {name} ON netra.{table} FOR {_COMMANDS[command]} TO {roles}{clauses}"


def _grant(found: re.Match[str]) -> str:
    return _privilege("GRANT", "TO", found)


def _revoke(found: re.Match[str]) -> str:
    return _privilege("REVOKE", "FROM", found)


def _privilege(verb: str, towards: str, found: re.Match[str]) -> str:
    on, privilege, grantee = found.groups()
    kind, _, name = on.partition(" ")
    if kind in ("default", "everywhere"):
        *_, role, _, what = name.split(" ")
        where = "" if kind == "everywhere" else " IN SCHEMA netra"
        which = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}{where}"
        return f"{which} {verb} {privilege} ON {_DEFAULTS[what]} {towards} {grantee}"
    if kind == "column":
        name, _, column = name.partition(".")
        privilege = f"{privilege} ({column})"
    function = f"FUNCTION netra.{name.partition('(')[0]}"
    target = {"schema": "SCHEMA netra", "function": function}.get(kind, f"netra.{name}")
    return f"{verb} {privilege} ON {target} {towards} {grantee}"


def _inheritance(found: re.Match[str]) -> str:
    child, parent = (name if "." in name else f"netra.{name}" for name in found.groups())
    return f"ALTER TABLE {child} NO INHERIT {parent}"


def _table(found: re.Match[str]) -> str:
    name, owner, is_unlogged, is_forced = found.groups()
    table = f"ALTER TABLE netra.{name}"
    steps = [f"{table} OWNER TO {owner}", f"{table} SET {'UNLOGGED' if is_unlogged else 'LOGGED'}"]
    forced = [f"{table} ENABLE ROW LEVEL SECURITY", f"{table} FORCE ROW LEVEL SECURITY"]
    return "; ".join([*steps, *(forced if is_forced else ())])


def _column(found: re.Match[str]) -> str:
    table, column, not_null, default = found.groups()
    alter = f"ALTER TABLE netra.{table} ALTER COLUMN {column}"
    steps = [f"{alter} SET NOT NULL" if not_null else f"{alter} DROP NOT NULL"]
    steps += [f"{alter} SET DEFAULT {default}" if default else f"{alter} DROP DEFAULT"]
    return "; ".join(steps)


def _unpowered(found: re.Match[str]) -> str:
    return f"ALTER ROLE {found[1]} {' '.join('NO' + power.upper() for power in found[2].split())}"


_GRANT: Final = r"grant on (.*): ([A-Z ]+) to (\S+)(?: with grant option)?"
_ADDED: Final[list[tuple[str, _Mend]]] = [
    (_GRANT, _revoke),
    (r"policy (\S+) on (\S+): .*", r"DROP POLICY \1 ON netra.\2"),
    (r"materialized view (\S+) of .*", r"DROP MATERIALIZED VIEW netra.\1"),
    (r"view (\S+) of .*", r"DROP VIEW netra.\1"),
    (r"foreign table (\S+) of .*", r"DROP FOREIGN TABLE netra.\1"),
    (r"(?:partitioned )?table (\S+) of .*", r"DROP TABLE netra.\1"),
    (r"sequence (\S+) of .*", r"DROP SEQUENCE netra.\1"),
    (r"column (\S+)\.(\S+): .*", r"ALTER TABLE netra.\1 DROP COLUMN \2"),
    (r"constraint (\S+) on (\S+): .*", r"ALTER TABLE netra.\2 DROP CONSTRAINT \1"),
    (r"index (\S+) on .*", r"DROP INDEX netra.\1"),
    (r"inheritance: (\S+) is a child of (\S+)", _inheritance),
    (r"trigger (\S+) on ([^,]+), .*", r"DROP TRIGGER \1 ON netra.\2"),
    (r"rule (\S+) on (\S+)", r"DROP RULE \1 ON netra.\2"),
    (r"role (\S+):(.+)", _unpowered),
    (r"member: (\S+) of (\S+)", r"REVOKE \2 FROM \1"),
    (r"schema of .*", r"ALTER SCHEMA netra OWNER TO netra_owner"),
    (r"function ([^(]+)\(.*, takes \((.*)\), gives .*", r"DROP FUNCTION netra.\1(\2)"),
]
_MISSING: Final[list[tuple[str, _Mend]]] = [
    (_GRANT, _grant),
    (r"policy (\S+) on (\S+): for (.) to (\S+(?:, \S+)*)(?: using (.*?))?(?: check (.*))?", _create_policy),
    (r"table (\S+) of ([^\s,]+)(, unlogged)?(, row security forced)?", _table),
    (r"column (\S+)\.(\S+): \S+(?: collate \S+)?( not null)?(?: default (.*))?", _column),
    (r"constraint (\S+) on (\S+): (.*)", r"ALTER TABLE netra.\2 ADD CONSTRAINT \1 \3"),
    (r"(?:plain )?index \S+ on \S+: (.*)", r"\1"),
    (r"trigger (\S+) on ([^,]+), O: (.*)", r"DROP TRIGGER IF EXISTS \1 ON netra.\2; \3"),
    (r"schema of (\S+)", r"ALTER SCHEMA netra OWNER TO \1"),
    (r"role (\S+):", r"ALTER ROLE \1 NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION"),
]
