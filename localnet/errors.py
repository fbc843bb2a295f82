"""How a request fails: with the codes and words that clients know from validators."""

from typing import Any


class RpcError(Exception):
    """An answer that is an error: its code, its sentence, and what clients read of it."""

    code = -32603

    def __init__(self, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """The `error` member of the answer."""
        said: dict[str, Any] = {"code": self.code, "message": str(self)}
        return said if self.data is None else said | {"data": self.data}


class ParseError(RpcError):
    """A request that is not JSON."""

    code = -32700


class InvalidRequestError(RpcError):
    """JSON that is no request."""

    code = -32600


class MethodNotFoundError(RpcError):
    """A method that this chain does not have."""

    code = -32601


class InvalidParamsError(RpcError):
    """Parameters that a method does not take."""

    code = -32602


class PreflightError(RpcError):
    """A transaction that would fail, so that it was not sent."""

    code = -32002


class SignatureError(RpcError):
    """A transaction that somebody did not sign, or not with that text."""

    code = -32003


class BehindError(RpcError):
    """A node that has fallen behind."""

    code = -32005


class TooEarlyError(RpcError):
    """A node that has not reached the slot that the client has seen already."""

    code = -32016
