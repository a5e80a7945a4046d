"""An endpoint says what it is about and what it may tell."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.core.error_catalogue import CATALOGUE
from netra_backend.app.web.http.endpoint import BINARY, OF_EVERY_ENDPOINT, OF_SIGNED_IN, Endpoint


async def handler(*_: Any) -> Any: ...


def endpoint(path: str = "/api/threads", **fields: Any) -> Endpoint:
    return Endpoint(method="GET", path=path, name="n", about="a", handler=handler, **fields)


@pytest.mark.parametrize(
    ("path", "group"), [("/api/threads/{id}/events", "threads"), ("/healthz", "healthz"), ("/", "page")]
)
def test_a_endpoint_is_about_the_first_word_of_its_path(path: str, group: str) -> None:
    assert endpoint(path).group == group


def test_a_endpoint_of_somebody_may_refuse_for_who_they_are_and_an_open_one_does_not() -> None:
    assert set(endpoint().faults) == {*OF_SIGNED_IN, *OF_EVERY_ENDPOINT}
    assert endpoint(scope=None).faults == OF_EVERY_ENDPOINT


def test_a_endpoint_with_a_body_may_find_it_too_large_or_too_slow() -> None:
    assert {"payload_too_large", "too_slow"} <= set(endpoint(body=BINARY).faults)


def test_what_every_endpoint_may_tell_stands_in_the_catalogue() -> None:
    assert {*OF_SIGNED_IN, *OF_EVERY_ENDPOINT, *endpoint(body=BINARY).faults} <= set(CATALOGUE)
