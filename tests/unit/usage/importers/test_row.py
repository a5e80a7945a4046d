from netra_backend.app.usage.importers.row import BadRow, NotUsage, UsageRow
from netra_backend.app.usage.rows import COLUMNS


def test_a_row_has_the_columns_of_the_table_in_their_order() -> None:
    assert UsageRow.__struct_fields__ == tuple(COLUMNS)


def test_a_bad_row_tells_its_reason_and_what_stood_there() -> None:
    bad = BadRow("tokens is negative", -1)
    assert (bad.reason, bad.value, str(bad)) == ("tokens is negative", -1, "tokens is negative")
    assert NotUsage("a tool").reason == "a tool"
