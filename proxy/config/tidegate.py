"""Tidegate's own tables: everything under [tidegate]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, ValidationInfo, field_validator

from proxy.config.auth import Auth
from proxy.config.cerebrium import PlatformScaling
from proxy.config.notify import Notify
from proxy.config.schedule import ScheduleRule
from proxy.config.table import Number, OptionalText, Table, Text, Whole, Words, written

FOLLOWERS = {"queue": ("timeout_seconds",), "timeouts": ("first_byte_seconds", "idle_seconds")}


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _volume(value: str) -> str:
    if not re.fullmatch(r"[^:]+:/[^:]*(:[^:]+)?", value):
        raise ValueError('must be "source:/path/in/container", with ":ro" at its end if it is read-only')
    return value


def _address(value: object) -> object:
    host, _, port = str(value).rpartition(":")
    if not re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) or not re.fullmatch(r"\d{1,5}", port):
        raise ValueError('must be "host:port", without a scheme or a path')
    if not 1 <= int(port) <= 65535:
        raise ValueError("must have a port from 1 to 65535")
    return host.strip("[]"), int(port)


def _as_environment(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


class Routing(Table):
    """Which requests are this app's; `prefix` is "", "/" or "/some/path"."""

    hosts: Words = ()
    prefix: Text = ""
    models: Words = ()

    @field_validator("hosts")
    @classmethod
    def _host_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", host):
                raise ValueError(f'must be host names without scheme, port or path, not "{host}"')
        return tuple(host.lower() for host in hosts)

    @field_validator("prefix")
    @classmethod
    def _a_path(cls, prefix: str) -> str:
        if prefix and not re.fullmatch(r"/[^\s?#]*", prefix):
            raise ValueError('must be a path that begins with "/", without spaces, "?" or "#"')
        return prefix.rstrip("/") or prefix[:1]


class Queue(Table):
    """The waiting line; `max_length` 0 refuses instead."""

    max_length: Whole = Field(default=1000, ge=0)
    timeout_seconds: Number = Field(gt=0)


class Timeouts(Table):
    """Patience with a replica."""

    connect_seconds: Number = Field(default=5, gt=0)
    first_byte_seconds: Number = Field(gt=0)
    idle_seconds: Number = Field(gt=0)


class Limits(Table):
    """How large a request may be; `max_body_bytes` 0 is no limit."""

    max_header_bytes: Whole = Field(default=65536, ge=1)
    max_body_bytes: Whole = Field(default=0, ge=0)


class Probes(Table):
    """How a replica is asked once it has been ready; `failures` in a row count."""

    interval_seconds: Number = Field(default=5, gt=0)
    timeout_seconds: Number = Field(default=2, gt=0)
    failures: Whole = Field(default=3, ge=1)


class Drain(Table):
    """When a draining replica gets its SIGTERM."""

    sigterm: Literal["immediately", "when-idle"] = "immediately"


class OwnScaling(Table):
    """[tidegate.scaling]; triggers of 0 are off, thresholds and `wait_share` are shares of 1."""

    policy: Literal["target", "load-thresholds", "objective"] = "target"
    wait_seconds: Number = Field(default=5, ge=0)
    wait_share: Number = Field(default=0.01, ge=0, le=1)
    wait_price: Number | None = Field(default=None, gt=0)
    scale_up_queue_length: Whole = Field(default=0, ge=0)
    scale_up_queue_wait_seconds: Number = Field(default=0, ge=0)
    scale_up_threshold: Number = Field(default=0.75, ge=0, le=1)
    scale_down_threshold: Number = Field(default=0.75, ge=0, le=1)
    scale_up_delay_seconds: Number = Field(default=60, ge=0)
    scale_down_delay_seconds: Number = Field(default=1800, ge=0)
    predictive: bool = False
    schedule: tuple[ScheduleRule, ...] = ()

    @field_validator("scale_down_threshold")
    @classmethod
    def _not_above_up(cls, threshold: float, info: ValidationInfo) -> float:
        up = info.data.get("scale_up_threshold", 1)
        if threshold > up:
            raise ValueError(f"must be at most scale_up_threshold, which is {up:g}")
        return threshold

    @field_validator("scale_down_delay_seconds")
    @classmethod
    def _not_before_up(cls, delay: float, info: ValidationInfo) -> float:
        up = info.data.get("scale_up_delay_seconds", 0)
        if delay < up:
            raise ValueError(f"must be at least scale_up_delay_seconds, which is {up:g}")
        return delay

    @field_validator("schedule")
    @classmethod
    def _room_for_each_rule(cls, rules: tuple[ScheduleRule, ...], info: ValidationInfo) -> tuple[ScheduleRule, ...]:
        for index, rule in enumerate(rules):
            if isinstance(info.context, PlatformScaling):
                _room(rule, info.context, index)
        return rules


def _room(rule: ScheduleRule, scaling: PlatformScaling, index: int) -> None:
    least = scaling.min_replicas if rule.min_replicas is None else rule.min_replicas
    most = scaling.max_replicas if rule.max_replicas is None else rule.max_replicas
    if least > most:
        raise ValueError(
            f"must leave max_replicas at or above min_replicas, but while [{index}] holds they are {most} and {least}: "
            "give that rule both"
        )


class Scaling(OwnScaling, PlatformScaling):
    """[cerebrium.scaling] and [tidegate.scaling] as one; in code its keys are the names of the fields."""

    model_config = ConfigDict(populate_by_name=True)


class Process(Table):
    """`install`: whether dependencies.pip goes into a virtual environment of the app's own."""

    install: bool = False


class Docker(Table):
    """How a container is run; `gpus` None leaves the choice of devices to hardware.gpu_count.

    `run_options` are fields of the Docker Engine's HostConfig, taken over as they are.
    """

    image: OptionalText = None
    network: OptionalText = None
    volumes: tuple[Annotated[Text, AfterValidator(_volume)], ...] = ()
    gpus: Annotated[Words | None, BeforeValidator(_one_or_more)] = None
    run_options: Mapping[str, JsonValue] = {}


class Static(Table):
    """Replicas that someone else runs, as (host, port)."""

    replicas: tuple[Annotated[tuple[str, int], BeforeValidator(_address)], ...] = ()

    @field_validator("replicas")
    @classmethod
    def _each_once(cls, replicas: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        for replica in replicas:
            if replicas.count(replica) > 1:
                raise ValueError(f'must name each replica once, but "{replica[0]}:{replica[1]}" comes twice')
        return replicas


class Tidegate(Table):
    """The root table `tidegate`; the validation context is the app's PlatformScaling, or None if that is wrong."""

    routing: Routing = written({})
    queue: Queue = written({})
    timeouts: Timeouts = written({})
    limits: Limits = written({})
    probes: Probes = written({})
    drain: Drain = written({})
    scaling: OwnScaling = written({})
    process: Process = written({})
    notify: Notify = written({})
    auth: Auth = written({})
    docker: Docker = written({})
    static: Static = written({})
    backend: Literal["process", "docker", "static"] | None = None
    env: Mapping[str, Annotated[Text, BeforeValidator(_as_environment)]] = {}
    env_file: OptionalText = None

    @field_validator("queue", "timeouts", mode="before")
    @classmethod
    def _as_long_as_a_response(cls, table: object, info: ValidationInfo) -> object:
        scaling = PlatformScaling.model_fields["response_grace_period_seconds"]
        grace = info.context.response_grace_period_seconds if info.context else scaling.default
        filled = dict.fromkeys(FOLLOWERS[str(info.field_name)], grace)
        return filled | table if isinstance(table, dict) else table

    @field_validator("backend")
    @classmethod
    def _static_needs_replicas(cls, backend: str | None, info: ValidationInfo) -> str | None:
        static = info.data.get("static")
        if backend == "static" and static and not static.replicas:
            raise ValueError('must come with tidegate.static.replicas = ["host:port"]')
        return backend

    @field_validator("env")
    @classmethod
    def _fits_into_an_environment(cls, env: Mapping[str, str]) -> Mapping[str, str]:
        for name, value in env.items():
            if not re.fullmatch(r"[^=\0]+", name) or "\0" in value:
                raise ValueError(f'must hold names without "=" and values without NUL, unlike "{name}"')
        return env
