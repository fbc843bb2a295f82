"""Clients of AWS, made in one place since boto3 has no types; errors that people can act on."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast

from scripts.exits import CommandError, ExitCode

_CONNECT_SECONDS: Final = 3
_READ_SECONDS: Final = 10
_BUSY: Final = frozenset(
    {
        "ConcurrentUpdateException",
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "UpdateInProgressException",
    }
)
"""What AWS answers where the same call may go through a moment later."""
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
)
_SIGNED_OUT: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SERVER_ERROR: Final = 500
_PREFIXES: Final = {"monitoring": "cloudwatch"}
"""The services that policies call otherwise than signatures do."""


class AwsError(CommandError):
    """AWS refused a call; `error` is its code."""

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error: Final = error


class DeniedError(AwsError):
    """Whoever runs this may not make the call."""


class SignInError(AwsError):
    """Nobody is signed in, or not any more."""

    code = ExitCode.USAGE


_SIGN_IN: Final = (
    "sign in to AWS (aws sso login, or AWS_PROFILE names a profile) with the role that releases, "
    "role/foundation/<environment>-release, and run it again"
)


class Client(Protocol):
    """What every client of boto3 has beside its calls."""

    @property
    def meta(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """The service's model and endpoint."""
        ...


class _Boto3(Protocol):
    def client(self, name: str, **settings: object) -> object: ...


def client(
    service: str,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    is_impatient: bool = False,
) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time: who calls says which protocol it is
    """A client of boto3 for `service`, as an operator's own settings have it where nothing is said.

    One that is impatient tries each call once, for seconds: whoever has a bound of their own, and
    tries again within it, waits for nothing else.
    """
    # Loaded here: who works alone does not wait for boto3.
    import boto3  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - boto3 has no types
    from botocore.config import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - nor this
        Config,
    )
    from botocore.exceptions import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - nor this
        NoRegionError,
        ProfileNotFound,
    )

    settings: dict[str, object] = {"region_name": region, "endpoint_url": endpoint}
    if is_impatient:
        settings["config"] = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 1},
        )
    given = {name: value for name, value in settings.items() if value is not None}
    try:
        return cast("_Boto3", cast("object", boto3)).client(service, **given)
    except (NoRegionError, ProfileNotFound) as error:
        raise SignInError(f"{service}: {error}: {_SIGN_IN}", type(error).__name__) from None


class Api:
    """The calls of one of AWS's services, by the names that boto3 has for them.

    What may go through when it is tried again is a `TimeoutError`; whether a change happened is not
    known then. What a person has to mend is an `AwsError`.
    """

    def __init__(self, client: Client) -> None:
        self._client: Final = client

    def __call__(self, call: str, *, on: str, **arguments: object) -> dict[str, Any]:
        """Make `call`; `on` is what people call the resource that it is about."""
        with self._told(call, on):
            return getattr(self._client, call)(**arguments)

    def pages(self, call: str, *, on: str, **arguments: object) -> Generator[dict[str, Any]]:
        """Make `call` for each page of its answer."""
        pages = iter(cast("Any", self._client).get_paginator(call).paginate(**arguments))
        while True:
            with self._told(call, on):
                page = next(pages, None)
            if page is None:
                return
            yield page

    def action(self, call: str) -> str:
        """What policies call the permission to make `call`."""
        meta = self._client.meta
        signing = meta.service_model.signing_name
        return f"{_PREFIXES.get(signing, signing)}:{meta.method_to_api_mapping[call]}"

    def arguments(self, call: str) -> frozenset[str]:
        """The names of what `call` takes."""
        meta = self._client.meta
        shape = meta.service_model.operation_model(meta.method_to_api_mapping[call]).input_shape
        return frozenset(shape.members)

    @contextmanager
    def _told(self, call: str, on: str) -> Generator[None]:
        from botocore.exceptions import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] - as boto3
            BotoCoreError,
            ClientError,
            CredentialRetrievalError,
            HTTPClientError,
            LoginError,
            NoCredentialsError,
            PartialCredentialsError,
            SSOError,
            TokenRetrievalError,
        )

        what = f"{self.action(call)} on {on}"
        try:
            yield
        except ClientError as error:
            raise _refused(what, cast("Mapping[str, Any]", error.response)) from None
        except HTTPClientError as error:
            raise TimeoutError(f"{what}: no answer from AWS ({type(error).__name__})") from None
        except (
            CredentialRetrievalError,
            LoginError,
            NoCredentialsError,
            PartialCredentialsError,
            SSOError,
            TokenRetrievalError,
        ) as error:
            raise SignInError(f"{what}: {error}: {_SIGN_IN}", type(error).__name__) from None
        except BotoCoreError as error:
            raise AwsError(f"{what}: {error}", type(error).__name__) from None


def _refused(what: str, response: Mapping[str, Any]) -> Exception:
    error = response.get("Error", {})
    code, said = str(error.get("Code", "")), str(error.get("Message", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status >= _SERVER_ERROR:
        return TimeoutError(f"{what}: AWS is busy ({code})")
    if code in _DENIED:
        return DeniedError(
            f"{what} is not permitted to whoever runs this: let its role do it. AWS says: {said}",
            code,
        )
    if code in _SIGNED_OUT:
        return SignInError(f"{what}: {_SIGN_IN}. AWS says: {said}", code)
    return AwsError(f"{what}: {said} ({code})", code)
