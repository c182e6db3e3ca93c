"""Secrets at rest: AES-256-GCM under the installation's key, which is never in the database."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class WrongKey(Exception):
    """A secret was sealed with another key, or altered."""


class SecretBox:
    """Seals short secrets. The text form is "1:<key id>:<nonce and ciphertext>": the id tells a rotated key apart."""

    def __init__(self, key: str) -> None:
        """`key` is the installation's secret_key, at least 32 characters."""
        digest = hashlib.sha256(key.encode()).digest()
        self._cipher = AESGCM(digest)
        self._id = hashlib.sha256(b"id" + digest).hexdigest()[:8]

    def seal(self, secret: str) -> str:
        nonce = os.urandom(12)
        sealed = nonce + self._cipher.encrypt(nonce, secret.encode(), self._id.encode())
        return f"1:{self._id}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str) -> str:
        """Raises WrongKey if it was sealed under another key or was changed."""
        try:
            form, key_id, body = sealed.split(":", 2)
            if form != "1" or key_id != self._id:
                raise WrongKey("sealed with another key: put back the secret_key of this installation")
            raw = base64.urlsafe_b64decode(body)
            return self._cipher.decrypt(raw[:12], raw[12:], key_id.encode()).decode()
        except (ValueError, InvalidTag) as broken:
            raise WrongKey("the sealed text is damaged") from broken
