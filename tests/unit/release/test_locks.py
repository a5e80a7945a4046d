"""What a lock says is read whole, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.locks import LOCKS, Locked, read_lock

SUM = "a" * 64
OTHER = "b" * 64
LOCK = f"""# made by a command
first[extra]==1.0 ; python_full_version >= '3.12' and sys_platform == 'win32' \\
    --hash=sha256:{SUM} \\
    --hash=sha256:{OTHER}
    # via
    #   -c requirements/dev.lock
    #   netra-server (pyproject.toml)
    #   second
second==2.0.post1 \\
    --hash=sha256:{SUM}
    # via first
"""


def test_each_pin_is_read_with_marker_hashes_and_who_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "one.lock"
    path.write_text(LOCK)
    marker = "python_full_version >= '3.12' and sys_platform == 'win32'"
    assert read_lock(path) == [
        Locked("first", "1.0", marker, (SUM, OTHER), ("netra-server", "second")),
        Locked("second", "2.0.post1", "", (SUM,), ("first",)),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "third==3.0\n    # via first\n",
        "third>=3.0 \\\n    --hash=sha256:" + SUM + "\n",
        "third @ file:///somewhere \\\n    --hash=sha256:" + SUM + "\n",
        "third==3.0 \\\n    --hash=md5:abc\n",
        "--find-links somewhere\n",
    ],
)
def test_a_line_that_pins_no_version_with_a_hash_is_no_lock(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.lock"
    path.write_text(LOCK + line)
    with pytest.raises(ValueError, match=r"one\.lock"):
        read_lock(path)


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.lock")), ids=lambda path: path.name)
def test_every_lock_of_the_project_is_read_whole(path: Path) -> None:
    packages = read_lock(path)
    assert sum(len(each.hashes) for each in packages) == path.read_text().count("--hash=sha256:")
    assert len(packages) == len({(each.name, each.version) for each in packages}) > 0
    names = {each.name for each in packages} | {"netra-server"}
    assert {name for each in packages for name in each.needed_by} <= names
    assert all(each.needed_by for each in packages)
