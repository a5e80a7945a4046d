from netra_backend.app.usage.importers.import_stats import MAX_EXAMPLES, MAX_REASONS, ImportStats
from netra_backend.app.usage.importers.row import BadRow, NotUsage


def test_reasons_are_counted_with_a_few_examples_and_the_most_frequent_comes_first() -> None:
    stats = ImportStats()
    stats.reject(1, BadRow("rare", "x" * 500))
    for number in range(20):
        stats.reject(number, BadRow("frequent", number))
    as_dict = stats.as_dict()
    assert [(entry["reason"], entry["count"]) for entry in as_dict["rejections"]] == [("frequent", 20), ("rare", 1)]
    assert len(as_dict["rejections"][0]["examples"]) == MAX_EXAMPLES
    assert as_dict["rejections"][1]["examples"] == [{"record": 1, "value": "x" * 80}]
    assert as_dict["rejected"] == 21


def test_reasons_without_end_are_counted_together() -> None:
    stats = ImportStats()
    for number in range(MAX_REASONS * 3):
        stats.reject(number, BadRow(f"reason {number}"))
    as_dict = stats.as_dict()
    assert len(as_dict["rejections"]) == MAX_REASONS + 1
    assert as_dict["rejections"][0]["reason"] == "other reasons"
    assert sum(entry["count"] for entry in as_dict["rejections"]) == as_dict["rejected"] == MAX_REASONS * 3


def test_what_tells_no_usage_is_counted_apart() -> None:
    stats = ImportStats()
    for _ in range(3):
        stats.skip(NotUsage("a tool"))
    assert stats.as_dict()["skipped"] == [{"reason": "a tool", "count": 3}]
    assert stats.as_dict()["rejected"] == 0
