"""Signing with Ed25519: with a key file of the signer's machine, or with a key in KMS."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from scripts.exits import CommandError, ExitCode


class KeyFileError(CommandError):
    """A key file that is not to be used."""

    code = ExitCode.USAGE


class Signer(Protocol):
    """What signs."""

    def sign(self, data: bytes, /) -> bytes:
        """The Ed25519 signature of `data`, 64 bytes."""
        ...


def key_file(path: Path) -> Signer:
    """The key in the file `path`: PEM, PKCS #8, unencrypted, readable by its owner alone.

    Raises:
        KeyFileError: there is none, others can read it, or it is no Ed25519 key.
    """
    pem = read_private(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path} is no unencrypted private key in PEM (PKCS #8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(
            f"{path} is no Ed25519 key: openssl genpkey -algorithm ed25519 makes one"
        )
    return key


def read_private(path: Path) -> bytes:
    """What the file `path` holds, if it is its owner's alone.

    Raises:
        KeyFileError: there is none, or others can read it.
    """
    try:
        # The file that is looked at is the one that is read, whatever happens to its name.
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise KeyFileError(f"{path} is no plain file")
            if about.st_uid != os.geteuid():
                raise KeyFileError(f"{path} belongs to somebody else")
            if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                mode = stat.S_IMODE(about.st_mode)
                raise KeyFileError(
                    f"{path} has mode {mode:04o}: others may have read this key."
                    f" Make a new one if so; chmod 600 {path} otherwise."
                )
            return file.read()
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None


class KmsClient(Protocol):
    """The call of boto3's KMS client that a signer makes."""

    def sign(self, **arguments: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as boto3 has it
        """Sign."""
        ...


class KmsSigner:
    """The key `key_id` in KMS, of spec ECC_NIST_EDWARDS25519; it never leaves it."""

    def __init__(self, client: KmsClient, key_id: str) -> None:
        self._client: Final = client
        self._key_id: Final = key_id

    def sign(self, data: bytes, /) -> bytes:
        """The Ed25519 signature of `data`, at most 4096 bytes long: statements are shorter."""
        answer = self._client.sign(
            KeyId=self._key_id,
            Message=data,
            MessageType="RAW",  # as RFC 8032 has it: a digest would make it Ed25519ph
            SigningAlgorithm="ED25519_SHA_512",
        )
        return bytes(answer["Signature"])
