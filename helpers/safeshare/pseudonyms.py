"""Consistent replacements, made from one secret key: UIDs, identifiers, and a number of days for each patient.

A keyed hash (HMAC-SHA256, RFC 2104) turns the same original into the same replacement in every file, every process and
every order, with no table to keep. While somebody holds the key, or can guess it, the originals can be tried out and
the link made again: the result is pseudonymous (GDPR Art. 4(5)). A random key that is thrown away leaves no way back.

Each replacement carries two marks. One is made with the key, so that stripping twice with one key changes nothing more.
The other needs no key, so that ``metadata.find`` can tell a replacement from an original.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import NamedTuple

SHORTEST_KEY = 16  # characters: a shorter secret can be found by trial, since patient IDs are easy to guess


class _Layout(NamedTuple):
    """How many bits a replacement spends on what: the hash of the original, the key's mark, the mark without a key."""

    purpose: bytes
    token: int
    mark: int
    seal: int


_UID = _Layout(b"uid", 64, 26, 32)  # 122 bits: what a UUID leaves free beside its version and variant
_IDENTIFIER = _Layout(b"identifier", 45, 15, 20)  # 80 bits: 16 characters, the longest that VR SH takes


class Pseudonyms:
    """Replacements under one key.

    ``key`` is a secret of at least 16 characters; without one a random key is made, used and forgotten. With
    ``any_key`` what was made under any key counts as a replacement, which is what ``find`` needs.

    Raises ``ValueError`` when the key is too short to be a secret.
    """

    def __init__(self, key: bytes | str | None = None, *, any_key: bool = False) -> None:
        if key is None:
            key = secrets.token_bytes(32)
        self._key = key.encode() if isinstance(key, str) else key
        if len(self._key) < SHORTEST_KEY:
            raise ValueError(
                f"The key has {len(self._key)} characters, and a short key can be guessed: "
                f"give at least {SHORTEST_KEY}, for example secrets.token_hex(32)."
            )
        self._any_key = any_key
        self._uids: dict[bytes, bytes] = {}
        self._days: dict[bytes, int] = {}

    def uid(self, original: bytes) -> bytes:
        """Return the UID that replaces ``original``: 2.25 and a UUID of version 8 (PS3.5 B.2, RFC 9562)."""
        if original in self._uids:
            return self._uids[original]
        payload = _uuid_payload(original)
        own = payload is not None and self._made_here(_UID, payload)
        new = original if own else b"2.25.%d" % _uuid(self._make(_UID, original))
        if len(original) <= 64:  # a longer one is no UID (PS3.5 9.1), and may be one of millions of bytes
            self._uids[original] = new
        return new

    def identifier(self, original: bytes) -> bytes:
        """Return the 16 letters and digits that replace a patient ID or an accession number."""
        if self.owns(original):
            return original
        return base64.b32encode(self._make(_IDENTIFIER, original).to_bytes(10, "big"))

    def owns(self, identifier: bytes) -> bool:
        """Tell whether ``identifier`` is a replacement that this key made (or any key, if so asked)."""
        if len(identifier) != 16:  # nearly always; decoding and failing takes long
            return False
        try:
            payload = base64.b32decode(identifier)
        except binascii.Error:
            return False
        return len(payload) == 10 and self._made_here(_IDENTIFIER, int.from_bytes(payload, "big"))

    def days(self, patient: bytes) -> int:
        """Return by how many days the dates of ``patient`` move: 1 to 10 years back, the same in every file."""
        if patient in self._days:
            return self._days[patient]
        days = -365 - self._bits(b"days", patient, 64) % 3287
        if len(patient) <= 64:  # as an ID is (PS3.5 6.2)
            self._days[patient] = days
        return days

    def _bits(self, purpose: bytes, text: bytes, bits: int) -> int:
        return _first_bits(hmac.digest(self._key, purpose + b"\0" + text, "sha256"), bits)

    def _make(self, layout: _Layout, original: bytes) -> int:
        token = self._bits(layout.purpose, original, layout.token)
        marked = token << layout.mark | self._mark(layout, token)
        return marked << layout.seal | _seal(layout, marked)

    def _mark(self, layout: _Layout, token: int) -> int:
        return self._bits(layout.purpose + b" mark", token.to_bytes(8, "big"), layout.mark)

    def _made_here(self, layout: _Layout, payload: int) -> bool:
        marked, seal = divmod(payload, 1 << layout.seal)
        if seal != _seal(layout, marked):
            return False
        token, mark = divmod(marked, 1 << layout.mark)
        return self._any_key or mark == self._mark(layout, token)


@lru_cache(maxsize=2)
def of_study(study: str, key: bytes | str | None = None) -> Pseudonyms:
    """Return pseudonyms that remember what the files of one study repeat, and no more in a long run.

    Without a key they are for a look only, see ``any_key``.
    """
    return Pseudonyms(key, any_key=key is None)


def _first_bits(digest: bytes, bits: int) -> int:
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


def _seal(layout: _Layout, marked: int) -> int:
    return _first_bits(
        hashlib.sha256(b"safeshare " + layout.purpose + marked.to_bytes(16, "big")).digest(), layout.seal
    )


def _uuid(payload: int) -> int:
    """Spread 122 bits over a UUID of version 8, variant 2 (RFC 9562, section 5.8)."""
    high, middle, low = payload >> 74, payload >> 62 & 0xFFF, payload & (1 << 62) - 1
    return high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low


def _uuid_payload(uid: bytes) -> int | None:
    """Return the 122 bits of a UID of the form that ``_uuid`` makes, None for any other."""
    digits = uid[5:]
    if not uid.startswith(b"2.25.") or not digits.isdigit() or len(digits) > 39:
        return None
    number = int(digits)
    payload = number >> 80 << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
    return payload if _uuid(payload) == number else None
