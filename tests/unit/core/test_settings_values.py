"""What one setting may be."""

from __future__ import annotations

import ipaddress

import pytest

from netra_backend.app.core import settings_values as values


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False), ("off", False)]
)
def test_a_flag_is_a_yes_or_a_no(text: str, value: bool) -> None:
    assert values.flag(text) is value


@pytest.mark.parametrize("text", ["2", "maybe", "", "truee"])
def test_a_flag_is_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="use 1 or 0"):
        values.flag(text)


def test_a_whole_number_keeps_to_its_range() -> None:
    assert values.whole_number(0, 10, "10") == 10
    for text in ("11", "-1", "1.0", "١", "9" * 5000, ""):
        with pytest.raises(ValueError, match="from 0 to 10"):
            values.whole_number(0, 10, text)


def test_a_host_is_a_name_or_an_address() -> None:
    assert values.host("::1") == values.host("[::1]") == "::1"
    assert values.host("netra.example.com") == "netra.example.com"
    for text in ("a b", "http://a", "a/b", "é", "x" * 254):
        with pytest.raises(ValueError, match="host name or an IP address"):
            values.host(text)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_and_localhost_are_this_machine_alone(host: str, here: bool) -> None:
    assert values.is_loopback(host) is here


def test_networks_are_addresses_and_ranges() -> None:
    assert values.networks("10.0.0.0/8, ::1") == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128"))
    for text in ("10.0.0.1/8", "proxy.example.com", "1.2.3.4/99"):
        with pytest.raises(ValueError, match="addresses or networks"):
            values.networks(text)


def test_origins_are_kept_as_browsers_send_them() -> None:
    assert values.origins("https://App.Example.com:443, http://localhost:8000/,https://app.example.com") == (
        "https://app.example.com",
        "http://localhost:8000",
    )


@pytest.mark.parametrize("text", ["*", "https://*.example.com", "app.example.com", "https://a.example/path", "null"])
def test_an_origin_that_is_no_single_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name each origin"):
        values.origins(text)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example",
        "https://",
        "https://user@a.example",
        "https://a.example:0",
        "https://a.example:99999",
        "https://[",
        "http://a b",
    ],
)
def test_an_address_without_an_origin_has_none(url: str) -> None:
    assert values.origin_of(url) is None


def test_an_ipv6_origin_keeps_its_brackets() -> None:
    assert values.origin_of("http://[::1]:8000/x") == "http://[::1]:8000"


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://netra.example.com", "netra.example.com:443", True),
        ("https://netra.example.com", "NETRA.example.com", True),
        ("https://netra.example.com", "netra.example.com:8443", False),
        ("https://evil.example.com", "netra.example.com", False),
        ("null", "netra.example.com", False),
        ("https://netra.example.com", "user@netra.example.com", False),
        ("https://netra.example.com", "", False),
    ],
)
def test_a_page_is_of_the_same_host_where_name_and_port_agree(origin: str, host: str, same: bool) -> None:
    assert values.is_same_host(origin, host) is same


def test_a_public_url_is_an_origin_and_a_base_path() -> None:
    assert values.public_url("https://Netra.example.com:443/base/") == "https://netra.example.com/base"
    for text in ("netra.example.com", "https://a.example/?q=1", "https://a.example/#x", "ws://a.example"):
        with pytest.raises(ValueError, match="address that browsers open"):
            values.public_url(text)


def test_an_issuer_is_https_or_on_this_machine_and_kept_verbatim() -> None:
    assert values.issuer_url("https://Login.example.com/realm/") == "https://Login.example.com/realm/"
    assert values.issuer_url("http://127.0.0.1:9000") == "http://127.0.0.1:9000"
    with pytest.raises(ValueError, match="could be forged"):
        values.issuer_url("http://login.example.com")
    for text in ("login", "https://a.example?x=1"):
        with pytest.raises(ValueError, match="https:// address"):
            values.issuer_url(text)


def test_a_server_is_named_by_a_known_scheme() -> None:
    assert values.server_url(("redis", "unix"), "unix:///run/valkey.sock") == "unix:///run/valkey.sock"
    for text in ("http://a", "localhost:6379", "redis//a", "redis://["):
        with pytest.raises(ValueError, match="redis:// or unix://"):
            values.server_url(("redis", "unix"), text)


def test_a_bucket_is_named_with_a_prefix_or_without_and_without_keys() -> None:
    assert values.bucket_url("s3://netra-data") == "s3://netra-data"
    assert values.bucket_url("s3://netra.data/a/b-c=1/") == "s3://netra.data/a/b-c=1"
    wrong = (
        "netra-data", "s3://", "s3://x", "s3://UPPER", "s3://key:secret@bucket", "s3://bucket/../other", "s3://bucket/./a",
        "s3://bucket//a", "s3://bucket/a?b", "s3://bucket/a b", "https://bucket", "gs://bucket", "s3://bucket/" + "a" * 512,
    )  # fmt: skip
    for text in wrong:
        with pytest.raises(ValueError, match="use s3://bucket or s3://bucket/prefix"):
            values.bucket_url(text)


def test_algorithms_are_of_the_known_ones_and_never_none() -> None:
    assert values.algorithms("RS256, ES256,RS256") == ("RS256", "ES256")
    for text in ("none", "RS256,none", "hs256", ","):
        with pytest.raises(ValueError, match="separated by commas: HS256"):
            values.algorithms(text)


def test_a_command_is_split_as_a_shell_does() -> None:
    assert values.command("scan --as 'two words' \\$HOME") == ("scan", "--as", "two words", "$HOME")


@pytest.mark.parametrize("text", ["'open", "''", "", "a\nb", "x" * 513])
def test_a_command_is_one_line_with_a_program_and_closed_quotes(text: str) -> None:
    with pytest.raises(ValueError, match="use a command with its arguments"):
        values.command(text)


def test_a_short_text_is_one_line() -> None:
    assert values.short_text("openai:gpt-4o") == "openai:gpt-4o"
    for text in ("a\nb", "x" * 513, "\x7f"):
        with pytest.raises(ValueError, match="one line"):
            values.short_text(text)


def test_a_log_level_is_one_of_four_whatever_its_case() -> None:
    assert [values.log_level(text) for text in ("debug", "INFO", "Warning", "error")] == [*values.LOG_LEVELS]
    for wrong in ("trace", "20", "", "critical"):
        with pytest.raises(ValueError, match="use debug, info, warning or error"):
            values.log_level(wrong)


def test_a_number_keeps_to_its_range_and_may_have_a_decimal_point() -> None:
    assert values.number(0.5, 10, "2.25") == 2.25
    assert values.number(0.5, 10, "10") == 10.0
    for text in ("0.4", "11", "1e1", "nan", "-1", "", "1.", "1_0"):
        with pytest.raises(ValueError, match=r"a number from 0\.5 to 10"):
            values.number(0.5, 10, text)


def test_a_key_of_the_audit_trail_is_long_enough() -> None:
    assert values.long_key("k" * 32) == b"k" * 32
    with pytest.raises(ValueError, match="shorter than 32 bytes"):
        values.long_key("k" * 31)


def test_anchors_go_to_a_file_or_the_log() -> None:
    assert values.audit_anchor("log") == "log"
    assert values.audit_anchor("file:///var/lib/anchor") == "/var/lib/anchor"
    for text in ("anchor", "s3://bucket/x", "/var/lib/", "/a\0b"):
        with pytest.raises(ValueError, match="absolute path"):
            values.audit_anchor(text)


def test_a_trail_that_cannot_be_written_refuses_or_is_gone_on_without() -> None:
    assert (values.on_audit_failure("refuse"), values.on_audit_failure("continue")) == ("refuse", "continue")
    with pytest.raises(ValueError, match="refuse or continue"):
        values.on_audit_failure("ignore")
