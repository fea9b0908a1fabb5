"""The lock: requirements*.txt say exactly what pyproject.toml asks for. Checked without a registry; CONTRIBUTING.md has
the commands that write them."""

import re
import tomllib
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
GROUPS = {
    "requirements.txt": "",
    "requirements-embedded.txt": "embedded",
    "requirements-dev.txt": "dev",
    "requirements-setup.txt": "setup",
}


@dataclass
class Pin:
    version: Version
    hashes: int = 0
    via: list[str] = field(default_factory=list)


def read(file: str) -> dict[str, Pin]:
    """The pins of a lock by name, each with how many hashes it has and what needs it."""
    pins: dict[str, Pin] = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if found := re.match(r"([A-Za-z0-9._-]+)==([^ ;]+)", line):
            pins[canonicalize_name(found[1])] = pin = Pin(Version(found[2]))
        elif "--hash=sha256:" in line:
            pin.hashes += 1
        elif (found := re.match(r"    #   (?:via )?(\S.*)|    # via (\S.*)", line)) and (by := found[1] or found[2]):
            pin.via.append(by)
    return pins


def asked_for(group: str) -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


@pytest.mark.parametrize(("file", "group"), GROUPS.items())
def test_it_pins_what_pyproject_asks_for(file: str, group: str) -> None:
    pins = read(file)
    for name, requirement in asked_for(group).items():
        assert name in pins, f"{file} lacks {name}: compile it anew"
        assert requirement.specifier.contains(pins[name].version), f"{file} pins {name} {pins[name].version}"


@pytest.mark.parametrize(("file", "group"), GROUPS.items())
def test_it_pins_nothing_that_is_no_longer_asked_for(file: str, group: str) -> None:
    direct = {name for name, pin in read(file).items() if any(by.startswith("bootshelf ") for by in pin.via)}
    assert direct == set(asked_for(group)), f"{file} was compiled from another pyproject.toml"


@pytest.mark.parametrize("file", GROUPS)
def test_every_pin_is_needed_by_one_that_is_there(file: str) -> None:
    pins = read(file)
    for name, pin in pins.items():
        parents = {canonicalize_name(by.split(" ")[0]) for by in pin.via if not by.startswith("-c")}
        assert parents - {"bootshelf"} <= set(pins), f"{name} in {file} is needed by what is not there"
        assert parents, f"nothing needs {name} in {file}"


@pytest.mark.parametrize("file", GROUPS)
def test_every_pin_is_hashed_and_no_address_is_written_down(file: str) -> None:
    assert all(pin.hashes for pin in read(file).values())
    assert "://" not in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", sorted(set(GROUPS) - {"requirements.txt"}))
def test_what_two_locks_both_need_is_the_same_version(file: str) -> None:
    base, pins = read("requirements.txt"), read(file)
    assert {name: pin.version for name, pin in pins.items() if name in base} == {
        name: base[name].version for name in pins if name in base
    }


def test_what_is_installed_beside_each_other_agrees() -> None:
    """`./check` installs these with one command: no package may be locked at two versions."""
    embedded, dev = read("requirements-embedded.txt"), read("requirements-dev.txt")
    assert {name: embedded[name].version for name in embedded if name in dev} == {
        name: dev[name].version for name in embedded if name in dev
    }


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"])
def test_it_holds_what_its_packages_need_in_turn(file: str) -> None:
    pins = read("requirements.txt") | read(file)
    for name in read(file):
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # of another platform
        for requirement in map(Requirement, needs):
            need = canonicalize_name(requirement.name)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                assert need in pins, f"{name} needs {need}, which {file} lacks"
                assert requirement.specifier.contains(pins[need].version, prereleases=True), (
                    f"{name} needs {requirement}"
                )


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"])
def test_what_is_installed_is_what_is_locked(file: str) -> None:
    installed = {str(canonicalize_name(there.name)): Version(there.version) for there in metadata.distributions()}
    pins = read(file)
    assert {name: installed[name] for name in pins if name in installed} == {
        name: pin.version for name, pin in pins.items() if name in installed
    }
