"""The settings of one server: read once from environment and file, judged as a whole, frozen.

Sources, the first that names a setting wins: the command line (``load``'s keywords), the environment, the file
``netra.env`` in the data directory (lines ``NAME=value``, ``#`` begins a comment line). An empty value counts as absent.
A secret may stand in a file: ``NAME_FILE`` holds its path.
The names of ``NAMES`` are all there are; those of the limits are made of the table in ``core.limits``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..distribution import Extra, missing_packages
from .core import settings_values as values
from .core import validation
from .core.errors import ConfigurationError
from .core.identity import DEFAULT_MAX_LIFETIME_S, OWN_ISSUER
from .core.limits import LIMIT_RANGES, Limits
from .core.plans import Plans, make_plans
from .settings_reader import LIMIT_PREFIX, SettingsReader

FILE_NAME: Final = "netra.env"
PLANS_FILE_NAME: Final = "plans.toml"
_SECRET_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}  # a key is as long as its digest, or longer
_JWKS_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Whose tokens count, and how they are checked.

    ``kind`` says where the keys are: ``development`` (the key in the data directory), ``secret``, ``public_key`` (PEM),
    ``jwks`` (``url``), ``oidc`` (found through ``issuer``). With ``oidc`` a token's subject is not a user id of ours.
    """

    kind: Literal["development", "secret", "public_key", "jwks", "oidc"]
    algorithms: tuple[str, ...]
    issuer: str | None = None
    audience: str | None = None
    secret: bytes = field(default=b"", repr=False)
    public_key: str = ""
    url: str = ""


_NEEDS: Final[dict[str, tuple[Extra, str]]] = {
    "NETRA_DATABASE_URL": ("scale", "asyncpg"),
    "NETRA_REDIS_URL": ("scale", "redis"),
    "NETRA_DATASETS_URL": ("scale", "obstore"),
    "NETRA_MODEL": ("models", "pydantic_ai"),
}
"""Settings that a plain installation cannot honour: the extra that each takes, and the package that a server then imports."""

DEVELOPMENT: Final = TokenSource("development", ("HS256",), issuer=OWN_ISSUER)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that an operator decides. Made by ``load``; passed down, never looked up."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    public_url: str | None = None
    trusted_proxies: tuple[values.Network, ...] = ()
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    datasets_url: str | None = None
    token_sources: tuple[TokenSource, ...] = (DEVELOPMENT,)
    jwt_max_lifetime_s: int = DEFAULT_MAX_LIFETIME_S
    allowed_origins: tuple[str, ...] = ()
    model: str | None = None
    retention_days: int | None = None
    file_scan_command: tuple[str, ...] | None = None
    """What looks at files that users upload: it gets one on standard input and exits with 0 if the file may be kept."""
    secrets_key: bytes | None = field(default=None, repr=False)
    secrets_key_previous: bytes | None = field(default=None, repr=False)
    """Opens what was sealed before ``secrets_key`` was set."""
    secrets_dir: Path | None = None
    """A directory with a file for each secret of the server."""
    egress_networks: tuple[values.Network, ...] = ()
    """What outbound calls may reach beside public addresses."""
    audit_key: bytes | None = field(default=None, repr=False)
    audit_anchor: str | None = None
    """``log``, or the path of a file. ``None``, here and of the key: a file in the data directory."""
    audit_on_failure: Literal["refuse", "continue"] = "refuse"
    audit_retention_days: int = 365
    allow_drills: bool = False
    allow_raw_sql: bool = False
    app: str | None = None
    default_agent: str = "supervisor"
    """The agent that is asked if a request names none."""
    log_level: str = "info"
    limits: Limits = field(default_factory=Limits)
    plans: Plans | None = None
    """``None``: all users have the server's limits, agents and tools, and no budget."""
    plan_claim: str = "plan"
    """The claim of a token that names its user's plan."""

    @property
    def uses_development_key(self) -> bool:
        """Whether tokens are signed with the key in the data directory."""
        return DEVELOPMENT in self.token_sources

    @property
    def is_loopback(self) -> bool:
        """Whether the server can be reached from this machine alone."""
        return values.is_loopback(self.host)

    @classmethod
    def load(
        cls,
        environ: Mapping[str, str],
        *,
        data_dir: Path | None = None,
        host: str | None = None,
        port: int | None = None,
        workers: int = 1,
        app: str | None = None,
        limits: Limits | None = None,
    ) -> Settings:
        """Read and judge all settings. Keywords are the command line's and go first.

        Raises ``ConfigurationError``: its ``faults`` are all there are, each naming the setting and what to do.
        """
        given = {name: text for name, text in environ.items() if name.startswith("NETRA_")}
        reader = SettingsReader({name: text.strip() for name, text in given.items() if text.strip()})
        if data_dir is not None:
            reader.given["NETRA_DATA_DIR"] = str(data_dir)
        directory = _data_dir(reader, environ)
        reader.add_file(directory / FILE_NAME)
        reader.refuse_unknown_names()
        if host is not None:
            reader.given["NETRA_HOST"] = host
        if port is not None:
            reader.given["NETRA_PORT"] = str(port)
        if app is not None:
            reader.given["NETRA_APP"] = app
        bounds = limits or _limits(reader)
        settings = cls(
            data_dir=directory,
            host=reader.take("NETRA_HOST", values.host, "127.0.0.1"),
            port=reader.take("NETRA_PORT", partial(values.whole_number, 0, 65_535), 8000),
            workers=workers,
            public_url=reader.take("NETRA_PUBLIC_URL", values.public_url, None),
            trusted_proxies=reader.take("NETRA_TRUSTED_PROXIES", values.networks, ()),
            database_url=reader.take(
                "NETRA_DATABASE_URL", partial(values.server_url, ("postgresql", "postgres")), None
            ),
            redis_url=reader.take(
                "NETRA_REDIS_URL", partial(values.server_url, ("redis", "rediss", "valkey", "valkeys", "unix")), None
            ),
            datasets_url=reader.take("NETRA_DATASETS_URL", values.bucket_url, None),
            token_sources=_token_sources(reader),
            jwt_max_lifetime_s=reader.take(
                "NETRA_JWT_MAX_LIFETIME_S", partial(values.whole_number, 60, 366 * 24 * 3600), DEFAULT_MAX_LIFETIME_S
            ),
            allowed_origins=reader.take("NETRA_ALLOWED_ORIGINS", values.origins, ()),
            model=reader.take("NETRA_MODEL", values.short_text, None),
            retention_days=reader.take("NETRA_RETENTION_DAYS", partial(values.whole_number, 1, 36_500), None),
            file_scan_command=reader.take("NETRA_FILE_SCAN_COMMAND", values.command, None),
            secrets_key=reader.take("NETRA_SECRETS_KEY", values.long_key, None),
            secrets_key_previous=reader.take("NETRA_SECRETS_KEY_PREVIOUS", values.long_key, None),
            secrets_dir=reader.take("NETRA_SECRETS_DIR", Path, None),
            egress_networks=reader.take("NETRA_EGRESS_NETWORKS", values.networks, ()),
            audit_key=reader.take("NETRA_AUDIT_KEY", values.long_key, None),
            audit_anchor=reader.take("NETRA_AUDIT_ANCHOR", values.audit_anchor, None),
            audit_on_failure=reader.take("NETRA_AUDIT_ON_FAILURE", values.on_audit_failure, "refuse"),
            audit_retention_days=reader.take(
                "NETRA_AUDIT_RETENTION_DAYS", partial(values.whole_number, 1, 36_500), 365
            ),
            allow_drills=reader.take("NETRA_ALLOW_DRILLS", values.flag, False),
            allow_raw_sql=reader.take("NETRA_ALLOW_RAW_SQL", values.flag, False),
            app=reader.take("NETRA_APP", values.short_text, None),
            default_agent=reader.take("NETRA_DEFAULT_AGENT", values.short_text, "supervisor"),
            log_level=reader.take("NETRA_LOG_LEVEL", values.log_level, "info"),
            limits=bounds,
            plans=_plans(reader, directory, bounds),
            plan_claim=reader.take("NETRA_PLAN_CLAIM", values.short_text, "plan"),
        )
        reader.faults += settings.contradictions()
        if reader.faults:
            raise ConfigurationError(reader.faults, point=validation.CONFIG_FAULTS)
        return settings

    def contradictions(self) -> list[str]:
        """What does not go together, or needs what is not installed, in words that say what to do."""
        faults: list[str] = []
        if self.secrets_key_previous is not None and self.secrets_key is None:
            faults.append(
                "NETRA_SECRETS_KEY_PREVIOUS is set, and NETRA_SECRETS_KEY is not. Set the key that is used now, too."
            )
        if self.uses_development_key and not self.is_loopback:
            faults.append(
                f"NETRA_HOST={self.host} is reachable from other machines, but the development key is for "
                "this machine only. Set NETRA_JWT_SECRET_FILE, NETRA_JWT_PUBLIC_KEY_FILE, NETRA_JWT_JWKS_URL "
                "or NETRA_OIDC_ISSUER, or listen on 127.0.0.1."
            )
        if not 1 <= self.workers <= 256:
            faults.append(f"--workers {self.workers} is not valid: use a whole number from 1 to 256.")
        elif self.workers > 1 and self.database_url is None:
            faults.append(f"--workers {self.workers} needs PostgreSQL. Set NETRA_DATABASE_URL, or use one worker.")
        if self.redis_url is not None and self.database_url is None:
            faults.append(
                "NETRA_REDIS_URL connects processes that share a PostgreSQL database. Set NETRA_DATABASE_URL "
                "as well, or remove NETRA_REDIS_URL."
            )
        if self.audit_anchor == "log" and self.log_level not in ("debug", "info"):
            faults.append(
                f"NETRA_AUDIT_ANCHOR=log writes anchors at the level info, but NETRA_LOG_LEVEL={self.log_level} leaves them "
                "out. Use NETRA_LOG_LEVEL=info, or a file."
            )
        for larger, smaller, more in self.limits.contradictions():
            least = f"{LIMIT_PREFIX}{smaller.upper()}" + (f" and {more} more" if more else "")
            faults.append(
                f"{LIMIT_PREFIX}{larger.upper()} is smaller than {least} "
                f"({getattr(self.limits, larger)} and {getattr(self.limits, smaller)}). Raise the first or lower the second."
            )
        for name, (extra, package) in _NEEDS.items():
            if getattr(self, name.removeprefix("NETRA_").lower()) is not None:
                faults += missing_packages(name, extra, package)
        return faults


def _limits(reader: SettingsReader) -> Limits:
    given: dict[str, Any] = {}
    usual = Limits()
    for name, bounds in LIMIT_RANGES.items():
        default = getattr(usual, name)
        parse = values.whole_number if isinstance(default, int) else values.number
        given[name] = reader.take(f"{LIMIT_PREFIX}{name.upper()}", partial(parse, bounds.low, bounds.high), default)
    return Limits(**given)


def _plans(reader: SettingsReader, directory: Path, limits: Limits) -> Plans | None:
    given = reader.given.get("NETRA_PLANS_FILE")
    path = Path(given) if given else directory / PLANS_FILE_NAME
    usual = reader.given.get("NETRA_DEFAULT_PLAN", "")
    if not given and not path.is_file():
        if usual:
            reader.faults.append(f"NETRA_DEFAULT_PLAN={usual[:64]} needs plans. Write them into {path}.")
        return None
    before = len(reader.faults)
    text = reader.text_of(path)
    if len(reader.faults) > before:
        return None
    try:
        told = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        reader.faults.append(f"{path} is not valid TOML: {fault}.")
        return None
    plans, faults = make_plans(told, limits, usual, _is_zone)
    reader.faults += [f"{path}: {fault}" for fault in faults]
    return plans


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # the first two: a path, a directory
        return False
    return True


def _data_dir(reader: SettingsReader, environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME", "")
    given = reader.given.get("NETRA_DATA_DIR")
    if given is not None:
        return Path(home + given[1:] if home and given.startswith("~/") else given).absolute()
    base = environ.get("XDG_DATA_HOME") or (f"{home}/.local/share" if home else "")
    if not base:
        reader.faults.append("NETRA_DATA_DIR is not set, and there is no HOME to put data in. Set NETRA_DATA_DIR.")
    return Path(base or "/nonexistent").absolute() / "netra"


def _token_sources(reader: SettingsReader) -> tuple[TokenSource, ...]:
    before = len(reader.faults)
    unpinned: tuple[str, ...] = ()
    pinned = reader.take("NETRA_JWT_ALGORITHMS", values.algorithms, unpinned)
    issuer = reader.take("NETRA_JWT_ISSUER", values.short_text, None)
    audience = reader.take("NETRA_JWT_AUDIENCE", values.short_text, None)
    jwks_url = reader.take("NETRA_JWT_JWKS_URL", values.issuer_url, None)
    oidc_issuer = reader.take("NETRA_OIDC_ISSUER", values.issuer_url, None)
    secret, public_key = reader.content("NETRA_JWT_SECRET"), reader.content("NETRA_JWT_PUBLIC_KEY")

    def source(kind: Any, usual: tuple[str, ...], taken: tuple[str, ...], *, issuer: str | None, **keys: Any) -> None:
        chosen = tuple(name for name in pinned if name in taken) if pinned else usual
        if not chosen:
            reader.faults.append(
                f"NETRA_JWT_ALGORITHMS has no algorithm for this kind of key. Add one of these: {', '.join(taken)}."
            )
        found.append(TokenSource(kind, chosen, issuer=issuer, audience=audience, **keys))

    found: list[TokenSource] = []
    if secret:
        source("secret", ("HS256",), values.SHARED_KEY_ALGORITHMS, issuer=issuer, secret=secret.encode())
        needed = max(_SECRET_BYTES[name] for name in found[0].algorithms or ("HS256",))
        if len(secret.encode()) < needed:
            reader.faults.append(
                f"NETRA_JWT_SECRET is shorter than {needed} bytes. Create one with `openssl rand -hex {needed}`."
            )
    if public_key:
        fitting = _algorithms_of(public_key)
        if not fitting:
            reader.faults.append(
                "NETRA_JWT_PUBLIC_KEY is not valid: use a PEM public key (RSA with at least 2048 bits, "
                "P-256, P-384, P-521 or Ed25519)."
            )
        source("public_key", fitting[:1], fitting, issuer=issuer, public_key=public_key)
    if jwks_url:
        source("jwks", _JWKS_ALGORITHMS, values.PUBLIC_KEY_ALGORITHMS, issuer=issuer, url=jwks_url)
    if len(found) > 1:
        reader.faults.append(
            "NETRA_JWT_SECRET, NETRA_JWT_PUBLIC_KEY and NETRA_JWT_JWKS_URL exclude each other. Keep one."
        )
    if oidc_issuer:
        if audience is None:
            reader.faults.append(
                "NETRA_OIDC_ISSUER needs NETRA_JWT_AUDIENCE (the client id). Without it, tokens for every "
                "other application of that issuer would be accepted."
            )
        if any(own.issuer in (None, oidc_issuer) for own in found):
            reader.faults.append(
                "To use NETRA_OIDC_ISSUER together with another key, set NETRA_JWT_ISSUER, and not to the same issuer."
            )
        source("oidc", _JWKS_ALGORITHMS, values.PUBLIC_KEY_ALGORITHMS, issuer=oidc_issuer)
    return tuple(found) if found or len(reader.faults) > before else _without_keys(reader)


def _without_keys(reader: SettingsReader) -> tuple[TokenSource, ...]:
    for name in ("NETRA_JWT_ALGORITHMS", "NETRA_JWT_AUDIENCE", "NETRA_JWT_ISSUER"):
        if name in reader.given:
            reader.faults.append(
                f"{name} is set without a key. Set a key, such as NETRA_JWT_SECRET_FILE, or remove {name}."
            )
    return (DEVELOPMENT,)


def _algorithms_of(pem: str) -> tuple[str, ...]:
    """The algorithms that a PEM public key can check, the usual one first; none where it is no key for us."""
    # Imported here because only a server that is given such a key needs it, and it is slow to load.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        return ()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"secp256r1": ("ES256",), "secp384r1": ("ES384",), "secp521r1": ("ES512",)}.get(key.curve.name, ())
    return ("EdDSA",) if isinstance(key, ed25519.Ed25519PublicKey) else ()
