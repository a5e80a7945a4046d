"""The bill of materials of a lock, in CycloneDX 1.6: the same bytes for the same lock, version and time."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from netra_backend.distribution import NAME

from .licences import licence_of
from .locks import Locked

OWN_LICENCE: Final = "Apache-2.0"
MARKER: Final = "netra:marker"
"""The property that says where a component is installed (an environment marker, PEP 508); without it, everywhere."""


def bill_of_materials(packages: Sequence[Locked], version: str, built_at: int) -> str:
    """The bill as JSON. ``built_at`` is seconds since the epoch.

    The hashes of a component are those of its files that the lock accepts, in a reference of the type ``distribution``:
    there is one file for each platform, and none of them is *the* component.
    """
    root = Component(
        name=NAME,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"{NAME}=={version}",
        purl=PackageURL("pypi", None, NAME, version),
        licenses=[_licence(OWN_LICENCE)],
    )
    components = {(each.name, each.version): _component(each) for each in packages}
    bom = Bom(
        components=components.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME}=={version}\n" + "\n".join(map(repr, packages))),
        metadata=BomMetaData(component=root, timestamp=datetime.fromtimestamp(built_at, UTC)),
        dependencies=_edges(packages, root, components),
    )
    return str(JsonV1Dot6(bom).output_as_string(indent=2)) + "\n"


def _component(package: Locked) -> Component:
    licence = licence_of(package.name)
    accepted = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(package.purl),
        comment="the files that the lock accepts",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in package.hashes],
    )
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{package.name}=={package.version}",
        purl=PackageURL.from_string(package.purl),
        licenses=[] if licence is None else [_licence(licence)],
        external_references=[accepted],
        properties=[Property(name=MARKER, value=package.marker)] if package.marker else [],
    )


def _licence(expression: str) -> DisjunctiveLicense | LicenseExpression:
    declared = LicenseAcknowledgement.DECLARED
    if " " in expression:
        return LicenseExpression(expression, acknowledgement=declared)
    return DisjunctiveLicense(id=expression, acknowledgement=declared)


def _edges(
    packages: Sequence[Locked], root: Component, components: dict[tuple[str, str], Component]
) -> Iterable[Dependency]:
    """Who needs whom. What is locked in two versions, by marker, is needed in that of the same marker by whoever has it."""
    needs: dict[str, set[Dependency]] = {str(root.bom_ref): set()}
    by_name: dict[str, list[Locked]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    for package in packages:
        leaf = Dependency(components[package.name, package.version].bom_ref)
        needs.setdefault(str(leaf.ref), set())
        for name in package.needed_by:
            if name == NAME:
                needs[str(root.bom_ref)].add(leaf)
            for asker in by_name.get(name, []):
                if asker.marker == package.marker or not _has_twin(package, asker, by_name):
                    needs.setdefault(str(components[asker.name, asker.version].bom_ref), set()).add(leaf)
    refs = {str(each.bom_ref): each.bom_ref for each in (root, *components.values())}
    return [Dependency(refs[ref], leaves) for ref, leaves in needs.items()]


def _has_twin(package: Locked, asker: Locked, by_name: dict[str, list[Locked]]) -> bool:
    return any(other.marker == asker.marker for other in by_name[package.name])
