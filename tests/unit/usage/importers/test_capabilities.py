from netra_backend.app.usage.importers.capabilities import SHOWN_BY, capabilities
from netra_backend.app.usage.importers.format import REQUESTS
from netra_backend.app.usage.rows import COLUMNS, Capability


def test_a_dataset_tells_what_its_format_tells_and_what_its_rows_hold() -> None:
    assert capabilities(REQUESTS, ["ts", "model", "session_id"]) == ["per_request", "real_times", "sessions"]


def test_every_capability_comes_from_the_format_or_from_one_column() -> None:
    by_format = {Capability.PER_REQUEST, Capability.REAL_TIMES, Capability.STATUSES}
    assert by_format | set(SHOWN_BY.values()) == set(Capability)
    assert set(SHOWN_BY) <= set(COLUMNS)
