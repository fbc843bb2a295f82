"""Asks one endpoint whether it is well: what a canary of CloudWatch runs, in its own Python.

Nothing but the standard library is there, and any error is a failed run.
"""

import os
import ssl
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

ENDPOINT = "ENDPOINT"
TIMEOUT = "TIMEOUT_SECONDS"


class UnwellError(Exception):
    """The endpoint answered, and not that it is well."""


def handler(_event: object, _context: object) -> str:
    """Ask the endpoint that the environment names; a redirect is no answer.

    Raises:
        UnwellError: the status is not 200.
        OSError: there was no answer in time, or its certificate is not to be trusted.
    """
    url = urlsplit(os.environ[ENDPOINT])
    timeout = float(os.environ[TIMEOUT])
    if url.scheme == "https":
        context = ssl.create_default_context()
        connection = HTTPSConnection(url.netloc, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(url.netloc, timeout=timeout)
    try:
        connection.request("GET", url.path or "/", headers={"User-Agent": "slipway-canary"})
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    if response.status != 200:  # noqa: PLR2004 - what load balancers ask for, too
        message = f"{url.geturl()} answered {response.status} {response.reason}"
        raise UnwellError(message)
    return f"{url.geturl()} is well"
