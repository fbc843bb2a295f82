"""Requests to Amazon Managed Prometheus, signed as AWS wants them (SigV4)."""

from collections.abc import Mapping
from typing import Any, Final, cast

from scripts.cutover.watch.prometheus import FORM
from scripts.exits import CommandError

_SERVICE: Final = "aps"


class AwsSigner:
    """Signs as whoever runs this is known to AWS; what expires is renewed."""

    def __init__(self, credentials: object, region: str) -> None:
        self._credentials: Final = cast("Any", credentials)
        self._region: Final = region

    @classmethod
    def of_operator(cls, region: str) -> "AwsSigner":
        """By the credentials that boto3 finds.

        Raises:
            CommandError: there are none.
        """
        import boto3  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - boto3 has no types

        found = cast("Any", boto3).Session().get_credentials()
        if found is None:
            raise CommandError("there are no credentials for AWS: sign in first")
        return cls(found, region)

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """The headers of a POST of `body`."""
        from botocore.auth import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - nor has botocore
            SigV4Auth,
        )
        from botocore.awsrequest import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
            AWSRequest,
        )

        request = cast("Any", AWSRequest)("POST", url, headers=dict(FORM), data=body)
        frozen = self._credentials.get_frozen_credentials()
        cast("Any", SigV4Auth)(frozen, _SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())
