from netra_backend.app.usage.importers.import_stats import MAX_EXAMPLES, MAX_REASONS, ImportStats
from netra_backend.app.usage.importers.row import BadRow, NotUsage


def test_reasons_are_counted_with_a_few_examples_and_the_most_frequent_comes_first() -> None:
    tally = ImportStats()
    tally.reject(1, BadRow("rare", "x" * 500))
    for number in range(20):
        tally.reject(number, BadRow("frequent", number))
    told = tally.told()
    assert [(entry["reason"], entry["count"]) for entry in told["rejections"]] == [("frequent", 20), ("rare", 1)]
    assert len(told["rejections"][0]["examples"]) == MAX_EXAMPLES
    assert told["rejections"][1]["examples"] == [{"record": 1, "value": "x" * 80}]
    assert told["rejected"] == 21


def test_reasons_without_end_are_counted_together() -> None:
    tally = ImportStats()
    for number in range(MAX_REASONS * 3):
        tally.reject(number, BadRow(f"reason {number}"))
    told = tally.told()
    assert len(told["rejections"]) == MAX_REASONS + 1
    assert told["rejections"][0]["reason"] == "other reasons"
    assert sum(entry["count"] for entry in told["rejections"]) == told["rejected"] == MAX_REASONS * 3


def test_what_tells_no_usage_is_counted_apart() -> None:
    tally = ImportStats()
    for _ in range(3):
        tally.skip(NotUsage("a tool"))
    assert tally.told()["skipped"] == [{"reason": "a tool", "count": 3}]
    assert tally.told()["rejected"] == 0
