"""Settings as text: where they come from, and every fault by its name. What each means is for ``config`` to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from netra_backend.app.settings_reader import NAMES, SECRET_NAMES, SettingsReader


def test_a_file_gives_what_was_not_given_before_and_its_faults_name_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "netra.env"
    path.write_text('# ours\nexport NETRA_PORT="9000"\nNETRA_HOST=127.0.0.1\nnonsense\nNETRA_DATA_DIR=/elsewhere\n')
    reader = SettingsReader({"NETRA_HOST": "::1"})
    reader.add_file(path)
    assert reader.given == {"NETRA_HOST": "::1", "NETRA_PORT": "9000"}
    assert [fault.partition(":")[0] for fault in reader.faults] == [f"{path}, line 4", f"{path}, line 5"]


def test_a_file_that_is_not_there_gives_nothing(tmp_path: Path) -> None:
    reader = SettingsReader({})
    reader.add_file(tmp_path / "netra.env")
    assert (reader.given, reader.faults) == ({}, [])


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 65_537])
def test_a_secret_in_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    reader = SettingsReader({"NETRA_JWT_SECRET_FILE": str(path)})
    assert reader.content("NETRA_JWT_SECRET") == ""
    (fault,) = reader.faults
    assert fault.startswith(f"{path} cannot be read")


def test_a_name_that_is_not_known_is_refused_with_the_nearest_one() -> None:
    reader = SettingsReader({"NETRA_PORTT": "1", "NETRA_TEST_SEED": "1"})
    reader.refuse_unknown_names()
    assert reader.faults == ["Unknown setting NETRA_PORTT. Did you mean NETRA_PORT?"]


def test_a_value_that_does_not_fit_is_shown_unless_it_is_a_secret() -> None:
    def refuse(text: str) -> str:
        raise ValueError("it does not fit")

    reader = SettingsReader({"NETRA_PORT": "canary-port", "NETRA_REDIS_URL": "canary-url"})
    assert reader.take("NETRA_PORT", refuse, "usual") == "usual"
    assert reader.take("NETRA_REDIS_URL", refuse, "usual") == "usual"
    assert reader.faults == [
        "NETRA_PORT=canary-port is not valid: it does not fit.",
        "NETRA_REDIS_URL is not valid: it does not fit.",
    ]


def test_each_secret_has_a_twin_for_its_file() -> None:
    assert {f"{name}_FILE" for name in SECRET_NAMES} <= NAMES
