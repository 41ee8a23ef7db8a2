"""The key by which confidential values are encrypted where they are kept: a file beside the database, never in it.

The file has one key a line. The first one encrypts; the others are older ones, which still read what they wrote. The
cipher is Fernet of the library ``cryptography``: AES-128 in CBC mode, authenticated with HMAC-SHA256.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from townhall import private
from townhall.errors import Rejected

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where the fingerprints of the keys that were used are remembered, so that a missing file is noticed.
KEYS_USED = "encryption_keys"
#: What every encrypted text begins with, so that it can be told from one that is not.
MARK = "townhall-1:"


class KeyProblem(Rejected):
    """What is encrypted can't be read or written: the key, or the library that uses it, is missing or wrong."""


class Vault:
    """Encrypts and decrypts with the keys of one town; reads them when they are first needed.

    ``known`` are the fingerprints of keys that the town has used: where there is one, no new key is made in place of a
    file that is missing.
    """

    def __init__(self, file: Path, known: Sequence[str] = ()) -> None:
        self.file = file
        self.known = tuple(known)
        self._keys: tuple[str, ...] = ()
        self._cipher: Any = None

    def seal(self, text: str) -> str:
        """The text, encrypted. Raises :class:`KeyProblem`."""
        token: bytes = self._ready(make=True).encrypt(text.encode())
        return MARK + token.decode("ascii")

    def open(self, sealed: str) -> str:
        """The text again. Raises :class:`KeyProblem`."""
        library = _library()
        try:
            opened: bytes = self._ready().decrypt(sealed.removeprefix(MARK).encode("ascii"))
        except library.InvalidToken:
            raise KeyProblem(
                f"A value was encrypted with another key than those in {self.file}. Add that key as a line of its own."
            ) from None
        return opened.decode()

    def open_all(self, text: str) -> str:
        """A text that may be encrypted, decrypted if it is. Raises :class:`KeyProblem`."""
        return self.open(text) if is_sealed(text) else text

    def renew(self, sealed: str) -> str:
        """What is encrypted with any of the keys, encrypted with the first. Raises :class:`KeyProblem`."""
        return self.seal(self.open(sealed))

    def rotate(self) -> str:
        """Put a new key before the others; its fingerprint. Raises :class:`KeyProblem`."""
        self._ready(make=True)
        key = _library().Fernet.generate_key().decode("ascii")
        partial = self.file.with_name(f"{self.file.name}.new")
        partial.unlink(missing_ok=True)
        _write(partial, (key, *self._keys))
        partial.replace(self.file)
        self._cipher = None
        return fingerprint(key)

    def fingerprints(self) -> tuple[str, ...]:
        """What tells the keys in the file, the one that encrypts first. Raises :class:`KeyProblem`."""
        self._ready()
        return tuple(map(fingerprint, self._keys))

    def _ready(self, *, make: bool = False) -> Any:
        if self._cipher is None:
            library = _library()
            self._keys = self._read(make)
            try:
                self._cipher = library.MultiFernet([library.Fernet(key) for key in self._keys])
            except ValueError:
                raise KeyProblem(f"{self.file}: a line in it is no key. Bring back the file as it was.") from None
        return self._cipher

    def _read(self, make: bool) -> tuple[str, ...]:
        try:
            lines = self.file.read_text(encoding="ascii").split()
        except FileNotFoundError:
            if not make or self.known:
                raise KeyProblem(
                    f"The key file {self.file} is missing, so encrypted values can't be read or written. "
                    "Bring it back from where you keep it apart from the backups."
                ) from None
            key = _library().Fernet.generate_key().decode("ascii")
            try:
                _write(self.file, (key,))
            except FileExistsError:
                return self._read(make)
            return (key,)
        except (OSError, UnicodeDecodeError) as error:
            raise KeyProblem(f"{self.file}: the key file can't be read: {error}.") from error
        if not lines:
            raise KeyProblem(f"{self.file}: the key file is empty. Bring it back as it was.")
        return tuple(lines)


def fingerprint(key: str) -> str:
    """What tells a key from others and gives nothing of it away."""
    return sha256(b"townhall key " + key.encode()).hexdigest()[:16]


def is_sealed(text: object) -> bool:
    """Whether this is an encrypted text."""
    return isinstance(text, str) and text.startswith(MARK)


def _library() -> Any:
    try:
        from cryptography import fernet
    except ImportError:
        raise KeyProblem(
            'Encrypting needs a library that is not installed. Run: pip install "townhall[encryption]"'
        ) from None
    return fernet


def _write(file: Path, keys: Sequence[str]) -> None:
    """Write keys into a file that is not there, for its owner alone."""
    try:
        private.write_new(file, "".join(f"{key}\n" for key in keys))
    except FileExistsError:
        raise
    except OSError as error:
        raise KeyProblem(f"{file}: the key file can't be written: {error}.") from error
