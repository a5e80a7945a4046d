"""What raw SQL may be made of: relations, kinds of nodes, functions. Everything else is refused."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

TABLES: Final = frozenset({"usage", "datasets"})

NODES: Final[frozenset[type[exp.Expression]]] = frozenset(
    {
        # statements and their clauses
        exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join, exp.Where,
        exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.Qualify,
        # names and values
        exp.Table, exp.TableAlias, exp.Alias, exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Boolean, exp.Null,
        exp.Var, exp.Paren, exp.Tuple, exp.Interval, exp.DataType, exp.DataTypeParam,
        # operators
        exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In,
        exp.Between, exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Neg,
        # around functions
        exp.Filter, exp.Window, exp.WindowSpec, exp.WithinGroup,
    }
)  # fmt: skip

FUNCTIONS: Final = frozenset(
    {
        # operators that the parser counts among the functions
        "AND", "OR", "CASE", "IF", "CAST", "TRY_CAST", "EXISTS", "COALESCE", "NULLIF", "GREATEST", "LEAST", "EXTRACT",
        # numbers
        "ABS", "ROUND", "CEIL", "FLOOR", "SQRT", "LN", "LOG", "EXP", "POW", "POWER", "SIGN", "ISFINITE",
        # sums over rows
        "COUNT", "COUNT_IF", "SUM", "AVG", "MEAN", "MIN", "MAX", "MEDIAN", "MODE", "STDDEV", "STDDEV_SAMP",
        "STDDEV_POP", "VARIANCE", "VARIANCE_POP", "VAR_SAMP", "VAR_POP", "CORR", "QUANTILE", "QUANTILE_CONT",
        "PERCENTILE_CONT", "PERCENTILE_DISC", "APPROX_DISTINCT", "APPROX_QUANTILE", "ARG_MAX", "ARG_MIN", "ANY_VALUE",
        "FIRST", "LAST", "LOGICAL_AND", "LOGICAL_OR",
        # windows
        "ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD", "FIRST_VALUE",
        "LAST_VALUE",
        # text
        "LOWER", "UPPER", "LENGTH", "LEFT", "RIGHT", "SUBSTRING", "TRIM", "STARTS_WITH", "ENDS_WITH", "CONTAINS",
        "STR_POSITION", "REGEXP_LIKE",
        # time
        "DATE_TRUNC", "TIMESTAMP_TRUNC", "DATEDIFF", "DATE_PART", "DATE_BIN", "DATE", "DAY", "MONTH", "YEAR",
        "QUARTER", "WEEK", "HOUR", "MINUTE", "SECOND", "DAY_OF_WEEK", "DAYOFWEEK", "DAYOFWEEK_ISO", "DAY_OF_MONTH",
        "DAY_OF_YEAR", "DAYNAME", "MONTHNAME", "WEEKDAY", "WEEK_OF_YEAR", "TIME_TO_STR", "TIME_TO_UNIX", "EPOCH",
        "LAST_DAY",
        # lists of blocks
        "LEN", "ARRAY_SIZE", "LIST_CONTAINS", "ARRAY_CONTAINS",
    }
)  # fmt: skip
"""Names as the parser's own: ``strftime`` is TIME_TO_STR, ``epoch`` TIME_TO_UNIX."""
