from __future__ import annotations

from pathlib import Path

from proxy.backends.docker.definition import Plan
from tests.backends.apps import app

SERVER = '[cerebrium.runtime.custom]\nport = 9000\nentrypoint = "serve --port $PORT --bind 0.0.0.0:9000"\n'


def plan(toml: str = "", network: str | None = None, published: bool = True, folder: Path = Path("/apps/demo")) -> Plan:
    return Plan(app(folder, toml), "demo:1", network, published)


def test_limits_are_the_hardware_of_the_file_whatever_this_machine_has() -> None:
    host = plan("[cerebrium.hardware]\ncpu = 96.5\nmemory = 0.5").document("demo-1", 8000, ())["HostConfig"]
    assert (host["CpuQuota"], host["CpuPeriod"]) == (9_650_000, 100_000)
    assert (host["Memory"], host["MemorySwap"], host["ShmSize"]) == (2**29, 2**29, 2**28)
    assert host["Init"] is False


def test_the_server_is_told_its_port_and_its_identity() -> None:
    document = plan(SERVER).document("demo-1", 9000, ())
    assert document["Entrypoint"] == ["serve", "--port", "9000", "--bind", "0.0.0.0:9000"]
    assert {"PORT=9000", "REPLICA_ID=demo-1", "APP_NAME=demo"} <= set(document["Env"])
    assert document["HostConfig"]["PortBindings"] == {"9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}


def test_without_an_entrypoint_the_images_own_command_runs() -> None:
    assert "Entrypoint" not in plan().document("demo-1", 8000, ())


def test_on_the_hosts_network_each_replica_has_a_port_of_its_own() -> None:
    document = plan(SERVER, network="host", published=False).document("demo-1", 41000, ())
    assert document["Entrypoint"] == ["serve", "--port", "41000", "--bind", "0.0.0.0:41000"]
    assert document["HostConfig"]["NetworkMode"] == "host"
    assert "PortBindings" not in document["HostConfig"]


def test_devices_are_requested_and_told_by_a_label() -> None:
    document = plan().named("demo-1", 8000, ("0", "3"))
    assert document["HostConfig"]["DeviceRequests"] == [
        {"Driver": "", "Capabilities": [["gpu"]], "DeviceIDs": ["0", "3"]}
    ]
    assert document["Labels"]["tidegate.gpus"] == "0,3"
    everything = plan().document("demo-1", 8000, ("all",))["HostConfig"]["DeviceRequests"]
    assert everything == [{"Driver": "", "Capabilities": [["gpu"]], "Count": -1}]


def test_volumes_are_paths_from_the_apps_folder_or_named(tmp_path: Path) -> None:
    volumes = '[tidegate.docker]\nvolumes = ["./data:/data:ro", "/big:/models", "cache:/cache", "a/b:/c"]'
    host = plan(volumes, folder=tmp_path).document("demo-1", 8000, ())["HostConfig"]
    assert host["Binds"] == [f"{tmp_path}/data:/data:ro", "/big:/models", "cache:/cache", f"{tmp_path}/a/b:/c"]


def test_run_options_have_the_last_word() -> None:
    options = "[tidegate.docker.run_options]\nShmSize = 1024\nInit = true\nUlimits = [{ Name = 'memlock', Soft = -1 }]"
    host = plan(options).document("demo-1", 8000, ())["HostConfig"]
    assert (host["ShmSize"], host["Init"], host["Ulimits"]) == (1024, True, [{"Name": "memlock", "Soft": -1}])


def test_the_digest_changes_with_what_a_new_replica_would_be_and_with_nothing_else() -> None:
    assert plan().digest() == plan("[cerebrium.scaling]\nmax_replicas = 9").digest()
    changed = [SERVER, '[tidegate.env]\nA = "b"', "[cerebrium.hardware]\ncpu = 1", "[tidegate.docker]\nnetwork = 'x'"]
    digests = {plan(toml, network="x" if "network" in toml else None).digest() for toml in ["", *changed]}
    assert len(digests) == 5


def test_labels_say_which_replica_of_which_app_it_is() -> None:
    labels = plan().named("demo-1", 8000, ())["Labels"]
    assert labels == {
        "tidegate.app": "demo",
        "tidegate.file": "/apps/demo/cerebrium.toml",
        "tidegate.replica": "demo-1",
        "tidegate.port": "8000",
        "tidegate.config": plan().digest(),
    }
