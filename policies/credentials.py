"""Telling a credential in plain text by its name, or by how it looks."""

import re
from typing import Final

_SECRET_NAME: Final = re.compile(
    r"PASSW|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|KEY_?PAIR|MNEMONIC"
    r"|SEED_?PHRASE|CONNECTION_?STRING|_PIN\b|_DSN\b"
)
"""Names of what is secret, in upper case and with `_` between the words."""
_ABOUT_A_SECRET: Final = re.compile(
    r"_(ARN|NAME|PATH|FILE|URL|URI|ENDPOINT|TTL|SECONDS|MINUTES|HOURS|DAYS|LENGTH|COUNT|VERSION"
    r"|ID|POLICY|ROTATION|ENABLED|MINT|SYMBOL|DECIMALS)$"
)
"""Ends of names that only say where a secret is, how it is handled, or what a token is."""
_SEPARATORS: Final = re.compile(r"[-./ ]")

_ASSIGNED: Final = (
    r"(?i:passw(?:or)?d|secret|token|api_?key|access_?key(?!_?id)|private_?key)"
    r"[\"']?\s{0,8}[=:]\s{0,8}[\"']?(?!arn:|[A-Za-z_.]{1,64}\(|true\b|false\b|none\b|null\b)"
    r"[0-9A-Za-z/+!#%&*.@_-]{6}"
)
_KINDS: Final = {
    "an AWS access key": ("akia|asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a private key": ("private key-----", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"),
    "a GitHub token": (
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22})",
    ),
    "a Slack token": ("xox", r"\bxox[abeoprs]-[0-9A-Za-z-]{10}"),
    "a Stripe key": ("k_live_", r"\b[rs]k_live_[0-9A-Za-z]{10}"),
    "a Google key": ("aiza", r"\bAIza[0-9A-Za-z_-]{35}"),
    "a signed web token": (".eyj", r"(?<=[0-9A-Za-z_-]{10})\.eyJ[0-9A-Za-z_-]{10}"),
    "an address with a password": ("://", r"://[^/@\s:$]{0,256}:[^/@\s$<{][^/@\s]{0,1024}@"),
    "a Solana key pair": (",", r"\[\s*(?:\d{1,3}\s*,\s*){31,63}\d{1,3}\s*\]"),
    "a password or key": (
        "passw|secret|token|apikey|api_key|accesskey|access_key|privatekey|private_key",
        _ASSIGNED,
    ),
}
"""By kind: what stands in each such credential in lower case, which is quick to look for; its form.

Each form is found in time that grows with the text alone, whatever the text.
"""
_CREDENTIALS: Final = {
    kind: (marks.split("|"), re.compile(form)) for kind, (marks, form) in _KINDS.items()
}


def sounds_secret(name: str) -> bool:
    """Whether what is called `name` is a secret, rather than something about one."""
    words = _SEPARATORS.sub("_", name.upper())
    return bool(_SECRET_NAME.search(words)) and not _ABOUT_A_SECRET.search(words)


def credential_in(text: str) -> str:
    """What kind of credential stands in `text`; empty where none does."""
    folded = text.casefold()
    for kind, (marks, form) in _CREDENTIALS.items():
        if any(mark in folded for mark in marks) and form.search(text):
            return kind
    return ""
