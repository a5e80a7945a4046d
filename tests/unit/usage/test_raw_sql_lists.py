from sqlglot import exp

from netra_backend.app.usage.raw_sql_lists import FUNCTIONS, NODES, TABLES


def test_no_kind_of_node_on_the_list_writes_or_commands() -> None:
    writing = (
        exp.DDL,
        exp.DML,
        exp.Command,
        exp.Create,
        exp.Drop,
        exp.Insert,
        exp.Copy,
        exp.Set,
        exp.Pragma,
        exp.Attach,
    )
    reading = (exp.Query, exp.Subquery, exp.Table)
    assert [kind for kind in NODES if issubclass(kind, writing) and not issubclass(kind, reading)] == []


def test_no_function_on_the_list_reads_files_settings_or_makes_much_of_little() -> None:
    feared = (
        "READ",
        "REPEAT",
        "PAD",
        "SERIES",
        "RANGE",
        "SETTING",
        "ENV",
        "QUERY",
        "GLOB",
        "AGG",
        "UNNEST",
        "EXPLODE",
        "PRAGMA",
    )
    assert [name for name in FUNCTIONS if any(word in name for word in feared)] == []


def test_there_are_two_relations() -> None:
    assert {"usage", "datasets"} == TABLES
