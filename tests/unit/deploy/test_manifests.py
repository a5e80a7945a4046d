"""What ``deploy/`` describes fits the schemas of those who read it, and keeps what the server and its operators rely on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from netra_backend.app.core.limits import Limits
from netra_backend.app.settings_reader import NAMES, SECRET_NAMES
from netra_backend.distribution import version

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
VERSION = "1.34"
OLDER = "1.30"
IMAGE_USER = 10001
MIGRATION = f"netra-migrate-{re.sub('[^a-z0-9]', '-', version())}"


@cache
def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def manifests() -> dict[str, dict[str, Any]]:
    """All that is applied to a cluster, by ``kind/name``."""
    found = {}
    for path in sorted(KUBERNETES.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            for each in documents(f"kubernetes/{path.name}"):
                found[f"{each['kind']}/{each['metadata']['name']}"] = each
    return found


def pods() -> list[tuple[str, dict[str, Any]]]:
    """Each description of a pod, by the name of what starts it."""
    started = {name: each for name, each in manifests().items() if each["kind"] in ("Deployment", "Job")}
    return [(name, each["spec"]["template"]) for name, each in started.items()]


def valid(manifest: Mapping[str, Any], version: str = VERSION) -> None:
    import kubernetes_validate

    kubernetes_validate.validate(dict(manifest), version, strict=True)


def settings_in(node: Any) -> set[str]:
    """The settings of ours that a description names."""
    return set(re.findall(r"\bNETRA_[A-Z_]+", yaml.safe_dump(node)))


@pytest.mark.parametrize("version", [OLDER, VERSION])
@pytest.mark.parametrize("name", list(manifests()))
def test_every_manifest_fits_the_schema_of_its_kind(name: str, version: str) -> None:
    valid(manifests()[name], version)


def test_the_schema_notices_what_it_does_not_know() -> None:
    from kubernetes_validate import ValidationError

    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": [{"prot": 80}]}}
    with pytest.raises(ValidationError):
        valid(wrong)


def test_every_manifest_is_applied_and_the_example_is_not() -> None:
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    files = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
    assert set(kustomization["resources"]) == files


def test_the_image_that_is_applied_is_of_this_version_and_so_is_its_migration() -> None:
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    assert [image["newTag"] for image in kustomization["images"]] == [version()]
    assert f"Job/{MIGRATION}" in manifests()


@pytest.mark.parametrize(("name", "pod"), pods(), ids=[name for name, _ in pods()])
def test_every_pod_keeps_the_restricted_standard_and_takes_no_settings_from_services(
    name: str, pod: dict[str, Any]
) -> None:
    spec = pod["spec"]
    assert spec["enableServiceLinks"] is False, "a Service called netra would set NETRA_PORT"
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == IMAGE_USER
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        written = {mount["mountPath"] for mount in container["volumeMounts"]}
        assert {"/data", "/tmp"} <= written, f"{name} has nowhere to write"
        assert "memory" in container["resources"]["limits"]


def test_a_pod_has_the_time_that_a_drain_takes() -> None:
    spec = manifests()["Deployment/netra"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > before + 10 > before + Limits().drain_s
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/healthz"


def test_one_pod_after_the_other_is_replaced_and_disrupted() -> None:
    found = manifests()
    deployment = found["Deployment/netra"]["spec"]
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert found["PodDisruptionBudget/netra"]["spec"]["maxUnavailable"] < deployment["replicas"]


def test_whoever_selects_pods_finds_those_that_there_are() -> None:
    found = manifests()
    labels = {name: pod["metadata"]["labels"] for name, pod in pods()}
    server, migration = labels["Deployment/netra"], labels[f"Job/{MIGRATION}"]
    assert found["Deployment/netra"]["spec"]["selector"]["matchLabels"] == server
    assert found["Service/netra"]["spec"]["selector"] == server
    assert found["PodDisruptionBudget/netra"]["spec"]["selector"]["matchLabels"] == server
    assert found["NetworkPolicy/netra"]["spec"]["podSelector"]["matchLabels"] == server
    assert found["NetworkPolicy/netra-migrate"]["spec"]["podSelector"]["matchLabels"] == migration


def test_a_pod_reaches_its_stores_names_and_the_internet_and_nothing_else_of_the_cluster() -> None:
    databases = {"matchLabels": {"kubernetes.io/metadata.name": "databases"}}
    private = [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fe80::/10",
    ]
    stores = {5432: "postgresql", 6379: "valkey"}
    for policy, ports in (("netra", {53, 5432, 6379, 443}), ("netra-migrate", {53, 5432})):
        spec = manifests()[f"NetworkPolicy/{policy}"]["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == ports
        for rule in spec["egress"]:
            assert rule["to"], "a rule without a destination means everywhere"
            for port in (each["port"] for each in rule["ports"]):
                if port in stores:
                    (to,) = rule["to"]
                    assert to["namespaceSelector"] == databases
                    assert to["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": stores[port]}}
                if port == 443:
                    left_out = [each for to in rule["to"] for each in to["ipBlock"]["except"]]
                    assert [each for each in private if each not in left_out] == []
    for secret in documents("kubernetes/secrets.example.yaml"):
        for url in (value for name, value in secret["stringData"].items() if name.endswith("-url")):
            host = str(urlsplit(url).hostname)
            assert host in {f"{name}.databases.svc" for name in stores.values()}


def test_what_pods_need_of_secrets_and_configuration_is_made() -> None:
    (kustomization,) = documents("kubernetes/kustomization.yaml")
    made = {(each["name"], None) for each in kustomization["configMapGenerator"]}
    for secret in documents("kubernetes/secrets.example.yaml"):
        made |= {(secret["metadata"]["name"], key) for key in secret["stringData"]}
    for name, pod in pods():
        secrets = {each["name"]: each["secret"] for each in pod["spec"]["volumes"] if "secret" in each}
        for container in pod["spec"]["containers"]:
            for source in container.get("envFrom", []):
                assert (source["configMapRef"]["name"], None) in made, name
            mounted = {}
            for mount in container["volumeMounts"]:
                if mount["name"] in secrets:
                    secret = secrets[mount["name"]]
                    keys = [key for of, key in made if of == secret["secretName"] and key is not None]
                    for item in secret.get("items", [{"key": key, "path": key} for key in keys]):
                        assert (secret["secretName"], item["key"]) in made, name
                        mounted[f"{mount['mountPath']}/{item['path']}"] = secret["secretName"]
            named = [variable["value"] for variable in container["env"] if variable["name"].endswith("_FILE")]
            assert set(named) <= set(mounted), name
            for path in re.findall(r"/secrets/\S+", " ".join(container.get("command", []))):
                assert path in mounted, name


def test_no_secret_stands_in_an_argument_or_an_environment() -> None:
    told = [each for name in ("compose.yaml", "cloud-run.yaml") for each in documents(name)]
    settings: set[str] = set()
    for each in (*told, *(pod for _, pod in pods())):
        settings |= settings_in(each)
        assert "secretKeyRef" not in yaml.safe_dump(each)
    assert settings & SECRET_NAMES == set()
    assert {"NETRA_DATABASE_URL_FILE", "NETRA_REDIS_URL_FILE", "NETRA_JWT_SECRET_FILE"} <= settings
    for path in DEPLOY.rglob("*.yaml"):
        # As in the list of processes: an address with a password as an argument, in a comment's command, too.
        assert not re.search(r"--database-url[ ,=]+(?!-(?:[ '\"\n]|$))", path.read_text()), path


def test_a_server_never_knows_the_administrators_password() -> None:
    spec = manifests()["Deployment/netra"]["spec"]["template"]["spec"]
    assert "netra-migrate" not in yaml.safe_dump(spec)
    (compose,) = documents("compose.yaml")
    assert compose["services"]["netra"]["secrets"] == ["database-url", "redis-url", "jwt"]


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    of_compose_itself = {"NETRA_WORKERS"}
    for each in documents(str(path.relative_to(DEPLOY))):
        assert settings_in(each) - of_compose_itself <= NAMES


# --- compose and Cloud Run, which have no schema here ----------------------------------------------------------------


def test_composed_services_write_nowhere_but_in_their_volumes_and_are_not_reached_from_elsewhere() -> None:
    (compose,) = documents("compose.yaml")
    services = compose["services"]
    for name in ("netra", "migrate"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
    assert services["netra"]["ports"] == ["127.0.0.1:8000:8000"]
    assert [name for name, each in services.items() if "ports" in each] == ["netra"]
    assert int(services["netra"]["stop_grace_period"].rstrip("s")) > 10


def test_stores_are_reached_by_those_who_use_them_and_reach_nobody() -> None:
    (compose,) = documents("compose.yaml")
    assert compose["networks"]["stores"] == {"internal": True}
    reached = {name: each["networks"] for name, each in compose["services"].items()}
    assert reached == {
        "postgres": ["stores"],
        "valkey": ["stores"],
        "migrate": ["stores"],
        "netra": ["stores", "outside"],
    }


def test_composed_services_start_in_the_order_of_what_they_need() -> None:
    (compose,) = documents("compose.yaml")
    services = compose["services"]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["netra"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for each in services.values():
        assert set(each.get("depends_on", {})) <= set(services)
        assert set(each.get("secrets", [])) <= set(compose["secrets"])
        for volume in each.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY.parent / source).is_file(), volume


def test_the_cloud_run_service_is_a_service_of_its_kind_around_a_valid_pod() -> None:
    (service,) = documents("cloud-run.yaml")
    assert (service["apiVersion"], service["kind"]) == ("serving.knative.dev/v1", "Service")
    template = service["spec"]["template"]
    own = {"containerConcurrency", "timeoutSeconds"}
    assert own <= set(template["spec"])
    pod = {name: value for name, value in template["spec"].items() if name not in own}
    container = dict(pod["containers"][0], name="netra")
    container["startupProbe"] = dict(container["startupProbe"])
    valid(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "netra"}, "spec": {**pod, "containers": [container]}}
    )
    assert template["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"] == "false"
    assert template["spec"]["timeoutSeconds"] == 3600
