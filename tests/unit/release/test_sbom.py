"""The bill of materials says of every locked package what the lock says, and is valid CycloneDX."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release.licences import licence_of
from release.locks import LOCKS, Locked, read_lock
from release.sbom import MARKER, bill_of_materials

BUILT_AT = 1_800_000_000


def bill(packages: list[Locked], version: str = "1.0") -> dict[str, Any]:
    read: dict[str, Any] = json.loads(bill_of_materials(packages, version, BUILT_AT))
    return read


def edges(read: dict[str, Any]) -> dict[str, list[str]]:
    return {each["ref"]: each.get("dependsOn", []) for each in read["dependencies"]}


@pytest.mark.parametrize("lock", ["runtime.lock", "image.lock"])
def test_every_locked_package_is_in_the_bill_with_version_licence_purl_and_hashes(lock: str) -> None:
    packages = read_lock(LOCKS / lock)
    components = {each["bom-ref"]: each for each in bill(packages)["components"]}
    assert len(components) == len(packages)
    for package in packages:
        component = components[f"{package.name}=={package.version}"]
        assert (component["name"], component["version"]) == (package.name, package.version)
        assert component["purl"] == f"pkg:pypi/{package.name}@{package.version}"
        (accepted,) = component["externalReferences"]
        assert accepted["type"] == "distribution"
        assert {each["content"] for each in accepted["hashes"]} == set(package.hashes)
        assert {each["alg"] for each in accepted["hashes"]} == {"SHA-256"}
        (licence,) = component["licenses"]
        assert licence.get("expression", licence.get("license", {}).get("id")) == licence_of(package.name)
        markers = [each["value"] for each in component.get("properties", []) if each["name"] == MARKER]
        assert markers == [package.marker] * bool(package.marker)


@pytest.mark.parametrize("lock", ["runtime.lock", "image.lock"])
def test_the_bill_fits_the_schema_and_every_edge_leads_somewhere(lock: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = bill_of_materials(read_lock(LOCKS / lock), "1.0", BUILT_AT)
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(text) is None
    assert validator.validate_str(text.replace('"purl"', '"pearl"')) is not None
    read = json.loads(text)
    known = {each["bom-ref"] for each in (*read["components"], read["metadata"]["component"])}
    found = edges(read)
    assert set(found) == known
    assert {ref for refs in found.values() for ref in refs} == known - {"netra-server==1.0"}


def test_the_same_lock_gives_the_same_bytes_and_another_version_another_serial_number() -> None:
    packages = read_lock(LOCKS / "runtime.lock")
    assert bill_of_materials(packages, "1.0", BUILT_AT) == bill_of_materials(packages, "1.0", BUILT_AT)
    assert bill(packages)["serialNumber"] != bill(packages, "1.1")["serialNumber"]
    assert bill(packages)["serialNumber"] != bill(packages[1:])["serialNumber"]
    assert bill(packages)["metadata"]["timestamp"] == "2027-01-15T08:00:00+00:00"


def test_whoever_has_a_marker_needs_what_is_locked_for_it() -> None:
    old, new = "python_version < '3.12'", "python_version >= '3.12'"
    packages = [
        Locked("array", "1.0", old, ("a" * 64,), ("science", "plain")),
        Locked("array", "2.0", new, ("b" * 64,), ("science", "plain")),
        Locked("plain", "1.0", "", ("c" * 64,), ("netra-server",)),
        Locked("science", "1.0", old, ("d" * 64,), ("netra-server",)),
        Locked("science", "2.0", new, ("e" * 64,), ("netra-server",)),
    ]
    assert edges(bill(packages)) == {
        "netra-server==1.0": ["plain==1.0", "science==1.0", "science==2.0"],
        "plain==1.0": ["array==1.0", "array==2.0"],
        "science==1.0": ["array==1.0"],
        "science==2.0": ["array==2.0"],
        "array==1.0": [],
        "array==2.0": [],
    }


def test_a_package_whose_licence_nobody_knows_has_none_in_the_bill() -> None:
    (component,) = bill([Locked("nobody-knows-it", "1.0", "", ("a" * 64,), ("netra-server",))])["components"]
    assert "licenses" not in component
