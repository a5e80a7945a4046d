"""Users for tests: minted ids, and tokens that a server takes."""

from __future__ import annotations

import sys
from pathlib import Path

import jwt
import pytest

from netra_backend.app.core.ids import is_valid_id
from test_framework.users import LocalUsers, SharedUsers, StagingUsers

KEY = b"k" * 32


@pytest.fixture
def users(tmp_path: Path) -> LocalUsers:
    (tmp_path / "development.key").write_text(KEY.hex() + "\n")
    return LocalUsers(tmp_path)


def test_a_local_user_has_a_minted_id_and_a_token_of_the_development_key(users: LocalUsers) -> None:
    user = users.make("someone@example.org", scopes=["admin"])
    claims = jwt.decode(user.token, KEY, algorithms=["HS256"], options={"verify_iat": False})
    assert claims["sub"] == user.id != user.email
    assert is_valid_id(user.id)
    assert "admin" in str(claims)
    assert users.make("someone@example.org").id != user.id
    assert users.token_for(user.id).id == user.id


def test_a_shared_user_has_a_token_of_the_secret_that_each_server_is_given() -> None:
    users = SharedUsers("several")
    user = users.make("someone@example.org")
    key, issuer = users.settings["NETRA_JWT_SECRET"], users.settings["NETRA_JWT_ISSUER"]
    claims = jwt.decode(user.token, key, algorithms=["HS256"], issuer=issuer, options={"verify_iat": False})
    assert (claims["sub"], claims["iss"]) == (user.id, "several")
    assert is_valid_id(user.id)
    assert SharedUsers("several").settings != users.settings


def test_the_module_itself_is_a_command_for_staging(users: LocalUsers, tmp_path: Path) -> None:
    user = StagingUsers(f"{sys.executable} -m test_framework.users {tmp_path}").make("ann@x.example", scopes=["admin"])
    claims = jwt.decode(user.token, KEY, algorithms=["HS256"], options={"verify_iat": False})
    assert claims["sub"] == user.id
    assert "admin" in str(claims)


def program(body: str) -> str:
    return f'{sys.executable} -c "{body}"'


def test_a_staging_user_is_what_the_command_prints() -> None:
    users = StagingUsers(program("import sys; print('user_' + sys.argv[1].partition('@')[0], '-'.join(sys.argv[1:]))"))
    user = users.make("ann@example.org", scopes=["admin"])
    assert (user.id, user.token, user.email) == ("user_ann", "ann@example.org-admin", "ann@example.org")


@pytest.mark.parametrize(
    "body", ["print('one')", "print('a b c')", "import sys; print('a b'); sys.exit('no such user')"]
)
def test_a_command_that_prints_anything_else_is_told(body: str) -> None:
    with pytest.raises(RuntimeError, match="must print a user id and a token"):
        StagingUsers(program(body)).make("ann@example.org")
