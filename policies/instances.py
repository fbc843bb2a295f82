"""What starts virtual machines: instances, spot requests, launch templates and configurations."""

from typing import Final

from policies.nodes import Subject

INSTANCE: Final = "aws:ec2/instance:Instance"
SPOT_REQUEST: Final = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
INSTANCES: Final = (INSTANCE, SPOT_REQUEST)
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
LAUNCH_CONFIGURATION: Final = "aws:ec2/launchConfiguration:LaunchConfiguration"
LAUNCHERS: Final = (*INSTANCES, LAUNCH_TEMPLATE, LAUNCH_CONFIGURATION)


def left_to_template(instance: Subject, key: str) -> bool:
    """Whether the instance does not set `key` itself, but starts from a launch template.

    The template then decides, and is judged where it is declared.
    """
    if instance.type not in INSTANCES or instance.has(key):
        return False
    template = instance.node("launchTemplate")
    return template.has_text("id") or template.has_text("name")
