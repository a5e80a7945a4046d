"""``raw_sql``: one statement that reads, where an operator allows it.

The statement is parsed, every node of its tree must be of a list, and what is run is written anew from the tree that was
judged: a text that two parsers read differently gains nothing. Memory, time and files are not judged here; the process that
this runs in bounds them, whatever passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import sqlglot
from sqlglot import exp

from ..core import validation
from ..core.errors import QueryRejected, ToolError
from ..core.limits import USUAL, Limits, told_size
from ..core.quoting import quoted_whole
from .raw_sql_lists import FUNCTIONS, NODES, TABLES
from .rows import Rows

_HINT: Final = (
    f"Write one SELECT over {' and '.join(sorted(TABLES))}, with everyday functions, and joins ON an equality."
)


class RawSql(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``raw_sql`` takes."""

    sql: str
    limit: int = 100


def raw_sql(rows: Rows, arguments: Mapping[str, Any], limits: Limits = USUAL) -> dict[str, Any]:
    """Run one statement: ``{columns, rows, truncated}``. Raises ``QueryRejected``, and ``ToolError``:
    ``INVALID_ARGUMENTS``, ``RESULT_TOO_LARGE``."""
    try:
        asked = msgspec.convert(dict(arguments), RawSql)
    except msgspec.ValidationError as error:
        raise ToolError("INVALID_ARGUMENTS", f"The query is not valid: {error}.", hint=_HINT) from None
    limit = max(1, min(asked.limit, limits.answer_rows))
    judged = judge(asked.sql, limits)
    answer = rows.execute(judged)
    columns = [column[0] for column in answer.description or ()]
    found = answer.fetchmany(limit + 1)
    if len(msgspec.json.encode(found[:limit])) > limits.sql_answer_bytes:
        raise ToolError(
            "RESULT_TOO_LARGE",
            f"The result is larger than {told_size(limits.sql_answer_bytes)}.",
            hint="Select fewer columns or rows.",
        )
    plain = msgspec.to_builtins(found[:limit])
    return {"columns": columns, "rows": plain, "truncated": len(found) > limit, "sql": judged}


def judge(sql: str, limits: Limits = USUAL) -> str:
    """The statement as it will be run. Raises ``QueryRejected`` if it is more than one that reads the usage tables."""
    tree, fault = _parsed(sql, limits)
    if fault is not None:
        raise QueryRejected(fault, point=validation.QUERY_STATEMENT, field="sql", hint=_HINT)
    assert tree is not None  # there is a tree if there is no fault
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        plain = isinstance(table.this, exp.Identifier) and not table.db and not table.catalog
        if not plain or table.name.lower() not in TABLES | named:
            raise QueryRejected(
                f"{quoted_whole(table.sql('duckdb'))} cannot be read; only the usage tables can",
                point=validation.QUERY_TABLE,
                field="sql",
                hint=_HINT,
            )
    for function in tree.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if name.upper() not in FUNCTIONS:
            raise QueryRejected(
                f"The function {quoted_whole(name.lower())} is not allowed",
                point=validation.QUERY_FUNCTION,
                field="sql",
                hint=_HINT,
            )
    return tree.sql("duckdb", comments=False)


def _parsed(sql: str, limits: Limits) -> tuple[exp.Expression | None, str | None]:
    """The tree of the statement, or what is wrong with its shape."""
    if len(sql) > limits.sql_characters:
        return None, f"The statement is longer than {limits.sql_characters:,} characters"
    try:
        statements = [statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None]
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError) as error:
        told = str(error).partition(".")[0]
        return None, f"The statement cannot be parsed{f': {told}' if len(told) <= 200 else ''}"
    if len(statements) != 1:
        return None, f"The query contains {len(statements)} statements; it must contain exactly one"
    tree = statements[0]
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        return None, f"A statement of kind {type(tree).__name__} is not run; only SELECT is"
    for count, node in enumerate(tree.walk(), 1):
        if count > limits.sql_parts:
            return None, f"The statement has more than {limits.sql_parts:,} parts"
        if not isinstance(node, exp.Func) and type(node) not in NODES:
            return None, f"{type(node).__name__} is not allowed"
    return tree, _fault_of_with(tree) or _fault_of_joins(tree, limits.sql_joins)


def _fault_of_with(tree: exp.Expression) -> str | None:
    # One WITH, at the top: a name from an inner one could hide what a table outside of it is.
    for clause in tree.find_all(exp.With):
        if clause.parent is not tree or clause.args.get("recursive"):
            return "WITH is only allowed at the top of the statement, and not recursively"
        for cte in clause.expressions:
            if not isinstance(cte.this, (exp.Select, exp.SetOperation)):
                return "WITH holds only SELECT"
    return None


def _fault_of_joins(tree: exp.Expression, most: int) -> str | None:
    joins = list(tree.find_all(exp.Join))
    if len(joins) > most:
        return f"There are more than {most} joins"
    for join in joins:
        condition = join.args.get("on")
        equalities = condition.find_all(exp.EQ) if condition is not None else ()
        tied = any(equality.left.find(exp.Column) and equality.right.find(exp.Column) for equality in equalities)
        if not tied and not join.args.get("using"):
            return "A join needs ON with an equality of columns, or USING"
    return None
