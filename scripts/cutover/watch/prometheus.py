"""Amazon Managed Prometheus, asked for the samples of a range; requests are signed (SigV4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import httpx2

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
STEP: Final = 60
"""Seconds between two samples: a week has 10,080, and a range at most 11,000."""
ARRIVED: Final = 45.0
"""Seconds that collectors get to deliver a sample."""
_LATE: Final = 300.0
_TIMEOUT: Final = 5.0
_ATTEMPTS: Final = 2
_EVER: Final = 14 * 86_400.0
_DENIED: Final = (401, 403)
_TOO_MANY: Final = 429
_FAULT: Final = 500


class UnreadableError(Exception):
    """Prometheus did not answer as it should."""

    def __init__(self, message: str, *, denied: bool = False) -> None:
        super().__init__(message)
        self.is_denied: Final = denied


class Signer(Protocol):
    """What makes a request one of somebody whom AWS knows."""

    def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """The headers of a POST of `body`."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One time series of an answer: its labels, and its samples by time."""

    labels: Mapping[str, str]
    samples: Mapping[float, float]


class Prometheus:
    """One workspace; `address` is that of its API, and ends with `/api/v1`."""

    def __init__(self, address: str, signer: Signer | None, client: httpx2.Client) -> None:
        self._address: Final = address.rstrip("/")
        self._signer: Final = signer
        self._client: Final = client

    def range(self, query: str, since: float, until: float) -> list[Line]:
        """The samples of `query`, each `STEP` seconds from `since` to `until`.

        Raises:
            UnreadableError: it did not answer, or only with a part.
        """
        data = self._ask(
            "query_range", {"query": query, "start": since, "end": until, "step": STEP}
        )
        try:
            result: Sequence[Any] = cast("Any", data)["result"]
            return [_line(each) for each in result]
        except (TypeError, KeyError, ValueError) as error:
            raise UnreadableError(f"query_range: no matrix: {error!r}") from error

    def is_written(self, selector: str, now: float) -> bool:
        """Whether a series like `selector` was written within the last two weeks.

        Raises:
            UnreadableError: it did not answer.
        """
        data = self._ask("series", {"match[]": selector, "start": now - _EVER, "end": now})
        return bool(data)

    def _ask(self, what: str, fields: Mapping[str, object]) -> object:
        url = f"{self._address}/{what}"
        body = str(httpx2.QueryParams({key: str(value) for key, value in fields.items()})).encode()
        failure = UnreadableError(f"{what}: not asked")
        for _ in range(_ATTEMPTS):
            try:
                headers = self._signer.headers(url, body) if self._signer else FORM
                answer = self._client.post(url, content=body, headers=headers, timeout=_TIMEOUT)
            except httpx2.HTTPError as error:
                failure = UnreadableError(f"{what}: {error or type(error).__name__}")
                continue
            if answer.status_code in _DENIED:
                raise UnreadableError(f"{what}: {answer.status_code}", denied=True)
            if answer.status_code == _TOO_MANY or answer.status_code >= _FAULT:
                failure = UnreadableError(f"{what}: {answer.status_code}")
                continue
            return _data(what, answer)
        raise failure


def _data(what: str, answer: httpx2.Response) -> object:
    """The data of a whole answer; a warning means that something of it may be missing."""
    try:
        said: object = json.loads(answer.content)
    except ValueError as error:
        raise UnreadableError(f"{what}: no JSON") from error
    if not isinstance(said, dict):
        raise UnreadableError(f"{what}: no object")
    fields: Mapping[str, Any] = cast("dict[str, Any]", said)
    if fields.get("status") != "success":
        raise UnreadableError(f"{what}: {fields.get('error') or answer.status_code}")
    if fields.get("warnings"):
        raise UnreadableError(f"{what}: answered in part: {fields['warnings'][0]}")
    return cast("object", fields.get("data"))


def _line(result: Mapping[str, Any]) -> Line:
    values: Sequence[Sequence[Any]] = result["values"]
    return Line(result["metric"], {float(at): float(value) for at, value in values})


class Ranges:
    """Ranges of queries, of which each poll asks only for what is new."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus: Final = prometheus
        self._kept: Final[dict[str, _Kept]] = {}

    def read(self, query: str, since: float, now: float) -> tuple[list[Line], float]:
        """The samples of `query` from `since` up to what has arrived by `now`; when they begin.

        Raises:
            UnreadableError: they could not be read; what was read before is kept.
        """
        first, until = since // STEP * STEP, (now - ARRIVED) // STEP * STEP
        kept = self._kept.get(query)
        if kept is None or kept.since > first:
            kept = _Kept(first, first - STEP, {})
        if until > kept.until:
            start = max(first, kept.until - _LATE)
            fresh = self._prometheus.range(query, start, until)
            kept = kept.renewed(fresh, start, until)
            self._kept[query] = kept
        lines = [Line(dict(labels), samples) for labels, samples in kept.lines.items()]
        return lines, kept.since


@dataclass(frozen=True, slots=True)
class _Kept:
    """What was read of one query, by the labels of its lines."""

    since: float
    until: float
    lines: Mapping[frozenset[tuple[str, str]], Mapping[float, float]]

    def renewed(self, fresh: Sequence[Line], start: float, until: float) -> "_Kept":
        """With what was read from `start` to `until` in the place of what was known of it."""
        lines = {
            labels: {at: value for at, value in samples.items() if at < start}
            for labels, samples in self.lines.items()
        }
        for line in fresh:
            samples = lines.setdefault(frozenset(line.labels.items()), {})
            samples |= {at: value for at, value in line.samples.items() if start <= at <= until}
        return _Kept(self.since, until, {labels: each for labels, each in lines.items() if each})
