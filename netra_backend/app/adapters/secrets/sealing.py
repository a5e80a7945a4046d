"""Sealing with AES-256-GCM (NIST SP 800-38D): a random nonce for each secret, and its owner and name as associated data."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ...secret_ports import SealedSecret

_NONCE_BYTES: Final = 12


class AesGcmCipher:
    """``secret_ports.SecretCipher``. It opens what was sealed with the ``previous`` key, too."""

    def __init__(self, key: bytes, previous: bytes | None = None) -> None:
        self.key_id = _id_of(key)
        self._ciphers = {_id_of(each): _cipher(each) for each in (key, previous) if each is not None}

    def seal(self, owner: str, name: str, value: str) -> SealedSecret:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, value.encode(), _about(owner, name))
        return SealedSecret(self.key_id, nonce + sealed)

    def open(self, owner: str, name: str, secret: SealedSecret) -> str | None:
        cipher = self._ciphers.get(secret.key_id)
        if cipher is None or len(secret.sealed) < _NONCE_BYTES:
            return None
        nonce, sealed = secret.sealed[:_NONCE_BYTES], secret.sealed[_NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, sealed, _about(owner, name)).decode()
        except InvalidTag:
            return None


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(blake2b(key, digest_size=32, person=b"netra secrets").digest())


def _id_of(key: bytes) -> str:
    return blake2b(key, digest_size=8, person=b"netra secret id").hexdigest()


def _about(owner: str, name: str) -> bytes:
    return f"{len(owner)}:{owner}:{name}".encode()
