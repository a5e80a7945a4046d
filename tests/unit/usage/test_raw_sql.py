import pytest

from netra_backend.app.core import validation
from netra_backend.app.core.errors import QueryRejected, ToolError
from netra_backend.app.core.limits import Limits
from netra_backend.app.usage.raw_sql import judge, raw_sql
from test_framework.usage_rows import usage_rows

HONEST = [
    "SELECT model, SUM(input_tokens) FROM usage GROUP BY model ORDER BY 2 DESC LIMIT 3",
    "WITH a AS (SELECT model AS m, COUNT(*) AS n FROM usage GROUP BY ALL) SELECT m, n * 1.0 / (SELECT SUM(n) FROM a) FROM a",
    "SELECT date_trunc('day', ts) AS d, quantile_cont(latency_ms, 0.95), count(*) FILTER (WHERE status = 'error') FROM usage "
    "GROUP BY d HAVING count(*) >= 1",
    "SELECT u.model, d.name FROM usage u JOIN datasets d ON u.dataset_id = d.dataset_id",
    "SELECT row_number() OVER (PARTITION BY model ORDER BY ts) AS n FROM usage QUALIFY n = 1",
    "SELECT CASE WHEN model ILIKE '%4o%' THEN 'a' ELSE 'b' END, strftime(ts, '%Y-%m'), extract(hour FROM ts) FROM usage",
    "SELECT model FROM usage UNION ALL SELECT name FROM datasets",
    "SELECT ts + INTERVAL 1 DAY, len(prefix_blocks), ts::DATE, coalesce(team, '-') FROM usage WHERE ts IN (SELECT ts FROM usage)",
    "SELECT * EXCLUDE (ts) FROM usage;",
]

SHAPES = [
    "",
    ";",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE usage",
    "SELEC 1",
    "SELECT (((((",
    "INSERT INTO usage VALUES (1)",
    "UPDATE usage SET model = 'x'",
    "DELETE FROM usage",
    "DROP TABLE usage",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "WITH x AS (INSERT INTO usage VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM usage RETURNING *) SELECT * FROM x",
    "ATTACH '/etc/passwd' AS z",
    "DETACH rows",
    "COPY usage TO '/tmp/x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "EXPORT DATABASE '/tmp/x'",
    "IMPORT DATABASE '/tmp/x'",
    "PRAGMA database_list",
    "SET memory_limit = '64GB'",
    "RESET lock_configuration",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE SELECT 1",
    "SHOW TABLES",
    "DESCRIBE usage",
    "SUMMARIZE usage",
    "PIVOT usage ON model USING sum(input_tokens)",
    "VACUUM",
    "CHECKPOINT",
    "PREPARE p AS SELECT 1",
    "BEGIN TRANSACTION",
    "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a) SELECT count(*) FROM a",
    "SELECT * FROM (WITH secrets AS (SELECT 1) SELECT 1) x, secrets",
    "SELECT * FROM usage a, usage b, usage c",
    "SELECT * FROM usage a CROSS JOIN usage b",
    "SELECT * FROM usage a JOIN usage b ON true",
    "SELECT * FROM usage a JOIN usage b ON 1 = 1",
    "SELECT * FROM usage a POSITIONAL JOIN usage b",
    "SELECT * FROM usage a JOIN usage b USING (ts) JOIN usage c USING (ts) JOIN usage d USING (ts) JOIN usage e USING (ts) "
    "JOIN usage f USING (ts)",
    "SELECT [x FOR x IN [1, 2]] FROM usage",
    "SELECT {'a': 1}.a FROM usage WHERE $1 = ?",
    "SELECT a || a FROM (SELECT 'xxxxxxxx' AS a) t",
    "SELECT * FROM usage LATERAL VIEW explode(x) t",
    "SELECT * FROM usage TABLESAMPLE 3",
    "SELECT 1" + " + 1" * 3000,
    "SELECT '" + "x" * 20_000 + "'",
    "SELECT " + "(" * 900 + "1" + ")" * 900,
]

TABLES = [
    "SELECT * FROM usage_rows",
    "SELECT * FROM '/etc/passwd'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM 'other.duckdb'",
    "SELECT * FROM rows.main.usage_rows",
    "SELECT * FROM main.usage",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM pg_catalog.pg_database",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/*')",
    "SELECT * FROM read_parquet('/x')",
    "SELECT * FROM read_json('/x')",
    "SELECT * FROM glob('/**')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('usage')",
    "SELECT * FROM range(1000000000)",
    "SELECT * FROM json_execute_serialized_sql('x')",
    "SELECT * FROM usage WHERE model IN (SELECT * FROM read_csv('/x'))",
]

FUNCTIONS = [
    "SELECT repeat('a', 1000000000)",
    "SELECT lpad('a', 1000000000, 'b') FROM usage",
    "SELECT range(1000000000)",
    "SELECT unnest(generate_series(1, 1000000000))",
    "SELECT string_agg(model, 'x') FROM usage",
    "SELECT list(model) FROM usage",
    "SELECT array_agg(model) FROM usage",
    "SELECT current_setting('temp_directory')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT current_user",
    "SELECT nextval('s')",
    "SELECT setseed(0.5)",
    "SELECT write_log('x')",
    "SELECT random() FROM usage",
    "SELECT md5(model) FROM usage",
    "SELECT columns('.*') FROM usage",
    "SELECT replace(model, 'a', 'b') FROM usage",
    "SELECT sum(query('x')) FROM usage",
]


@pytest.mark.parametrize("sql", HONEST)
def test_an_honest_question_is_answered(sql: str) -> None:
    with usage_rows([{}, {"model": "gpt-5", "at": 60}]) as rows:
        answer = raw_sql(rows, {"sql": sql})
    assert answer["rows"]
    assert len(answer["columns"]) == len(answer["rows"][0])


@pytest.mark.validation_point("query.statement")
@pytest.mark.parametrize("sql", SHAPES, ids=lambda sql: sql[:50])
def test_what_is_not_one_plain_select_is_refused(sql: str) -> None:
    with pytest.raises(QueryRejected) as caught:
        judge(sql)
    assert caught.value.point is validation.QUERY_STATEMENT


@pytest.mark.validation_point("query.table")
@pytest.mark.parametrize("sql", TABLES)
def test_only_the_usage_relations_are_read(sql: str) -> None:
    with pytest.raises(QueryRejected) as caught:
        judge(sql)
    assert caught.value.point is validation.QUERY_TABLE


@pytest.mark.validation_point("query.function")
@pytest.mark.parametrize("sql", FUNCTIONS)
def test_only_functions_of_the_list_are_called(sql: str) -> None:
    with pytest.raises(QueryRejected) as caught:
        judge(sql)
    assert caught.value.point is validation.QUERY_FUNCTION


def test_what_is_run_is_written_anew_from_what_was_judged() -> None:
    assert judge("select /* x */ model -- y\n from usage ;") == "SELECT model FROM usage"


def test_rows_beyond_the_limit_are_cut_and_that_is_told() -> None:
    with usage_rows([{}] * 5) as rows:
        answer = raw_sql(rows, {"sql": "SELECT model FROM usage", "limit": 3})
    assert (len(answer["rows"]), answer["truncated"]) == (3, True)
    assert answer["sql"] == "SELECT model FROM usage"


def test_a_result_of_too_many_bytes_is_refused() -> None:
    with usage_rows([{}] * 5) as rows, pytest.raises(ToolError) as caught:
        raw_sql(rows, {"sql": "SELECT model FROM usage"}, Limits(sql_answer_bytes=20))
    assert caught.value.code == "RESULT_TOO_LARGE"


@pytest.mark.parametrize("wrong", [{}, {"sql": 5}, {"sql": "SELECT 1", "owner": "someone"}])
def test_arguments_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with usage_rows([]) as rows, pytest.raises(ToolError) as caught:
        raw_sql(rows, wrong)
    assert caught.value.code == "INVALID_ARGUMENTS"
