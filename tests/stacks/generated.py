"""Environments of every shape that a record may have, and slips in them, for property tests."""

import string
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

from environments.model import FARGATE_MEMORY
from environments.stack import RETENTION_DAYS
from standards import Tier
from tests.environments.records import changed, content_of

Content = dict[str, Any]

_REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-1")
_ON_EMULATOR: Final = Tier.DEVELOPMENT

names = st.builds(
    "".join,
    st.tuples(
        st.sampled_from("bcdefghjklmpqrtuvwyz"),
        st.text(string.ascii_lowercase + string.digits + "-", max_size=22),
        st.sampled_from(string.ascii_lowercase + string.digits),
    ),
).filter(lambda name: "--" not in name and not name.startswith(("internal-", "sg-", "aws-")))
variables = st.from_regex(r"\A[A-Z][A-Z0-9_]{0,20}\Z")
ports = st.integers(1024, 65_535)
checks = st.fixed_dictionaries(
    {"path": st.just("/health")},
    optional={
        "intervalSeconds": st.integers(10, 60),
        "timeoutSeconds": st.integers(2, 9),
        "healthyThreshold": st.integers(2, 10),
        "unhealthyThreshold": st.integers(2, 10),
    },
)


@st.composite
def environments(draw: st.DrawFn) -> tuple[str, Content]:
    """The name and the file of an environment that is as it must be."""
    tier = draw(st.sampled_from(list(Tier)))
    content = deepcopy(content_of(tier.value))
    for change in (_place, _network, _edge, _frontend, _services, _database, _rest):
        for key, value in change(draw, content, tier).items():
            content = changed(content, key, value)
    return draw(names), content


def _place(draw: st.DrawFn, _content: Content, tier: Tier) -> dict[str, object]:
    region = draw(st.sampled_from(_REGIONS))
    backup = draw(st.sampled_from([one for one in _REGIONS if one != region]))
    letters = draw(st.sampled_from(["ab", "abc", "abcd"]))
    kept = st.sampled_from([days for days in RETENTION_DAYS if days >= 365])
    return {
        "aws.region": region,
        "aws.backupRegion": backup,
        "network.zones": [f"{region}{letter}" for letter in letters],
        "logRetentionDays": draw(
            st.fixed_dictionaries({}, optional={"audit": kept, "access": kept})
        ),
        "alerts.pagingSecret": (
            f"arn:aws:secretsmanager:{region}:{_account(tier)}:secret:slipway/paging-Sl1pWy"
            if tier in {Tier.STAGING, Tier.PRODUCTION}
            else None
        ),
    }


def _account(tier: Tier) -> str:
    return str(content_of(tier.value)["config"]["slipway:aws"]["account"])


def _network(draw: st.DrawFn, _content: Content, tier: Tier) -> dict[str, object]:
    second, length = draw(st.integers(64, 127)), draw(st.integers(16, 20))
    domains = st.lists(st.sampled_from(["*.example.net", "api.example.org"]), unique=True)
    options: dict[str, object] = {
        "network.cidr": f"10.{second}.0.0/{length}",
        "network.natGateways": (
            "none" if tier is _ON_EMULATOR else draw(st.sampled_from(["single", "per-zone"]))
        ),
        "network.allowedDomains": draw(domains),
    }
    if tier not in {Tier.STAGING, Tier.PRODUCTION}:
        options["network.egress"] = "any"
    return options


def _edge(draw: st.DrawFn, _content: Content, tier: Tier) -> dict[str, object]:
    options: dict[str, object] = {
        "edge.requestsPerFiveMinutes": draw(st.integers(100, 2000)),
        "edge.ipv6": draw(st.booleans()),
    }
    if tier is not _ON_EMULATOR:
        options |= {
            "edge.access": draw(st.sampled_from(["open", "invited"])),
            "edge.ownsZone": draw(st.booleans()),
            "edge.failover": draw(st.sampled_from(["none", "static-page"])),
            "edge.botControl": draw(st.sampled_from(["off", "common", "targeted"])),
            "edge.antiDdos": draw(st.booleans()),
            "edge.shieldAdvanced": draw(st.booleans()),
            "edge.signIn.accountTakeover": draw(st.booleans()),
            "edge.signIn.attemptsPerTenMinutes": draw(st.integers(10, 200)),
            "edge.apiKeys.requestsPerFiveMinutes": draw(st.integers(10, 2_000_000)),
            "edge.largeBodyPaths": draw(st.sampled_from([[], ["/prove/"], ["/a/", "/b/"]])),
        }
    return options


def _frontend(draw: st.DrawFn, content: Content, _tier: Tier) -> dict[str, object]:
    if "slipway:frontend" not in content["config"]:
        return {}
    classes = st.sampled_from(["PriceClass_100", "PriceClass_200", "PriceClass_All"])
    return {
        "frontend.priceClass": draw(classes),
        "frontend.recordedSessionsPercent": draw(st.integers(1, 100)),
        "frontend.connectsTo": draw(st.sampled_from([[], ["https://api.example.net"]])),
    }


def _services(draw: st.DrawFn, content: Content, tier: Tier) -> dict[str, object]:
    """The two services in other sizes, and some more of them."""
    services = content["config"]["slipway:services"]
    options: dict[str, object] = {}
    for name, service in services.items():
        options |= {f"services.{name}.{key}": each for key, each in _size(draw).items()}
        if tier is Tier.PRODUCTION:
            least = service["instances"]["min"]
            options[f"services.{name}.instances.max"] = draw(st.integers(30, 60))
            options[f"services.{name}.instances.min"] = least + draw(st.integers(0, 5))
    for name in draw(st.lists(names, max_size=2, unique=True)):
        options[f"services.{name}"] = _service(draw, services["api"], name, tier)
    return options


def _size(draw: st.DrawFn) -> dict[str, object]:
    cpu = draw(st.sampled_from(list(FARGATE_MEMORY)))
    return {
        "cpu": cpu,
        "memory": draw(st.sampled_from(list(FARGATE_MEMORY[cpu]))),
        "healthCheck": draw(checks),
    }


def _service(draw: st.DrawFn, api: Content, name: str, tier: Tier) -> Content:
    is_public, queue = draw(st.booleans()), draw(st.booleans())
    own: Content = {
        **_size(draw),
        "image": api["image"],
        "port": draw(ports.filter(lambda port: port != 9464)),
        "instances": {"min": 2, "max": draw(st.integers(20, 40))},
        "queue": queue,
        "database": draw(st.booleans()),
        "paths": [f"/{name}", f"/{name}/*"] if is_public else [],
        "secrets": draw(st.lists(variables, max_size=2, unique=True)),
        "variables": draw(st.dictionaries(variables, st.just("1"), max_size=2)),
    }
    own["variables"] = {
        key: value for key, value in own["variables"].items() if key not in own["secrets"]
    }
    if is_public:
        own["publicHealthPath"] = f"/{name}/health"
    if tier is not _ON_EMULATOR:
        own["metricsPort"] = 9464
    if tier is Tier.PRODUCTION:
        own["demand"] = {"expected": 2, "peak": 10, "perInstance": 1}
    return own


def _database(draw: st.DrawFn, content: Content, tier: Tier) -> dict[str, object]:
    options: dict[str, object] = {
        "database.engineVersion": draw(st.sampled_from(["16.8", "17.4", "15.12"])),
        "database.port": draw(st.sampled_from([5432, 6432, 15_432])),
        "database.insights": draw(st.sampled_from(["standard", "advanced"])),
        "database.backupRetentionDays": draw(st.integers(7, 35)),
        "database.backupCopyRetentionDays": draw(st.integers(35, 400)),
    }
    if tier is not _ON_EMULATOR:
        least = draw(st.integers(1, 3))
        options |= {
            "database.replicas": {"min": least, "max": least + draw(st.integers(0, 5))},
            "database.proxy": draw(st.booleans()),
        }
    if "slipway:cache" in content["config"]:
        options |= {
            "cache.replicas": draw(st.integers(1, 5)),
            "cache.engineVersion": draw(st.sampled_from(["7.2", "8.0", "8.1"])),
            "cache.snapshotRetentionDays": draw(st.integers(1, 35)),
        }
    return options


def _rest(draw: st.DrawFn, content: Content, tier: Tier) -> dict[str, object]:
    """The parts that a product may do without, and the MCP server."""
    config = content["config"]
    options: dict[str, object] = {}
    if "slipway:cache" in config and draw(st.booleans()):
        options["cache"] = None
    if "slipway:frontend" in config and draw(st.booleans()):
        options["frontend"] = None
    if "slipway:kubernetes" in config:
        options |= {
            "kubernetes.serviceCidr": draw(st.sampled_from(["172.20.0.0/16", "10.200.0.0/20"])),
            "kubernetes.mcp.replicas.max": draw(st.integers(20, 40)),
            "kubernetes.mcp.clients": draw(st.sampled_from([["api"], ["api", "prover"]])),
            "kubernetes.mcp.healthCheck": draw(checks),
            "kubernetes.mcp.secrets": draw(st.lists(variables, max_size=2, unique=True)),
        }
    if "slipway:metrics" in config:
        options["metrics.market"] = draw(st.booleans())
        options["metrics.business"] = draw(st.sampled_from([[], ["sales_total", "users_active"]]))
    if tier in {Tier.DEVELOPMENT, Tier.INTEGRATION} and draw(st.booleans()):
        options["alerts.sms"] = ["+15555550100"]
    return options
