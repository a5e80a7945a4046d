"""Tokens that are known by their shape."""

from __future__ import annotations

import pytest

from netra_backend.app.services.redaction import redact_text
from netra_backend.app.services.secret_shapes import SHAPES

BODY = "abcdefghij0123456789ABCDEFGHIJ0123456789"


@pytest.mark.parametrize(
    "token",
    [
        *(
            f"{head}{BODY}"
            for shape in SHAPES
            if not shape.then
            for head in shape.heads.split(" ")
            if head not in ("eyJ", "sig=")
        ),
        f"nk_{BODY[:11]}_{BODY[:36]}0123456",
        f"sk_live_{BODY}",
        f"sk-ant-api03-{BODY}",
        f"rk-{BODY}",
        f"xoxp-{BODY}",
        f"npm_{BODY[:36]}",
        f"whsec_{BODY[:20]}+/==",
        f"ya29.a0AfH6SM{BODY}",
        f"SG.{BODY[:22]}.{BODY}",
        "SK" + "0123456789abcdef" * 2,
        "key-" + "0123456789abcdef" * 2,
        "rubygems_" + "0123456789abcdef" * 3,
        "AKIAABCDEFGHIJKLMNOP",
    ],
)
def test_every_kind_is_hidden_as_a_whole(token: str) -> None:
    assert redact_text(f"a {token} b") == "a *** b"
    assert redact_text(f"KEY_{token}") == "KEY_***"
    assert redact_text(f'{{"a":"{token}"}}') == '{"a":"***"}'


def test_of_some_the_name_stays() -> None:
    assert (
        redact_text(f"https://a.blob.core.windows.net/c?sv=1&sig={BODY}%3D&x=1")
        == "https://a.blob.core.windows.net/c?sv=1&***&x=1"
    )
    assert (
        redact_text(f"https://api.telegram.org/bot12345678:AA{BODY}/getMe")
        == "https://api.telegram.org/bot12345678***/getMe"
    )


@pytest.mark.parametrize(
    "text",
    [
        "a risk-averse-and-careful-task-force",
        "task_with_a_very_long_name_of_its_own",
        "npm_config_registry_and_some_more_of_it",
        "npm_package_config_port",
        "gh-pages-and-more-words",
        "SG.1.2",
        "SKU0123456789",
        "key-value-store-and-its-many-readers",
        "1//0 a",
        "&sig=short",
        "design=abcdefghijklmnopqrstuvwxyz",
        "dp.pt.x",
        "hvs.x",
        "AKIA",
        "the time is 12:AAbcdefghijklmnopqrstuvwxyz0123456",
        "run_0199aabbccdd00112233",
        "gpt-4o-mini-2024-07-18",
        "claude-sonnet-4-5-20250929",
        "sha256:0123456789abcdef0123456789abcdef",
    ],
)
def test_what_only_begins_like_one_is_shown(text: str) -> None:
    assert redact_text(text) == text
