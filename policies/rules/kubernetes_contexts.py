"""Rules for the security contexts of Kubernetes pods: what a container may do once it runs."""

from typing import Final

from pydantic import Field

from policies.nodes import Node, Subject
from policies.outcomes import PASS, NotApplicable, Outcome, all_of, attempt, every, fail, require
from policies.registry import Controls, rule
from policies.settings import Settings, Severity
from policies.statements import any_text
from policies.workloads import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    STATEFUL_SET,
    WORKLOADS,
    WORKLOADS_AND_PATCHES,
    Pod,
    given,
    named,
    pod_of,
)

_WINDOWS: Final = NotApplicable("Windows has no such control")
_PROFILES: Final = frozenset({"RuntimeDefault", "Localhost"})
_DEFAULT_CAPABILITIES: Final = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""What container runtimes grant by default, and the baseline standard lets a container add."""
_BIND: Final = "NET_BIND_SERVICE"

_SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_notsent_lowat",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_slow_start_after_idle",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SELINUX_TYPES: Final = frozenset(
    {"container_engine_t", "container_init_t", "container_kvm_t", "container_t"}
)
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("postStart", "preStop")


class UserIds(Settings):
    """Which user ids are high."""

    least_user_id: int = Field(
        default=10_000, ge=1, description="The least user id that no node gives to a user."
    )


@rule(
    types=WORKLOADS,
    severity=Severity.HIGH,
    controls=Controls(pss=("restricted",), cis=("K8s 5.2.6",), checkov=("CKV_K8S_20",)),
    remediation="""
        Say so on every container; there is no setting for the whole pod:

            {"name": "api", "security_context": {"allow_privilege_escalation": False}}
        """,
    passing=[
        (given({"securityContext": {"allowPrivilegeEscalation": False}}),),
        (
            given(
                {"securityContext": {"allowPrivilegeEscalation": False}},
                type_=DEPLOYMENT,
                initContainers=[{"securityContext": {"allowPrivilegeEscalation": False}}],
            ),
        ),
    ],
    failing=[
        (given({}),),
        (given({"securityContext": {"allowPrivilegeEscalation": True}}, type_=CRON_JOB),),
        (
            given(
                {"securityContext": {"allowPrivilegeEscalation": False}},
                type_=DEPLOYMENT,
                initContainers=[{"name": "setup"}],
            ),
        ),
        (given({}, securityContext={"allowPrivilegeEscalation": False}),),
    ],
)
def k8s_no_priv_escalation(workload: Subject) -> Outcome:
    """No process in a container can gain more rights than its parent has.

    A forgotten set-user-id program is then no way to root.
    """
    pod = pod_of(workload)
    if pod.is_windows:
        return _WINDOWS

    def confined(container: Node) -> Outcome:
        context = container.node("securityContext")
        key = "allowPrivilegeEscalation"
        if context.flag(key) is False:
            return PASS
        return fail(f"{named(container)} allows privilege escalation", context.at(key))

    return pod.of_each(confined)


@rule(
    types=WORKLOADS,
    severity=Severity.HIGH,
    controls=Controls(pss=("restricted",), cis=("K8s 5.2.7",), checkov=("CKV_K8S_23",)),
    remediation="""
        Say so for the whole pod, with a user that the image has:

            {"security_context": {"run_as_non_root": True, "run_as_user": 10001}}
        """,
    passing=[
        (given({}, securityContext={"runAsNonRoot": True}),),
        (given({}, type_=DEPLOYMENT, securityContext={"runAsNonRoot": True, "runAsUser": 10001}),),
        (given({"securityContext": {"runAsNonRoot": True}}, type_=CRON_JOB),),
        (given({}, hostUsers=False),),
    ],
    failing=[
        (given({}),),
        (given({"securityContext": {"runAsNonRoot": False}}, type_=DEPLOYMENT),),
        (
            given(
                {"securityContext": {"runAsNonRoot": True}},
                securityContext={"runAsNonRoot": False},
            ),
        ),
        (
            given(
                {"securityContext": {"runAsNonRoot": True}},
                type_=STATEFUL_SET,
                initContainers=[{"name": "setup"}],
            ),
        ),
        (given({}, securityContext={"runAsNonRoot": True, "runAsUser": 0}),),
        (
            given(
                {"securityContext": {"runAsUser": 0}},
                type_=JOB,
                securityContext={"runAsNonRoot": True},
            ),
        ),
    ],
)
def k8s_run_as_non_root(workload: Subject) -> Outcome:
    """Every container runs as another user than root.

    Root in a container is root on its node as soon as anything of the isolation gives way. Pods
    whose users are mapped to others of the node (`hostUsers: false`) may run as root.
    """
    pod = pod_of(workload)
    if pod.has_own_users:
        return PASS

    def not_root(context: Node, name: str) -> Outcome:
        if context.number("runAsUser") == 0:
            return fail(f"{name} runs as root", context.at("runAsUser"))
        return PASS

    return all_of(
        pod.of_each_inheriting(
            lambda context: context.flag("runAsNonRoot"),
            key="runAsNonRoot",
            bad="may run as root",
            missing="may run as root, and so says the pod",
        ),
        pod.of_all_contexts(not_root),
    )


@rule(
    types=WORKLOADS,
    severity=Severity.HIGH,
    controls=Controls(
        pss=("restricted",), cis=("K8s 5.2.8", "K8s 5.2.9"), checkov=("CKV_K8S_28", "CKV_K8S_37")
    ),
    remediation="""
        Drop them all, on every container; a port below 1024 is the one reason to add one back:

            {"name": "api", "security_context": {"capabilities": {"drop": ["ALL"]}}}
        """,
    passing=[
        (given({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, type_=DEPLOYMENT),),
        (given({"securityContext": {"capabilities": {"drop": ["KILL", "ALL"], "add": [_BIND]}}}),),
    ],
    failing=[
        (given({}),),
        (given({"securityContext": {"capabilities": {"drop": ["NET_RAW"]}}}, type_=JOB),),
        (given({"securityContext": {"capabilities": {"drop": ["all"]}}}),),
        (given({"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}}),),
        (
            given(
                {"securityContext": {"capabilities": {"drop": ["ALL"]}}},
                type_=CRON_JOB,
                initContainers=[{"name": "setup"}],
            ),
        ),
    ],
)
def k8s_drop_all_caps(workload: Subject) -> Outcome:
    """Every container gives up all capabilities, but for binding a low port.

    Without them even root in a container cannot send raw packets, change owners or load modules.
    """
    pod = pod_of(workload)
    if pod.is_windows:
        return _WINDOWS

    def drops_all(container: Node) -> Outcome:
        capabilities = container.node("securityContext").node("capabilities")
        name = named(container)
        return all_of(
            _adds_only(capabilities, frozenset({_BIND}), name),
            attempt(
                lambda: require(
                    any_text(capabilities.each("drop"), lambda dropped: dropped == "ALL"),
                    f"{name} does not drop all capabilities",
                    capabilities.at("drop"),
                )
            ),
        )

    return pod.of_each(drops_all)


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.HIGH,
    controls=Controls(pss=("baseline",), cis=("K8s 5.2.9",), checkov=("CKV_K8S_25", "CKV_K8S_39")),
    remediation="""
        Take it away, and find what needs it; a port below 1024 needs this one alone:

            {"name": "api", "security_context": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}
        """,
    passing=[
        (given({}),),
        (given({"securityContext": {"capabilities": {"add": ["CHOWN", _BIND]}}}, type_=JOB),),
        (given({"securityContext": {"capabilities": {"drop": ["ALL"]}}}, type_=DEPLOYMENT),),
    ],
    failing=[
        (given({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),),
        (given({"securityContext": {"capabilities": {"add": ["KILL", "NET_RAW"]}}}, type_=JOB),),
        (given({"securityContext": {"capabilities": {"add": ["ALL"]}}}, type_=DAEMON_SET),),
        (
            given(
                {},
                type_=DEPLOYMENT,
                initContainers=[{"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}],
            ),
        ),
    ],
    absence_is_safe=True,
)
def k8s_no_added_caps(workload: Subject) -> Outcome:
    """No container adds a capability that runtimes do not grant by default.

    `SYS_ADMIN` alone is nearly root on the node; `NET_RAW` forges packets of its neighbours.
    """

    def modest(container: Node) -> Outcome:
        capabilities = container.node("securityContext").node("capabilities")
        return _adds_only(capabilities, _DEFAULT_CAPABILITIES, named(container))

    return every(pod_of(workload).containers, modest)


def _adds_only(capabilities: Node, allowed: frozenset[str], name: str) -> Outcome:
    """Whether the `capabilities` of the container called `name` add none but `allowed` ones."""

    def is_allowed(added: Node) -> Outcome:
        capability = added.as_text()
        return require(capability in allowed, f"{name} adds {capability}", added.here)

    return every(capabilities.each("add"), is_allowed)


@rule(
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    controls=Controls(pss=("restricted",), cis=("K8s 5.6.2",), checkov=("CKV_K8S_31",)),
    remediation="""
        Take the profile of the container runtime, for the whole pod:

            {"security_context": {"seccomp_profile": {"type": "RuntimeDefault"}}}
        """,
    passing=[
        (given({}, securityContext={"seccompProfile": {"type": "RuntimeDefault"}}),),
        (
            given(
                {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
                type_=DEPLOYMENT,
            ),
        ),
    ],
    failing=[
        (given({}),),
        (given({}, type_=JOB, securityContext={"seccompProfile": {"type": "Unconfined"}}),),
        (
            given(
                {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
                type_=CRON_JOB,
                securityContext={"seccompProfile": {"type": "RuntimeDefault"}},
            ),
        ),
        (
            given(
                {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
                type_=DEPLOYMENT,
                initContainers=[{"name": "setup"}],
            ),
        ),
    ],
)
def k8s_seccomp(workload: Subject) -> Outcome:
    """A seccomp profile limits what every container can ask of the kernel.

    Most ways out of a container start with a system call that no service needs.
    """
    pod = pod_of(workload)
    if pod.is_windows:
        return _WINDOWS

    def limits(context: Node) -> bool | None:
        profile = context.node("seccompProfile").text("type")
        return None if profile is None else profile in _PROFILES

    return pod.of_each_inheriting(
        limits,
        key="seccompProfile",
        bad="runs without a seccomp profile",
        missing="has no seccomp profile, nor has the pod",
    )


@rule(
    types=WORKLOADS_AND_PATCHES,
    severity=Severity.MEDIUM,
    controls=Controls(pss=("baseline", "restricted")),
    remediation="""
        Leave all of these settings out; the defaults are the safe ones:

            {"security_context": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
                                  "app_armor_profile": {"type": "RuntimeDefault"}}}
        """,
    passing=[
        (given({}),),
        (
            given(
                {
                    "securityContext": {"procMount": "Default"},
                    "livenessProbe": {"httpGet": {"port": 8443, "path": "/health"}},
                },
                type_=DEPLOYMENT,
                metadata={"annotations": {f"{_APPARMOR_ANNOTATION}api": "runtime/default"}},
                securityContext={
                    "appArmorProfile": {"type": "RuntimeDefault"},
                    "seLinuxOptions": {"type": "container_t", "level": "s0:c123,c456"},
                    "sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}],
                },
            ),
        ),
    ],
    failing=[
        (given({}, securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),),
        (given({"securityContext": {"procMount": "Unmasked"}}, type_=DEPLOYMENT),),
        (given({}, type_=JOB, securityContext={"seLinuxOptions": {"type": "spc_t"}}),),
        (given({"securityContext": {"seLinuxOptions": {"user": "system_u"}}}),),
        (given({"securityContext": {"seLinuxOptions": {"role": "system_r"}}}),),
        (given({}, securityContext={"appArmorProfile": {"type": "Unconfined"}}),),
        (given({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, type_=CRON_JOB),),
        (given({}, metadata={"annotations": {f"{_APPARMOR_ANNOTATION}api": "unconfined"}}),),
        (given({"readinessProbe": {"httpGet": {"port": 80, "host": "169.254.169.254"}}}),),
        (given({"lifecycle": {"preStop": {"tcpSocket": {"port": 25, "host": "10.0.0.1"}}}}),),
    ],
    absence_is_safe=True,
)
def k8s_no_unsafe_sysctls(workload: Subject) -> Outcome:
    """Sysctls, /proc, SELinux, AppArmor and probes stay as the baseline wants.

    Each of them can take down a wall of the container: an unsafe sysctl reaches the whole node, an
    unmasked /proc shows it, another label or no profile lets a process do more than its
    neighbours, and a probe to another host makes the node ask for what the pod may not.
    """
    pod = pod_of(workload)

    def safe(sysctl: Node) -> Outcome:
        name = sysctl.text("name")
        return require(name in _SAFE_SYSCTLS, f"sets the unsafe sysctl {name}", sysctl.at("name"))

    def sysctls() -> Outcome:
        return every(pod.security.each("sysctls"), safe)

    return all_of(
        attempt(sysctls),
        attempt(lambda: _app_armor_annotations(pod)),
        pod.of_all_contexts(_labelled),
        pod.of_all_contexts(_under_app_armor),
        pod.of_all_contexts(_masked),
        every(pod.containers, _asks_itself),
    )


def _app_armor_annotations(pod: Pod) -> Outcome:
    """Whether no annotation, the older way to say so, takes a container out of AppArmor."""
    annotations = pod.metadata.node("annotations")

    def confines(key: str) -> Outcome:
        profile = annotations.text(key) or ""
        return require(
            profile in {"", "runtime/default"} or profile.startswith("localhost/"),
            f"container {key.removeprefix(_APPARMOR_ANNOTATION)} runs without AppArmor",
            annotations.at(key),
        )

    return every(
        (key for key in annotations.names() if key.startswith(_APPARMOR_ANNOTATION)), confines
    )


def _labelled(context: Node, name: str) -> Outcome:
    """Whether SELinux confines the container as it does others."""
    if not context.has("seLinuxOptions"):
        return PASS
    options = context.node("seLinuxOptions")

    def is_usual(key: str) -> Outcome:
        value = options.text(key)
        allowed = not value or (key == "type" and value in _SELINUX_TYPES)
        return require(allowed, f"{name} has the SELinux {key} {value}", options.at(key))

    return every(("type", "user", "role"), is_usual)


def _under_app_armor(context: Node, name: str) -> Outcome:
    """Whether an AppArmor profile, where one is named, confines the container."""
    if not context.has("appArmorProfile"):
        return PASS
    profile = context.node("appArmorProfile")
    return require(
        profile.text("type") in _PROFILES, f"{name} runs without AppArmor", profile.at("type")
    )


def _masked(context: Node, name: str) -> Outcome:
    """Whether what /proc says of the node stays hidden."""
    mount = context.text("procMount")
    return require(mount in {None, "Default"}, f"{name} sees all of /proc", context.at("procMount"))


def _asks_itself(container: Node) -> Outcome:
    """Whether probes and handlers stay with the container, rather than ask another host."""

    def stays(holder: Node, key: str) -> Outcome:
        return every(
            ("httpGet", "tcpSocket"), lambda action: has_no_host(holder.node(key).node(action))
        )

    def has_no_host(target: Node) -> Outcome:
        host = target.text("host")
        if not host:
            return PASS
        return fail(f"{named(container)} has the node ask {host}", target.at("host"))

    def handled() -> Outcome:
        lifecycle = container.node("lifecycle")
        return every(_HANDLERS, lambda handler: stays(lifecycle, handler))

    probes = [probe for probe in _PROBES if container.has(probe)]
    return all_of(
        every(probes, lambda probe: stays(container, probe)),
        attempt(handled) if container.has("lifecycle") else PASS,
    )


@rule(
    types=WORKLOADS,
    severity=Severity.MEDIUM,
    controls=Controls(cis=("K8s 5.6.3",), checkov=("CKV_K8S_22",)),
    remediation="""
        Make it read-only, and mount a volume where the container has to write:

            {"containers": [{"name": "api",
                             "security_context": {"read_only_root_filesystem": True},
                             "volume_mounts": [{"name": "scratch", "mount_path": "/tmp"}]}],
             "volumes": [{"name": "scratch", "empty_dir": {}}]}
        """,
    passing=[
        (given({"securityContext": {"readOnlyRootFilesystem": True}}),),
        (given({"securityContext": {"readOnlyRootFilesystem": True}}, type_=CRON_JOB),),
    ],
    failing=[
        (given({}),),
        (given({"securityContext": {"readOnlyRootFilesystem": False}}, type_=DEPLOYMENT),),
        (
            given(
                {"securityContext": {"readOnlyRootFilesystem": True}},
                type_=STATEFUL_SET,
                initContainers=[{"name": "setup"}],
            ),
        ),
    ],
)
def k8s_read_only_root(workload: Subject) -> Outcome:
    """The root file system of every container is read-only.

    Who breaks into a container can then neither change its program nor leave one behind.
    """
    pod = pod_of(workload)
    if pod.is_windows:
        return _WINDOWS

    def read_only(container: Node) -> Outcome:
        context = container.node("securityContext")
        key = "readOnlyRootFilesystem"
        if context.flag(key):
            return PASS
        return fail(f"{named(container)} can write to its root file system", context.at(key))

    return pod.of_each(read_only)


@rule(
    types=WORKLOADS,
    severity=Severity.LOW,
    controls=Controls(checkov=("CKV_K8S_40",)),
    settings=UserIds,
    remediation="""
        Give the pod a user of its own:

            {"security_context": {"run_as_user": 10001, "run_as_group": 10001}}
        """,
    passing=[
        (given({}, securityContext={"runAsUser": 10001}),),
        (
            given(
                {"securityContext": {"runAsUser": 20000}},
                type_=DEPLOYMENT,
                securityContext={"runAsUser": 1000},
            ),
        ),
        (given({}, type_=JOB, hostUsers=False),),
    ],
    failing=[
        (given({}),),
        (given({}, type_=CRON_JOB, securityContext={"runAsUser": 1000}),),
        (
            given(
                {"securityContext": {"runAsUser": 999}},
                type_=DEPLOYMENT,
                securityContext={"runAsUser": 10001},
            ),
        ),
    ],
)
def k8s_high_uid(workload: Subject, settings: UserIds) -> Outcome:
    """Every container runs as a user that the node does not know.

    A low id is somebody on the node too: whoever leaves the container has that user's files. Pods
    whose users are mapped to others of the node (`hostUsers: false`) have such ids by themselves.
    """
    pod = pod_of(workload)
    if pod.is_windows:
        return _WINDOWS
    if pod.has_own_users:
        return PASS

    def high(container: Node) -> Outcome:
        context = container.node("securityContext")
        user = context.number("runAsUser")
        if user is None:
            user = pod.security.number("runAsUser")
        if user is None:
            return fail(f"{named(container)} has no user id", context.at("runAsUser"))
        return require(
            user >= settings.least_user_id,
            f"{named(container)} runs as user {user:g}, below {settings.least_user_id}",
            context.at("runAsUser"),
        )

    return pod.of_each(high)
