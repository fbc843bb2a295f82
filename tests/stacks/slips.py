"""Slips in the record of an environment: what no environment may say, and what is told of it."""

from typing import Final, TypeAlias

from hypothesis import strategies as st

from standards import Tier

Slip: TypeAlias = tuple[str, object, str]
"""A key of the record, the value that it is given, and what the error says."""


def _slip(key: str, values: st.SearchStrategy[object], said: str) -> st.SearchStrategy[Slip]:
    return st.tuples(st.just(key), values, st.just(said))


def _upside_down(most: int) -> object:
    return {"min": most + 1, "max": most}


def _audit(days: int) -> object:
    return {"audit": days}


_ANYWHERE: Final = st.one_of(
    _slip(
        "network.cidr",
        st.sampled_from(["8.8.0.0/16", "100.64.0.0/16", "172.32.0.0/16"]),
        "no private range",
    ),
    _slip(
        "network.cidr",
        st.sampled_from([8, 12, 15, 21, 24, 28]).map("10.0.0.0/{}".format),
        "no private range from /16 to /20",
    ),
    _slip("network.zones", st.just(["eu-west-9a", "eu-west-9b"]), "lie outside aws.region"),
    _slip("network.zones", st.just(["us-east-1a", "us-east-1a"]), "name one twice"),
    _slip("services.api.healthCheck", st.just(...), "services.api.healthCheck is missing"),
    _slip("services.api.instances", st.integers(1, 40).map(_upside_down), "is below min"),
    _slip("database.replicas", st.integers(1, 15).map(_upside_down), "SCALE-02"),
    _slip(
        "services.api.image",
        st.sampled_from(["latest", "v1", "v1.4.0"]).map("registry.example.com/api:{}".format),
        "ART-02",
    ),
    _slip("services.api.cpu", st.integers(1, 255), "none of Fargate's"),
    _slip("services.api.memory", st.integers(1, 511), "does not go with cpu"),
    _slip("edge.name", st.sampled_from(["example.org", "a.example.org"]), "lies outside zone"),
    _slip("edge.requestsPerFiveMinutes", st.integers(2001, 10**9), "above 2000"),
    _slip("logRetentionDays", st.integers(0, 364).map(_audit), "LOG-04"),
    _slip("databse", st.just({}), "did you mean database"),
)
_IN_PRODUCTION: Final = st.one_of(
    _slip("network.zones", st.just(["us-east-1a"]), "SVC-01"),
    _slip("services.api.instances", st.just({"min": 1, "max": 40}), "SVC-01"),
    _slip("services.api.demand.peak", st.integers(10**4, 10**6), "SVC-05"),
    _slip("database.replicas", st.just({"min": 0, "max": 2}), "DB-02"),
    _slip("metrics.business", st.just(["Sales-Total"]), "metrics.business"),
    _slip("services.api.metricsPort", st.none(), "MON-04"),
    _slip("edge.signIn", st.none(), "NET-10"),
    _slip("edge.signIn.attemptsPerTenMinutes", st.integers(201, 10**6), "NET-10"),
    _slip("kubernetes.serviceCidr", st.just("10.32.0.0/12"), "overlaps network.cidr"),
    _slip("kubernetes.mcp.clients", st.just(["nobody"]), "is no service"),
)


def slips(tier: Tier) -> st.SearchStrategy[Slip]:
    """Slips that the record of an environment of `tier` is refused for."""
    return _ANYWHERE | _IN_PRODUCTION if tier is Tier.PRODUCTION else _ANYWHERE
