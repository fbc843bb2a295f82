"""Declares an environment whose resources all come to exist, and prints what it published.

Run as a program, so that Pulumi's settings of the process are its own:
`python -m tests.stacks.applied production`.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, set_mocks
from pulumi.runtime.stack import run_pulumi_func

from preview.environment import read_environment
from stacks.declare import declare


class Created(Mocks):
    """A provider that creates everything, and answers with what AWS would have made up."""

    def __init__(self) -> None:
        self.published: dict[str, Any] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """The resource with an id, an ARN and what else its kind has."""
        inputs = cast("dict[str, Any]", args.inputs)
        if args.typ == "aws:ssm/parameter:Parameter" and args.name == "published":
            self.published = json.loads(inputs["value"]["value"])  # in a secret's wrapper
        made_up = {
            "arn": f"arn:aws:{args.typ}:us-east-1:333333333333:{args.name}",
            "arnSuffix": f"{args.typ.rpartition(':')[2].lower()}/{args.name}/0123456789abcdef",
            "url": f"https://example.com/{args.name}",
            "endpoint": f"{args.name}.example.com",
            "prometheusEndpoint": f"https://aps.example.com/{args.name}/",
            "engineArn": f"arn:aws:lambda:us-east-1:333333333333:function:cwsyn-{args.name}",
            "certificateAuthority": {"data": "Y2VydGlmaWNhdGU="},
            "clusterResourceId": f"cluster-{args.name.upper()}",
            "dbiResourceId": f"db-{args.name.upper()}",
            "readerEndpoint": f"{args.name}.ro.example.com",
            "masterUserSecrets": [{"secretArn": "arn:aws:secretsmanager:::secret:one"}],
            "domainValidationOptions": [
                {
                    "domainName": "example.com",
                    "resourceRecordName": "_a.example.com",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_b.example.com",
                }
            ],
        }
        return f"{args.name}-id", made_up | {
            key: value for key, value in inputs.items() if value is not None
        }

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """A secret's value; nothing else is asked of a provider."""
        if args.token != "aws:secretsmanager/getSecretVersion:getSecretVersion":  # noqa: S105 - a name
            raise AssertionError(args.token)
        return {"secretString": '{"routing_key": "a-key"}'}, []


def main(name: str) -> None:
    """Declare the environment `name`, wait for everything, print what it published."""
    mocks = Created()
    environment = read_environment(name, Path(__file__).parents[2])
    # Outputs belong to the loop that is current when they are made.
    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    set_mocks(mocks, project="slipway", stack=name, preview=False)
    loop.run_until_complete(run_pulumi_func(lambda: declare(environment)))
    sys.stdout.write(json.dumps(mocks.published))


if __name__ == "__main__":
    main(sys.argv[1])
