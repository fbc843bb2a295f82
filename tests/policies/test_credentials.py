"""What counts as a credential in plain text, by its name or by how it looks."""

import pytest

from policies.credentials import credential_in, sounds_secret


@pytest.mark.parametrize(
    "name",
    [
        "/api/database-password",
        "DB_PASSWD",
        "stripe.api.key",
        "ApiKey",
        "/solana/payer-keypair",
        "wallet mnemonic",
        "client-secret",
        "SESSION_TOKEN",
        "/api/connection-string",
    ],
)
def test_a_secret_is_told_by_its_name(name: str) -> None:
    """Whatever separates the words, and however they are written."""
    assert sounds_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "/api/log-level",
        "DATABASE_PASSWORD_ARN",
        "/api/token-ttl",
        "TOKEN_MINT",
        "secret-rotation",
        "ACCESS_KEY_ID",
        "/api/secret/version",
        "",
    ],
)
def test_what_is_only_about_a_secret_is_none(name: str) -> None:
    """Where it is kept, how long it lives and what it is called may be read by anyone."""
    assert not sounds_secret(name)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("key AKIA" + "A" * 16 + ".", "an AWS access key"),
        ("ASIA" + "0" * 16, "an AWS access key"),
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("git clone with ghp_" + "a" * 36, "a GitHub token"),
        ("github_pat_" + "1" * 22, "a GitHub token"),
        ("xoxb-0123456789", "a Slack token"),
        ("sk_live_0123456789", "a Stripe key"),
        ("AIza" + "x" * 35, "a Google key"),
        ("eyJ" + "a" * 10 + ".eyJ" + "b" * 10, "a signed web token"),
        ("postgresql://api:hunter2@database/api", "an address with a password"),
        ("redis://:hunter2@cache", "an address with a password"),
        ("[" + ", ".join(["7"] * 64) + "]", "a Solana key pair"),
        ("PASSWORD=hunter2", "a password or key"),
        ("  db_password: 'correct-horse'", "a password or key"),
        ('{"apiKey": "0123456789"}', "a password or key"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG", "a password or key"),
    ],
)
def test_a_credential_is_told_by_how_it_looks(text: str, kind: str) -> None:
    """And the finding says what kind it is, never what it says."""
    assert credential_in(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BAKIA" + "0" * 16,
        "AKIA" + "0" * 15,
        "-----BEGIN CERTIFICATE-----",
        "PASSWORD=$(aws secretsmanager get-secret-value --secret-id api)",
        "password: ${DATABASE_PASSWORD}",
        "token = get_token()",
        "SECRET=arn:aws:secretsmanager:eu-central-1:1:secret:api",
        "ssh_pwauth: false\nlock_passwd: false",
        "aws_access_key_id = from the role",
        "https://example.com/a:b@c",
        "https://user:$PASSWORD@example.com",
        "[" + ", ".join(["7"] * 31) + "]",
        "The password is kept in Secrets Manager.",
    ],
)
def test_what_only_fetches_a_credential_is_none(text: str) -> None:
    """A script that asks for the secret when it runs is what the rules want."""
    assert credential_in(text) == ""
