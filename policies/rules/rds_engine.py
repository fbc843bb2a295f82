"""Rules for what runs a database: the engine, its upgrades, its certificate and its port."""

from typing import Final

from plan.graph import Graph
from policies.databases import CLUSTER, CLUSTER_INSTANCE, DATABASES, INSTANCE, engine_of, is_replica
from policies.nodes import Subject
from policies.outcomes import NotApplicable, Outcome, fail, require
from policies.registry import Controls, Given, rule
from policies.relations import targets
from policies.settings import Settings, Severity


class Engines(Settings):
    """The engines that an environment may use."""

    allowed: tuple[str, ...] = ("aurora-postgresql", "postgres")
    """As AWS names them; PostgreSQL alone by default, as the standards say."""


@rule(
    types=DATABASES,
    severity=Severity.MEDIUM,
    requirements=["DB-01"],
    settings=Engines,
    remediation="""
        Use PostgreSQL:

            aws.rds.Cluster("database", engine="aurora-postgresql", ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"engine": "aurora-postgresql"}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"engine": "aurora-mysql"}),),
        (Given(INSTANCE, "database", {"engine": "sqlserver-ex"}),),
    ],
)
def rds_postgres(database: Subject, settings: Engines) -> Outcome:
    """A database is PostgreSQL.

    A release is tested on the engine that it will meet. Staging on another one proves nothing.
    """
    if not database.has("engine") and is_replica(database):
        return NotApplicable("a replica has the engine of its source")
    engine = engine_of(database)
    allowed = ", ".join(settings.allowed)
    return require(engine in settings.allowed, f"runs {engine}, not one of: {allowed}", "engine")


@rule(
    types=[INSTANCE, CLUSTER_INSTANCE, CLUSTER],
    severity=Severity.HIGH,
    controls=Controls(fsbp=("RDS.13", "RDS.35"), cis=("2.2.2",), checkov=("CKV_AWS_226",)),
    remediation="""
        Leave minor upgrades to AWS, which makes them in the maintenance window:

            aws.rds.ClusterInstance("writer", auto_minor_version_upgrade=True, ...)
        """,
    passing=[
        (Given(CLUSTER_INSTANCE, "writer", {"autoMinorVersionUpgrade": True}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
    failing=[
        (Given(CLUSTER_INSTANCE, "writer", {"autoMinorVersionUpgrade": False}),),
        (Given(INSTANCE, "database", {"autoMinorVersionUpgrade": "false"}),),
        (
            Given(
                CLUSTER,
                "database",
                {"dbClusterInstanceClass": "db.r6gd.large", "autoMinorVersionUpgrade": False},
            ),
        ),
    ],
    absence_is_safe=True,
)
def rds_auto_minor_upgrade(database: Subject) -> Outcome:
    """A database gets the minor versions of its engine by itself.

    They close security holes that are public from the day of their release. AWS upgrades where the
    program does not say.
    """
    return require(
        database.flag("autoMinorVersionUpgrade") is not False,
        "stays on its minor version until somebody upgrades it",
        "autoMinorVersionUpgrade",
    )


class Authorities(Settings):
    """The certificate authorities of RDS that a database may show a certificate of."""

    allowed: tuple[str, ...] = ("rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1")


@rule(
    types=[INSTANCE, CLUSTER_INSTANCE, CLUSTER],
    severity=Severity.MEDIUM,
    controls=Controls(checkov=("CKV_AWS_211",)),
    settings=Authorities,
    remediation="""
        Take a certificate of a current authority:

            aws.rds.ClusterInstance("writer", ca_cert_identifier="rds-ca-rsa2048-g1", ...)
        """,
    passing=[
        (Given(CLUSTER_INSTANCE, "writer", {"caCertIdentifier": "rds-ca-rsa2048-g1"}),),
        (Given(INSTANCE, "database", {"caCertIdentifier": "rds-ca-ecc384-g1"}),),
        (Given(CLUSTER, "database", {"caCertificateIdentifier": "rds-ca-rsa4096-g1"}),),
    ],
    failing=[
        (Given(CLUSTER_INSTANCE, "writer", {"caCertIdentifier": "rds-ca-2019"}),),
        (Given(INSTANCE, "database", {"caCertIdentifier": "rds-ca-2015"}),),
        (Given(CLUSTER, "database", {"caCertificateIdentifier": "rds-ca-2019"}),),
    ],
    absence_is_safe=True,
)
def rds_modern_ca(database: Subject, settings: Authorities) -> Outcome:
    """A database shows a certificate of a current authority.

    The root of 2019 expired in August 2024: who checks it no longer connects, and who still
    connects does not check. AWS takes a current one where the program does not say.
    """
    key = "caCertificateIdentifier" if database.type == CLUSTER else "caCertIdentifier"
    authority = database.text(key)
    return require(
        authority is None or authority in settings.allowed,
        f"its certificate is of {authority}, not of: {', '.join(settings.allowed)}",
        key,
    )


_DEFAULT_PORTS: Final = {
    "aurora-mysql": 3306,
    "aurora-postgresql": 5432,
    "db2": 50000,
    "mariadb": 3306,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "sqlserver": 1433,
}
"""By the engine, or by what stands before the edition in its name."""


@rule(
    types=DATABASES,
    severity=Severity.LOW,
    controls=Controls(fsbp=("RDS.23",)),
    remediation="""
        Choose a port of your own, and open that one in the security group:

            aws.rds.Cluster("database", port=6432, ...)
        """,
    passing=[
        (Given(CLUSTER, "database", {"engine": "aurora-postgresql", "port": 6432}),),
        (Given(INSTANCE, "database", {"engine": "sqlserver-ex", "port": "14330"}),),
        (Given(INSTANCE, "database", {"engine": "mysql", "port": 5432}),),
    ],
    failing=[
        (Given(CLUSTER, "database", {"engine": "aurora-postgresql", "port": 5432}),),
        (Given(INSTANCE, "database", {"engine": "oracle-se2", "port": "1521"}),),
        (Given(INSTANCE, "database", {"engine": "postgres"}),),
    ],
)
def rds_custom_port(database: Subject, _: Settings, graph: Graph) -> Outcome:
    """A database does not listen on the port that everybody tries first.

    It stops no attacker who has time; it stops the worms and scans that try one port a host.
    """
    port = database.number("port")
    if port is None:
        if is_replica(database):
            return NotApplicable("a replica listens where its source does")
        return fail("listens on the default port of its engine", "port")
    if not database.has("engine") and is_replica(database):
        sources = targets(database.resource, graph, "replicateSourceDb", DATABASES)
        engine = engine_of(sources[0] if sources else database)
    else:
        engine = engine_of(database)
    default = _DEFAULT_PORTS.get(engine) or _DEFAULT_PORTS.get(engine.partition("-")[0])
    return require(port != default, f"listens on {port:g}, the default of {engine}", "port")
