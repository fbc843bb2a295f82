"""Tests of keys and of the file of approvers."""

from pathlib import Path
from typing import Any, cast

import boto3  # pyright: ignore[reportMissingTypeStubs] - boto3 has no types
import pytest
import yaml
from botocore.stub import Stubber  # pyright: ignore[reportMissingTypeStubs] - nor botocore
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from scripts.runs.approvers import ApproversError, read_approvers
from scripts.runs.signing import KeyFileError, KmsSigner, key_file
from tests.scripts.runs.people import ROLES, approvers, key, listed, write_approvers


def write_key(path: Path, private: PrivateKeyTypes, mode: int = 0o600) -> Path:
    """A key file."""
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(mode)
    return path


def test_a_key_file_signs(tmp_path: Path) -> None:
    """As the public key in the approvers file verifies."""
    signature = key_file(write_key(tmp_path / "ana.pem", key("Ana"))).sign(b"yes")
    ana, ben = approvers().named("Ana")[0], approvers().named("Ben")[0]
    assert ana.verifies(signature, b"yes")
    assert not ana.verifies(signature, b"no")
    assert not ben.verifies(signature, b"yes")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """With what to do."""
    path = write_key(tmp_path / "ana.pem", key("Ana"), mode)
    with pytest.raises(KeyFileError, match=rf"mode {mode:04o}.*chmod 600"):
        key_file(path)


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """Nothing, a folder, another kind of key, no key."""
    with pytest.raises(KeyFileError, match="No such file"):
        key_file(tmp_path / "none.pem")
    with pytest.raises(KeyFileError, match="directory"):
        key_file(tmp_path)
    with pytest.raises(KeyFileError, match="no Ed25519 key"):
        key_file(write_key(tmp_path / "p256.pem", generate_private_key(SECP256R1())))
    text = write_key(tmp_path / "text.pem", key("Ana"))
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(KeyFileError, match="no unencrypted private key"):
        key_file(text)


def test_a_key_in_kms_signs_the_message_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is one that KMS's own description of itself takes; the signature is its answer."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    client = cast("Any", boto3).client("kms", "eu-central-1")
    expected = {
        "KeyId": "alias/release",
        "Message": b"yes",
        "MessageType": "RAW",
        "SigningAlgorithm": "ED25519_SHA_512",
    }
    with cast("Any", Stubber(client)) as stub:
        stub.add_response("sign", {"Signature": key("Ana").sign(b"yes")}, expected)
        signature = KmsSigner(client, "alias/release").sign(b"yes")
    assert approvers().named("Ana")[0].verifies(signature, b"yes")


def test_the_file_of_approvers_is_read(tmp_path: Path) -> None:
    """As people write it."""
    path = tmp_path / "approvers.yaml"
    write_approvers(path)
    assert read_approvers(path) == approvers()
    assert {approver.name for approver in read_approvers(path).approvers} == ROLES.keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"roles": []}, "approvers.0.roles"),
        ({"roles": ["boss"]}, "'lead', 'engineering'"),
        ({"key": "mine"}, "is no public key in PEM"),
        ({"until": "2025-01-01"}, "until is before from"),
        ({"until": None}, "approvers.0.until"),
        ({"rank": 1}, "approvers.0.rank"),
        ({"name": " "}, "approvers.0.name"),
        ({"name": "Ben's other"}, ""),
    ],
)
def test_a_wrong_file_of_approvers_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    """With file and place; one key under two names, too."""
    path = tmp_path / "approvers.yaml"
    content = listed()
    if said:
        content["approvers"][0].update(change)
    else:
        content["approvers"].append(content["approvers"][1] | change)
        said = "Ben's other and Ben have the same key"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ApproversError) as refused:
        read_approvers(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """None, or no YAML."""
    path = tmp_path / "approvers.yaml"
    with pytest.raises(ApproversError, match="cannot be read"):
        read_approvers(path)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ApproversError, match="cannot be read"):
        read_approvers(path)
