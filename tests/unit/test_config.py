"""The settings of one server."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from netra_backend import distribution
from netra_backend.app.config import DEVELOPMENT, FILE_NAME, Settings
from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.core.limits import LIMIT_RANGES, Limits
from netra_backend.app.settings_reader import LIMIT_NAMES, NAMES, SECRET_NAMES
from netra_backend.distribution import Extra, install_hint

SECRET = "0123456789abcdef0123456789abcdef"


def faults_of(environ: dict[str, str], **command_line: object) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load(environ, **command_line)  # type: ignore[arg-type]  # bad values are the point
    return refused.value.faults


def environment(directory: Path, **settings: str) -> dict[str, str]:
    return {"HOME": "/home/netra", "NETRA_DATA_DIR": str(directory), **settings}


def pem(key: PrivateKeyTypes) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_nothing_given_is_a_server_on_this_machine_alone_with_its_development_key() -> None:
    settings = Settings.load({"HOME": "/home/netra"})
    assert settings == Settings(data_dir=Path("/home/netra/.local/share/netra"))
    assert (settings.host, settings.port, settings.token_sources) == ("127.0.0.1", 8000, (DEVELOPMENT,))
    assert settings.uses_development_key
    assert settings.is_loopback
    assert settings.limits == Limits()


@pytest.mark.parametrize(
    ("name", "value", "package", "extra"),
    [
        ("NETRA_DATABASE_URL", "postgresql://a:secret@db/netra", "asyncpg", "scale"),
        ("NETRA_REDIS_URL", "redis://:secret@valkey/0", "redis", "scale"),
        ("NETRA_DATASETS_URL", "s3://secret/a", "obstore", "scale"),
        ("NETRA_MODEL", "openai:secret", "pydantic_ai", "models"),
    ],
)
def test_a_setting_that_needs_what_is_not_installed_is_refused_with_the_command_that_installs_it(
    name: str, value: str, package: str, extra: Extra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "find_spec", lambda each: None if each == package else find_spec(each))
    given = environment(tmp_path, **{"NETRA_DATABASE_URL": "postgresql://db/netra", name: value})
    told = f"{name} needs {package}, which is not installed: {install_hint(extra)}"
    assert faults_of(given) == [told]
    assert faults_of({**given, "NETRA_PORT": "many"})[1:] == [told]


def test_xdg_data_home_goes_before_home() -> None:
    assert Settings.load({"HOME": "/home/netra", "XDG_DATA_HOME": "/data"}).data_dir == Path("/data/netra")


def test_a_tilde_in_the_data_directory_is_the_home_of_the_given_environment() -> None:
    assert Settings.load({"HOME": "/home/netra", "NETRA_DATA_DIR": "~/n"}).data_dir == Path("/home/netra/n")


def test_without_a_home_the_data_directory_must_be_named() -> None:
    assert faults_of({}) == ["NETRA_DATA_DIR is not set, and there is no HOME to put data in. Set NETRA_DATA_DIR."]


def test_every_name_of_the_list_is_read(tmp_path: Path) -> None:
    settings = Settings.load(
        environment(
            tmp_path,
            NETRA_HOST="0.0.0.0",
            NETRA_PORT="80",
            NETRA_PUBLIC_URL="https://netra.example.com/",
            NETRA_TRUSTED_PROXIES="10.0.0.0/8",
            NETRA_DATABASE_URL="postgresql://u:p@db/netra",
            NETRA_REDIS_URL="redis://cache",
            NETRA_DATASETS_URL="s3://bucket/netra/",
            NETRA_JWT_SECRET=SECRET,
            NETRA_JWT_ISSUER="own",
            NETRA_JWT_AUDIENCE="netra",
            NETRA_OIDC_ISSUER="https://login.example.com",
            NETRA_ALLOWED_ORIGINS="https://app.example.com",
            NETRA_MODEL="openai:gpt-4o",
            NETRA_RETENTION_DAYS="30",
            NETRA_FILE_SCAN_COMMAND="clamdscan --config-file='/etc/my clamd.conf' -",
            NETRA_AUDIT_KEY=SECRET,
            NETRA_SECRETS_KEY=SECRET,
            NETRA_SECRETS_KEY_PREVIOUS=f"{SECRET}-before",
            NETRA_SECRETS_DIR="/run/secrets",
            NETRA_AUDIT_ANCHOR="file:///var/lib/anchors/netra",
            NETRA_AUDIT_ON_FAILURE="continue",
            NETRA_AUDIT_RETENTION_DAYS="90",
            NETRA_ALLOW_DRILLS="1",
            NETRA_ALLOW_RAW_SQL="yes",
            NETRA_APP="my_agents:AGENTS",
            NETRA_DEFAULT_AGENT="notes",
            NETRA_LOG_LEVEL="Warning",
            NETRA_JWT_MAX_LIFETIME_S="3600",
        ),
        workers=4,
        limits=Limits(runs=1),
    )
    assert (settings.data_dir, settings.host, settings.port, settings.workers) == (tmp_path, "0.0.0.0", 80, 4)
    assert (settings.public_url, settings.allowed_origins) == (
        "https://netra.example.com",
        ("https://app.example.com",),
    )
    assert str(settings.trusted_proxies[0]) == "10.0.0.0/8"
    assert (settings.database_url, settings.redis_url) == ("postgresql://u:p@db/netra", "redis://cache")
    assert settings.datasets_url == "s3://bucket/netra"
    assert (settings.model, settings.retention_days, settings.app) == ("openai:gpt-4o", 30, "my_agents:AGENTS")
    assert (settings.allow_drills, settings.allow_raw_sql, settings.limits.runs) == (True, True, 1)
    assert (settings.log_level, settings.default_agent) == ("warning", "notes")
    assert settings.jwt_max_lifetime_s == 3600
    assert settings.file_scan_command == ("clamdscan", "--config-file=/etc/my clamd.conf", "-")
    assert (settings.audit_key, settings.audit_anchor) == (SECRET.encode(), "/var/lib/anchors/netra")
    assert (settings.secrets_key, settings.secrets_key_previous) == (SECRET.encode(), f"{SECRET}-before".encode())
    assert settings.secrets_dir == Path("/run/secrets")
    assert (settings.audit_on_failure, settings.audit_retention_days) == ("continue", 90)
    own, oidc = settings.token_sources
    assert (own.kind, own.algorithms, own.issuer, own.audience, own.secret) == (
        "secret", ("HS256",), "own", "netra", SECRET.encode(),
    )  # fmt: skip
    assert (oidc.kind, oidc.algorithms, oidc.issuer, oidc.audience) == (
        "oidc", ("RS256", "ES256", "EdDSA"), "https://login.example.com", "netra",
    )  # fmt: skip


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(
        "# ours\n\nexport NETRA_PORT='1'\nNETRA_HOST=::1\nNETRA_MODEL=\"a:b\"\nNETRA_REDIS_URL=\n"
    )
    settings = Settings.load(
        environment(tmp_path, NETRA_HOST="localhost", NETRA_MODEL=" ", NETRA_APP="b"), port=3, app="a"
    )
    assert (settings.port, settings.host, settings.model, settings.redis_url) == (3, "localhost", "a:b", None)
    assert settings.app == "a"
    elsewhere = Settings.load(environment(tmp_path / "other"), data_dir=tmp_path, host="127.0.0.2")
    assert (elsewhere.data_dir, elsewhere.host, elsewhere.port) == (tmp_path, "127.0.0.2", 1)


def test_every_limit_is_a_setting_and_is_read(tmp_path: Path) -> None:
    given = {f"NETRA_LIMIT_{name.upper()}": f"{bounds.high:.0f}" for name, bounds in LIMIT_RANGES.items()}
    limits = Settings.load(environment(tmp_path, **given)).limits
    assert {name: getattr(limits, name) for name in LIMIT_RANGES} == {
        name: bounds.high for name, bounds in LIMIT_RANGES.items()
    }
    assert [type(getattr(limits, name)) for name in LIMIT_RANGES] == [
        type(getattr(Limits(), name)) for name in LIMIT_RANGES
    ]


def test_every_default_is_within_its_range_and_the_defaults_go_together() -> None:
    assert [n for n, bounds in LIMIT_RANGES.items() if not bounds.low <= getattr(Limits(), n) <= bounds.high] == []
    assert Limits().contradictions() == []


def test_a_limit_may_stand_in_the_file_and_have_a_decimal_point(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("NETRA_LIMIT_REQUEST_RATE=0.5\nNETRA_LIMIT_RUNS=3\n")
    limits = Settings.load(environment(tmp_path, NETRA_LIMIT_RUNS="4")).limits
    assert (limits.request_rate, limits.runs) == (0.5, 4)


def test_what_is_read_together_must_fit_an_outbox_and_hold_what_is_stored_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load(environment(tmp_path, NETRA_LIMIT_OUTBOX_BYTES="786000", NETRA_LIMIT_REPLAY_PAGE_BYTES="786431"))
    assert refused.value.faults == [
        "NETRA_LIMIT_OUTBOX_BYTES is smaller than NETRA_LIMIT_REPLAY_PAGE_BYTES (786000 and 786431). "
        "Raise the first or lower the second.",
        "NETRA_LIMIT_REPLAY_PAGE_BYTES is smaller than NETRA_LIMIT_EVENT_BYTES and 262144 more (786431 and 524288). "
        "Raise the first or lower the second.",
    ]
    Settings.load(environment(tmp_path, NETRA_LIMIT_OUTBOX_BYTES="786432", NETRA_LIMIT_REPLAY_PAGE_BYTES="786432"))


@pytest.mark.validation_point("config.faults")
def test_limits_out_of_range_or_against_each_other_are_told_with_all_other_faults(tmp_path: Path) -> None:
    faults = faults_of(
        environment(
            tmp_path,
            NETRA_PORT="x",
            NETRA_LIMIT_RUNS="0",
            NETRA_LIMIT_RUN_S="1e3",
            NETRA_LIMIT_FAULTS="1.5",
            NETRA_LIMIT_RUMS="1",
            NETRA_LIMIT_MESSAGE_BYTES="2048",
        )
    )
    assert faults == [
        "Unknown setting NETRA_LIMIT_RUMS. Did you mean NETRA_LIMIT_RUNS?",
        "NETRA_LIMIT_FAULTS=1.5 is not valid: use a whole number from 1 to 1000.",
        "NETRA_LIMIT_RUNS=0 is not valid: use a whole number from 1 to 10000.",
        "NETRA_LIMIT_RUN_S=1e3 is not valid: use a number from 1 to 604800.",
        "NETRA_PORT=x is not valid: use a whole number from 0 to 65535.",
        "NETRA_LIMIT_MESSAGE_BYTES is smaller than NETRA_LIMIT_FRAME_BYTES (2048 and 65536). "
        "Raise the first or lower the second.",
    ]


@pytest.mark.validation_point("config.faults")
def test_all_faults_are_told_at_once_each_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("NETRA_DATA_DIR=/elsewhere\nnonsense\nNETRA_HOTS=a\n")
    faults = faults_of(
        environment(
            tmp_path,
            NETRA_PROT="1",
            NETRA_PORT="eighty",
            NETRA_RETENTION_DAYS="0",
            NETRA_DATABASE_URL="mysql://root:hunter2@db",
            NETRA_ALLOW_DRILLS="perhaps",
        ),
        workers=0,
    )
    told = "\n".join(faults)
    assert len(faults) == 9
    assert "line 1: NETRA_DATA_DIR cannot be set here" in told
    assert "line 2: write NETRA_NAME=value" in told
    assert "Unknown setting NETRA_HOTS. Did you mean NETRA_HOST?" in told
    assert "Unknown setting NETRA_PROT. Did you mean NETRA_PORT?" in told
    assert "NETRA_PORT=eighty is not valid: use a whole number from 0 to 65535" in told
    assert "NETRA_RETENTION_DAYS=0 is not valid: use a whole number from 1 to 36500" in told
    assert "NETRA_DATABASE_URL is not valid: use an address that begins with postgresql:// or postgres://" in told
    assert "NETRA_ALLOW_DRILLS=perhaps is not valid: use 1 or 0" in told
    assert "--workers 0 is not valid: use a whole number" in told
    assert "hunter2" not in told


def test_names_of_the_kit_and_of_others_are_left_alone(tmp_path: Path) -> None:
    others = {"NETRA_TEST_DATABASE_URL": "x", "NETRA_STAGING_URL": "y", "PATH": "/bin", "NETRAX": "1"}
    assert Settings.load(environment(tmp_path, **others)) == Settings(data_dir=tmp_path)


def test_more_than_one_worker_needs_postgres(tmp_path: Path) -> None:
    assert faults_of(environment(tmp_path), workers=2) == [
        "--workers 2 needs PostgreSQL. Set NETRA_DATABASE_URL, or use one worker."
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "netra.example.com"])
def test_the_development_key_refuses_a_bind_that_others_can_reach(tmp_path: Path, host: str) -> None:
    (fault,) = faults_of(environment(tmp_path), host=host)
    assert "the development key is for this machine only" in fault
    assert "NETRA_JWT_SECRET_FILE" in fault
    assert Settings.load(environment(tmp_path, NETRA_JWT_SECRET=SECRET), host=host).host == host


def test_a_secret_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = Settings.load(environment(tmp_path, NETRA_JWT_SECRET_FILE=str(tmp_path / "secret")))
    assert settings.token_sources[0].secret == SECRET.encode()
    assert not settings.uses_development_key
    assert SECRET not in repr(settings)


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 65_537)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, why in (
        ("absent", "No such file"),
        ("long", "larger than 65,536 bytes"),
        ("binary", "codec can't decode"),
    ):
        (fault,) = faults_of(environment(tmp_path, NETRA_JWT_SECRET_FILE=str(tmp_path / name)))
        assert f"{name} cannot be read" in fault
        assert why in fault


def test_every_secret_may_stand_in_a_file_and_is_not_shown(tmp_path: Path) -> None:
    values = {
        "NETRA_DATABASE_URL": "postgresql://login:canary@db/netra",
        "NETRA_REDIS_URL": "redis://:canary@valkey/0",
        "NETRA_DATASETS_URL": "s3://bucket/prefix",
    }
    files = {}
    for name, value in values.items():
        (tmp_path / name).write_text(f"  {value}\n")
        files[f"{name}_FILE"] = str(tmp_path / name)
    settings = Settings.load(environment(tmp_path, **files))
    assert {
        "NETRA_DATABASE_URL": settings.database_url,
        "NETRA_REDIS_URL": settings.redis_url,
        "NETRA_DATASETS_URL": settings.datasets_url,
    } == values
    others = {"NETRA_JWT_SECRET", "NETRA_JWT_PUBLIC_KEY", "NETRA_AUDIT_KEY"}
    assert values.keys() | others | {"NETRA_SECRETS_KEY", "NETRA_SECRETS_KEY_PREVIOUS"} == SECRET_NAMES
    assert "canary" not in repr(settings)


def test_a_previous_key_of_secrets_needs_the_present_one(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_SECRETS_KEY_PREVIOUS=SECRET))
    assert fault.startswith("NETRA_SECRETS_KEY_PREVIOUS is set, and NETRA_SECRETS_KEY is not.")
    (fault,) = faults_of(environment(tmp_path, NETRA_SECRETS_KEY="short"))
    assert "NETRA_SECRETS_KEY is not valid: it is shorter than 32 bytes" in fault


def test_files_that_hold_no_valid_secret_are_told_all_at_once_and_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "canary-is-elsewhere").write_text("http://canary@db")
    (tmp_path / "empty").write_text(" \n")
    faults = faults_of(
        environment(
            tmp_path,
            NETRA_DATABASE_URL_FILE=str(tmp_path / "absent"),
            NETRA_REDIS_URL_FILE=str(tmp_path / "canary-is-elsewhere"),
            NETRA_JWT_SECRET_FILE=str(tmp_path / "empty"),
        )
    )
    assert [fault.partition(" ")[0] for fault in faults] == [
        str(tmp_path / "absent"),
        "NETRA_REDIS_URL",
        "NETRA_JWT_SECRET_FILE",
    ]
    assert "canary@" not in " ".join(faults)


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_a_setting_and_its_file_exclude_each_other(tmp_path: Path, name: str) -> None:
    faults = faults_of(environment(tmp_path, **{name: SECRET, f"{name}_FILE": "/x"}))
    assert f"{name} and {name}_FILE are both set. Keep one of them." in faults


def test_a_key_of_the_audit_trail_that_is_short_or_missing_is_a_fault_and_no_other_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (fault,) = faults_of(environment(tmp_path, NETRA_AUDIT_KEY="hunter2"))
    assert "NETRA_AUDIT_KEY is not valid: it is shorter than 32 bytes" in fault
    assert "hunter2" not in fault
    (fault,) = faults_of(environment(tmp_path, NETRA_AUDIT_KEY_FILE=str(tmp_path / "empty")))
    assert "NETRA_AUDIT_KEY_FILE names an empty file" in fault
    (tmp_path / "key").write_text(SECRET)
    settings = Settings.load(environment(tmp_path, NETRA_AUDIT_KEY_FILE=str(tmp_path / "key")))
    assert settings.audit_key == SECRET.encode()
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("NETRA_AUDIT_ANCHOR", "s3://bucket/anchor", "there are no other places"),
        ("NETRA_AUDIT_ANCHOR", "anchors/netra", "use an absolute path"),
        ("NETRA_AUDIT_ANCHOR", "/var/lib/", "use an absolute path"),
        ("NETRA_AUDIT_ON_FAILURE", "ignore", "use refuse or continue"),
        ("NETRA_AUDIT_RETENTION_DAYS", "0", "use a whole number from 1"),
    ],
)
def test_what_no_audit_trail_can_be_kept_by_is_a_fault(tmp_path: Path, name: str, text: str, told: str) -> None:
    (fault,) = faults_of(environment(tmp_path, **{name: text}))
    assert fault.startswith(f"{name}={text} is not valid: ")
    assert told in fault


def test_anchors_in_the_log_need_a_log_that_has_them(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_AUDIT_ANCHOR="log", NETRA_LOG_LEVEL="warning"))
    assert "Use NETRA_LOG_LEVEL=info" in fault
    assert Settings.load(environment(tmp_path, NETRA_AUDIT_ANCHOR="log")).audit_anchor == "log"


def test_a_bucket_with_keys_in_its_address_is_refused_without_being_shown(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_DATASETS_URL="s3://key:hunter2@bucket"))
    assert "hunter2" not in fault
    assert "use s3://bucket" in fault


def test_a_short_secret_is_refused_without_being_shown(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_JWT_SECRET="hunter2"))
    assert "shorter than 32 bytes" in fault
    assert "hunter2" not in fault
    (fault,) = faults_of(environment(tmp_path, NETRA_JWT_SECRET=SECRET, NETRA_JWT_ALGORITHMS="HS256,HS512"))
    assert "shorter than 64 bytes" in fault


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65_537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
    ],
)
def test_a_public_key_brings_its_usual_algorithm(tmp_path: Path, key: PrivateKeyTypes, algorithm: str) -> None:
    (source,) = Settings.load(environment(tmp_path, NETRA_JWT_PUBLIC_KEY=pem(key))).token_sources
    assert (source.kind, source.algorithms, source.public_key) == ("public_key", (algorithm,), pem(key).strip())


@pytest.mark.parametrize(
    "text",
    ["nonsense", "", pem(rsa.generate_private_key(65_537, 1024)), pem(ec.generate_private_key(ec.SECP256K1()))],
)
def test_what_is_no_public_key_for_us_is_refused(tmp_path: Path, text: str) -> None:
    told = faults_of(environment(tmp_path, NETRA_JWT_PUBLIC_KEY=text or "-----BEGIN PUBLIC KEY-----"))
    assert any("use a PEM public key" in fault for fault in told)


def test_algorithms_are_pinned_to_what_fits_the_key(tmp_path: Path) -> None:
    environ = environment(tmp_path, NETRA_JWT_SECRET=SECRET + SECRET, NETRA_JWT_ALGORITHMS="RS256,HS512")
    assert Settings.load(environ).token_sources[0].algorithms == ("HS512",)
    (fault,) = faults_of({**environ, "NETRA_JWT_ALGORITHMS": "RS256"})
    assert "Add one of these: HS256, HS384, HS512" in fault


def test_one_kind_of_own_key_is_enough(tmp_path: Path) -> None:
    url = "https://keys.example.com/jwks"
    (source,) = Settings.load(environment(tmp_path, NETRA_JWT_JWKS_URL=url)).token_sources
    assert (source.kind, source.url, source.algorithms) == ("jwks", url, ("RS256", "ES256", "EdDSA"))
    (fault,) = faults_of(environment(tmp_path, NETRA_JWT_JWKS_URL=url, NETRA_JWT_SECRET=SECRET))
    assert "exclude each other" in fault


def test_an_oidc_issuer_needs_an_audience(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_OIDC_ISSUER="https://login.example.com"))
    assert "NETRA_OIDC_ISSUER needs NETRA_JWT_AUDIENCE" in fault


@pytest.mark.parametrize("own_issuer", ["", "https://login.example.com"])
def test_own_keys_beside_an_oidc_issuer_need_an_issuer_of_their_own(tmp_path: Path, own_issuer: str) -> None:
    (fault,) = faults_of(
        environment(
            tmp_path,
            NETRA_JWT_SECRET=SECRET,
            NETRA_JWT_ISSUER=own_issuer,
            NETRA_JWT_AUDIENCE="netra",
            NETRA_OIDC_ISSUER="https://login.example.com",
        )
    )
    assert "set NETRA_JWT_ISSUER, and not to the same issuer" in fault


def test_rules_for_tokens_without_a_key_are_a_fault(tmp_path: Path) -> None:
    faults = faults_of(
        environment(tmp_path, NETRA_JWT_ISSUER="a", NETRA_JWT_AUDIENCE="b", NETRA_JWT_ALGORITHMS="HS256")
    )
    assert [fault.split()[0] for fault in faults] == [
        "NETRA_JWT_ALGORITHMS",
        "NETRA_JWT_AUDIENCE",
        "NETRA_JWT_ISSUER",
    ]
    assert all("is set without a key" in fault for fault in faults)


def test_a_broken_key_setting_does_not_fall_back_to_the_development_key(tmp_path: Path) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_OIDC_ISSUER="http://login.example.com"), host="0.0.0.0")
    assert "NETRA_OIDC_ISSUER=http://login.example.com is not valid: use an https:// address" in fault


def test_every_documented_name_is_known() -> None:
    assert {name for name in NAMES if name.startswith("NETRA_JWT_")} == {
        "NETRA_JWT_SECRET",
        "NETRA_JWT_SECRET_FILE",
        "NETRA_JWT_PUBLIC_KEY",
        "NETRA_JWT_PUBLIC_KEY_FILE",
        "NETRA_JWT_JWKS_URL",
        "NETRA_JWT_ALGORITHMS",
        "NETRA_JWT_ISSUER",
        "NETRA_JWT_AUDIENCE",
        "NETRA_JWT_MAX_LIFETIME_S",
    }
    assert len(NAMES - LIMIT_NAMES) == 44


@pytest.mark.parametrize("text", ["0", "59", "31622401", "1d", "-60"])
def test_a_token_lives_between_a_minute_and_a_year(tmp_path: Path, text: str) -> None:
    (fault,) = faults_of(environment(tmp_path, NETRA_JWT_MAX_LIFETIME_S=text))
    assert "use a whole number from 60 to 31622400" in fault
