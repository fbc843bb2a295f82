"""People who sign in tests: their keys, and the file that knows them."""

from functools import cache
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from scripts.runs.approvers import Approvers

ROLES = {
    "Ana": ["lead", "engineering"],
    "Ben": ["engineering"],
    "Cem": ["security"],
    "Dee": ["operations"],
    "Eli": ["legal"],
    "Fay": ["executive", "security"],
    "Gil": ["on-call"],
    "Hal": ["lead", "on-call"],
}


@cache
def key(name: str) -> Ed25519PrivateKey:
    """The private key of `name`."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


def public_pem(name: str) -> str:
    """The public key of `name`, PEM."""
    public = key(name).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def listed(
    roles: dict[str, list[str]] = ROLES, first: str = "2026-01-01", last: str = "2026-12-31"
) -> dict[str, list[dict[str, object]]]:
    """What the file holds."""
    return {
        "approvers": [
            {"name": name, "roles": own, "key": public_pem(name), "from": first, "until": last}
            for name, own in roles.items()
        ]
    }


def approvers(
    roles: dict[str, list[str]] = ROLES, first: str = "2026-01-01", last: str = "2026-12-31"
) -> Approvers:
    """Everybody in `roles`, with keys valid from `first` until `last`."""
    return Approvers.model_validate(listed(roles, first, last))


def write_approvers(path: Path) -> None:
    """The file, as people keep it."""
    path.write_text(yaml.safe_dump(listed()), encoding="utf-8")
