"""The bill of materials (SBOM) of what production installs: CycloneDX 1.6, each package with its licences, the
hashes that are accepted of it and what it needs. Valid by the schema, or not written."""

from json import dumps
from pathlib import Path
from tomllib import loads
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config.home import ROOT
from config.supply import SHIPPED, SupplyError, by_name, cyclonedx, installed, pins
from config.supply.licences import READ


def component(name: str, locked: dict[str, Any], here: dict[str, Any] | None) -> dict[str, Any]:
    """A package as it is installed here, with the lock's hashes; as it is locked, where it is of another platform."""
    described = {**(here or {key: locked[key] for key in ("type", "name", "version", "purl")})}
    described["bom-ref"] = described["purl"]
    described["externalReferences"] = [*described.get("externalReferences", []), *locked["externalReferences"]]
    if not described.get("licenses") and name in READ:
        described["licenses"] = [{"expression": READ[name][0], "acknowledgement": "concluded"}]
    return described


def direct() -> set[str]:
    project = loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}


def bill(lock: Path = ROOT / SHIPPED) -> dict[str, Any]:
    """The document. SupplyError where what is installed here is not what is locked."""
    here, locked = by_name(installed()), by_name(cyclonedx("requirements", str(lock)))
    for name, version in pins(lock).items():
        if name in here and here[name]["version"] != version:
            raise SupplyError(f"{name} {here[name]['version']} is installed and {version} is locked: run ./check once.")
    components = {name: component(name, locked[name], here.get(name)) for name in pins(lock)}
    refs = {here[name]["bom-ref"]: described["bom-ref"] for name, described in components.items() if name in here}
    needs = {
        refs[entry["ref"]]: entry.get("dependsOn", []) for entry in installed()["dependencies"] if entry["ref"] in refs
    }
    root = installed()["metadata"]["component"]["bom-ref"]
    edges = [
        {"ref": ref, "dependsOn": sorted(refs[need] for need in after if need in refs)} for ref, after in needs.items()
    ]
    top = {"ref": root, "dependsOn": sorted(components[name]["bom-ref"] for name in direct())}
    return {**installed(), "components": list(components.values()), "dependencies": [top, *edges]}


def write(path: Path) -> int:
    """Write it, valid, or raise SupplyError; how many packages it names."""
    document = bill()
    text = dumps(document, indent=1, ensure_ascii=False)
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SupplyError(f"the bill of materials is not valid CycloneDX 1.6: {wrong}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return len(document["components"])
