"""One bucket of the test server, seen by a test: what lies in it, and what shall go wrong next."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import Any

import httpx

from .object_server import FAULTS_PATH

_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}
"""The test server wants to see that a request is signed, and by whom does not matter to it."""


@dataclass(frozen=True, slots=True)
class ObjectBucket:
    """An empty bucket, made for one test. ``url`` is what a server is told, ``endpoint`` where the store listens."""

    endpoint: str
    name: str

    @classmethod
    def make(cls, endpoint: str) -> ObjectBucket:
        """Make a bucket whose name nobody else has."""
        bucket = cls(endpoint, f"netra-{secrets.token_hex(8)}")
        bucket.go_wrong()
        httpx.put(f"{endpoint}/{bucket.name}", headers=_SIGNED, trust_env=False).raise_for_status()
        return bucket

    @property
    def url(self) -> str:
        """As ``NETRA_DATASETS_URL`` names it."""
        return f"s3://{self.name}/netra"

    @property
    def environment(self) -> dict[str, str]:
        """What an operator sets beside it. The test server asks for no real key."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "AKIACANARYCANARYCANA",
            "AWS_SECRET_ACCESS_KEY": "canary-of-a-secret-access-key",
        }

    def listed(self) -> list[str]:
        """The keys of all objects, in order."""
        listed = (
            httpx.get(f"{self.endpoint}/{self.name}?list-type=2", headers=_SIGNED, trust_env=False)
            .raise_for_status()
            .text
        )
        return sorted(re.findall("<Key>([^<]*)</Key>", listed))

    def put(self, key: str, body: bytes) -> None:
        """Put an object by another way than the code under test."""
        httpx.put(
            f"{self.endpoint}/{self.name}/{key}", content=body, headers=_SIGNED, trust_env=False
        ).raise_for_status()

    def get(self, key: str) -> bytes:
        """Get an object by another way than the code under test."""
        return (
            httpx.get(f"{self.endpoint}/{self.name}/{key}", headers=_SIGNED, trust_env=False).raise_for_status().content
        )

    def delete(self, key: str) -> None:
        """Delete an object by another way than the code under test."""
        httpx.delete(f"{self.endpoint}/{self.name}/{key}", headers=_SIGNED, trust_env=False).raise_for_status()

    def go_wrong(self, *faults: dict[str, Any]) -> None:
        """What shall go wrong from now on, instead of what was told before; see ``object_server``."""
        httpx.put(
            f"{self.endpoint}{FAULTS_PATH}", content=json.dumps(faults), headers=_SIGNED, trust_env=False
        ).raise_for_status()
