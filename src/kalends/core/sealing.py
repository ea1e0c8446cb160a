"""Encryption at rest: AES-256-GCM with a key id, and the row and field as associated data.

A sealed text is `v1.<key id>.<nonce and ciphertext in base64url>`. The associated data ties it to its place, so that a
sealed value copied to another row or column does not open.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class CannotUnseal(Exception):
    """The key is not in the ring, or the text was altered or moved."""


class Keyring:
    """`keys` are `id:base64` of 32 bytes each; the first one writes, all read."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._ciphers: dict[str, AESGCM] = {}
        for key in keys:
            ident, _, encoded = key.partition(":")
            self._ciphers[ident] = AESGCM(base64.b64decode(encoded))
        self.writes_with = next(iter(self._ciphers))

    def seal(self, plaintext: str, *, place: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.writes_with].encrypt(nonce, plaintext.encode(), place.encode())
        return f"v1.{self.writes_with}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def unseal(self, sealed: str, *, place: str) -> str:
        """Raises CannotUnseal."""
        version, _, rest = sealed.partition(".")
        ident, _, encoded = rest.partition(".")
        cipher = self._ciphers.get(ident)
        if version != "v1" or cipher is None:
            raise CannotUnseal(f"no key {ident!r} in the ring")
        raw = base64.urlsafe_b64decode(encoded)
        try:
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except InvalidTag as error:
            raise CannotUnseal("the text was altered or belongs to another place") from error

    def marks(self) -> list[str]:
        """How the texts begin that a key of this ring sealed."""
        return [f"v1.{ident}." for ident in self._ciphers]

    def is_current(self, sealed: str) -> bool:
        """Whether the writing key sealed it; otherwise a rotation has work to do."""
        return sealed.startswith(f"v1.{self.writes_with}.")


def new_encryption_key() -> str:
    """`<key id>:<32 random bytes in base64>`, as KALENDS_ENCRYPTION_KEYS lists them."""
    return f"{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(32)).decode()}"
