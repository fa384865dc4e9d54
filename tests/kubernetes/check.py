"""Checks a folder of Kubernetes files: each against its schema, and what they say of each other."""

import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

VERSION = "1.34"


def fail(what):
    sys.exit(f"tests/kubernetes/check: {what}")


def load(path):
    return list(yaml.safe_load_all(path.read_text()))


folder, schemas = pathlib.Path(sys.argv[1]), [pathlib.Path(path) for path in sys.argv[2:]]
# By kind: the schema of a custom resource.
custom = {}
for path in schemas:
    for definition in load(path):
        for version in definition["spec"]["versions"]:
            key = (f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"])
            custom[key] = version["schema"]["openAPIV3Schema"]

(kustomization,) = load(folder / "kustomization.yaml")
files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
if files != set(kustomization["resources"]):
    fail(f"kustomization.yaml names {kustomization['resources']}, and there is {sorted(files)}")

resources, checked, unchecked = {}, [], []
for name in sorted(files):
    for resource in load(folder / name):
        key = (resource["apiVersion"], resource["kind"])
        resources[resource["kind"]] = resource
        if key in custom:
            jsonschema.validate(resource, custom[key])
        elif "." in key[0].split("/")[0] and not key[0].endswith(".k8s.io/v1"):
            unchecked.append(name)
            continue
        else:
            kubernetes_validate.validate(resource, VERSION, strict=True)
        checked.append(name)

# A selector that selects nothing is as good as none.
labels = resources["Deployment"]["spec"]["template"]["metadata"]["labels"]
selectors = {
    "Deployment": resources["Deployment"]["spec"]["selector"]["matchLabels"],
    "Service": resources["Service"]["spec"]["selector"],
    "PodDisruptionBudget": resources["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
}
for kind, selector in selectors.items():
    if not selector.items() <= labels.items():
        fail(f"the selector {selector} of {kind} does not select pods with {labels}")
(container,) = resources["Deployment"]["spec"]["template"]["spec"]["containers"]
ports = {port["name"] for port in container["ports"]}
named = {port["targetPort"] for port in resources["Service"]["spec"]["ports"]}
if not named <= ports:
    fail(f"the service goes to {named}, and the pods have {ports}")
if resources["ScaledObject"]["spec"]["scaleTargetRef"]["name"] != resources["Deployment"]["metadata"]["name"]:
    fail("the ScaledObject scales another deployment")
print(f"tests/kubernetes/check: {len(checked)} files are right ({', '.join(checked)}); no schema for: {unchecked or 'none'}")
