"""What a release is made of, and what is known about what it needs. Nothing here is shipped.

- ``locks``: the packages that a lock pins
- ``licences``: under which licence each is, and which licences are accepted
- ``sbom``: the bill of materials of a lock, in CycloneDX
- ``build``: wheel, source distribution, bills and checksums (``make release``)
- ``advisories``: whether advisories are known about what is locked (``make audit``)
- ``images``: base images by digest (``make pin``)
"""
