"""How a task inside the network reaches the database: as libpq's variables, never as arguments."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, cast

import psycopg
from pydantic import SecretStr

from scripts.exits import CommandError, ExitCode
from scripts.runs.aws import client

GUARD: Final = "slipway-guard"
"""What the session is called that looks after a migration."""
MIGRATION: Final = "slipway-migration"
"""What the sessions of the migration itself are called: an orphan is found by it."""
_CONNECT_SECONDS: Final = 10
_DEAD_CLIENT_SECONDS: Final = 2
"""How soon the server notices that whoever sent a long statement is gone."""


class ConnectionSettingsError(CommandError):
    """The task was not told where the database is."""

    code = ExitCode.USAGE


class _Rds(Protocol):
    def generate_db_auth_token(self, *, DBHostname: str, Port: int, DBUsername: str) -> str: ...  # noqa: N803 - boto3's names


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the database is, and who signs in."""

    host: str
    port: int
    name: str
    user: str
    sslmode: str
    root: str = "system"
    """The file of certificates that the server's is held to; RDS has an authority of its own."""

    @classmethod
    def told(cls, variables: Mapping[str, str]) -> "Connection":
        """The one that the environment names; MIGRATE_HOST takes the place of the usual host.

        Raises:
            ConnectionSettingsError: it names none.
        """
        try:
            return cls(
                host=variables.get("MIGRATE_HOST") or variables["DATABASE_HOST"],
                port=int(variables["DATABASE_PORT"]),
                name=variables["DATABASE_NAME"],
                user=variables["DATABASE_USER"],
                sslmode=variables.get("DATABASE_SSLMODE", "verify-full"),
                root=variables.get("DATABASE_SSLROOTCERT", "system"),
            )
        except KeyError as missing:
            raise ConnectionSettingsError(f"the variable {missing.args[0]} is not set") from None
        except ValueError:
            raise ConnectionSettingsError("DATABASE_PORT is no number") from None

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where the system says who signs in."""
        return self.host.startswith("/") or self.host in {"127.0.0.1", "::1", "localhost"}

    def password(self) -> SecretStr | None:
        """A token of IAM, good for minutes; none on this machine."""
        if self.is_local:
            return None
        rds = cast("_Rds", client("rds"))
        token = rds.generate_db_auth_token(
            DBHostname=self.host, Port=self.port, DBUsername=self.user
        )
        return SecretStr(token)

    def variables(
        self, application: str, settings: Mapping[str, str], password: SecretStr | None
    ) -> dict[str, str]:
        """What libpq reads, and with it every program that uses it."""
        options = {"client_connection_check_interval": f"{_DEAD_CLIENT_SECONDS}s", **settings}
        told = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGDATABASE": self.name,
            "PGUSER": self.user,
            "PGSSLMODE": "disable" if self.is_local else self.sslmode,
            "PGAPPNAME": application,
            "PGCONNECT_TIMEOUT": str(_CONNECT_SECONDS),
            "PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in options.items()),
        }
        if not self.is_local:
            told["PGSSLROOTCERT"] = self.root
        if password:
            told["PGPASSWORD"] = password.get_secret_value()
        return told

    def open(self) -> psycopg.Connection:
        """A session that looks after things, each statement on its own."""
        password = self.password()
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.name,
            user=self.user,
            sslmode="disable" if self.is_local else self.sslmode,
            sslrootcert=None if self.is_local else self.root,
            password=password.get_secret_value() if password else None,
            application_name=GUARD,
            connect_timeout=_CONNECT_SECONDS,
            options="-c statement_timeout=60s -c lock_timeout=5s",
            autocommit=True,
        )


def close(connection: psycopg.Connection) -> None:
    """End a session, also one that is broken."""
    with suppress(psycopg.Error):
        connection.close()
