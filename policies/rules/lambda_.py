"""Rules for functions that Lambda runs."""

from typing import Final

from plan.graph import Graph
from policies.nodes import Subject
from policies.outcomes import PASS, NotApplicable, Outcome, fail, require
from policies.registry import Controls, Given, Ref, rule
from policies.settings import Settings, Severity
from policies.statements import is_anything

FUNCTION: Final = "aws:lambda/function:Function"
FUNCTION_URL: Final = "aws:lambda/functionUrl:FunctionUrl"
PERMISSION: Final = "aws:lambda/permission:Permission"

_SERVICE: Final = (".amazonaws.com", ".amazonaws.com.cn")


@rule(
    types=[PERMISSION, FUNCTION_URL],
    severity=Severity.CRITICAL,
    controls=Controls(fsbp=("Lambda.1",), checkov=("CKV_AWS_301", "CKV_AWS_258", "CKV_AWS_364")),
    remediation="""
        Name who may call it, and on whose behalf; sign the calls of a function URL:

            aws.lambda_.Permission("uploaded", function=function.name,
                                   action="lambda:InvokeFunction", principal="s3.amazonaws.com",
                                   source_arn=bucket.arn, source_account=account)
            aws.lambda_.FunctionUrl("hook", function_name=function.name,
                                    authorization_type="AWS_IAM")
        """,
    passing=[
        (Given(PERMISSION, "partner", {"principal": "123456789012"}),),
        (
            Given("aws:s3/bucket:Bucket", "uploads"),
            Given(
                PERMISSION,
                "uploaded",
                {"principal": "s3.amazonaws.com", "sourceArn": Ref("uploads")},
            ),
        ),
        (
            Given(
                PERMISSION,
                "timer",
                {"principal": "events.amazonaws.com", "sourceAccount": "123456789012"},
            ),
        ),
        (Given(PERMISSION, "all", {"principal": "*", "principalOrgId": "o-a1b2c3"}),),
        (Given(FUNCTION_URL, "hook", {"authorizationType": "AWS_IAM"}),),
    ],
    failing=[
        (Given(PERMISSION, "public", {"principal": "*"}),),
        (Given(PERMISSION, "public", {"principal": "*", "functionUrlAuthType": "NONE"}),),
        (Given(PERMISSION, "anyones", {"principal": "sns.amazonaws.com"}),),
        (Given(PERMISSION, "anyones", {"principal": "sns.amazonaws.com", "sourceArn": "*"}),),
        (Given(FUNCTION_URL, "hook", {"authorizationType": "NONE"}),),
    ],
)
def lambda_not_public(subject: Subject, _: Settings, graph: Graph) -> Outcome:
    """A function names who may call it.

    Anybody could otherwise run it with its role, or have an AWS service of theirs do so.
    """
    if subject.type == FUNCTION_URL:
        return require(
            subject.text("authorizationType") == "AWS_IAM",
            "anybody on the internet may call it",
            "authorizationType",
        )
    principal = subject.text("principal")
    if not principal:
        return fail("names no principal", "principal")
    if "*" in principal:
        return require(subject.has_text("principalOrgId"), "anybody may call it", "principal")
    if principal.lower().endswith(_SERVICE):
        return require(
            _names_source(subject, graph),
            f"{principal} may call it on anybody's behalf: no source is named",
            "principal",
        )
    return PASS


def _names_source(permission: Subject, graph: Graph) -> bool:
    """Whether the permission is for one source, rather than for all."""
    if permission.has_text("sourceAccount") or permission.has_text("principalOrgId"):
        return True
    if graph.references(permission.resource, "sourceArn"):
        return True
    return any(one.strip() and not is_anything(one) for one in permission.texts("sourceArn"))


class Runtimes(Settings):
    """The runtimes that Lambda supports."""

    runtimes: tuple[str, ...] = (
        "dotnet10",
        "java11",
        "java17",
        "java21",
        "java25",
        "java8.al2",
        "nodejs22.x",
        "nodejs24.x",
        "provided.al2023",
        "python3.11",
        "python3.12",
        "python3.13",
        "python3.14",
        "ruby3.3",
        "ruby3.4",
    )


@rule(
    types=[FUNCTION],
    severity=Severity.MEDIUM,
    controls=Controls(fsbp=("Lambda.2",), checkov=("CKV_AWS_363",)),
    settings=Runtimes,
    remediation="""
        Move it to a runtime that gets fixes:

            aws.lambda_.Function("thumbnails", runtime="python3.14", ...)
        """,
    passing=[
        (Given(FUNCTION, "thumbnails", {"runtime": "python3.13"}),),
        (Given(FUNCTION, "thumbnails", {"runtime": "provided.al2023", "packageType": "Zip"}),),
    ],
    failing=[
        (Given(FUNCTION, "thumbnails", {"runtime": "python3.8"}),),
        (Given(FUNCTION, "thumbnails", {"runtime": "nodejs18.x"}),),
        (Given(FUNCTION, "thumbnails", {"handler": "main.handle"}),),
    ],
)
def lambda_runtime(function: Subject, settings: Runtimes) -> Outcome:
    """A function uses a runtime that is supported.

    AWS stops patching an old one, and later stops changing functions that use it. An image brings
    its own.
    """
    if function.text("packageType") == "Image":
        return NotApplicable("an image brings its own runtime")
    runtime = function.text("runtime")
    return require(
        runtime in settings.runtimes,
        f"runtime {runtime or 'missing'} is not one of: {', '.join(settings.runtimes)}",
        "runtime",
    )
