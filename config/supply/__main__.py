"""./check --supply [audit] [licences] [sbom]: the packages that the locks bring in; all three without a word.

audit     known vulnerabilities, asked of PyPI's advisories, else of OSV's
licences  the licence of each package; every one is permissive or an exception with its reason
sbom      var/supply/sbom.cdx.json: CycloneDX 1.6 of what production installs

Exits 0 when all is well, 1 when something is wrong, 3 when all else is well but no service of advisories answered.
"""

import sys

from config.home import ROOT
from config.supply import LOCKS, SHIPPED, SupplyError, bill, by_name, installed, pins
from config.supply.audit import NotAskedError, audit
from config.supply.licences import declared, look

NOT_ASKED = 3
SBOM = "var/supply/sbom.cdx.json"


def audited() -> int:
    try:
        found = audit([ROOT / lock for lock in LOCKS])
    except NotAskedError as error:
        print(f"Nothing was audited: {error}. Run it where a service of advisories answers.")
        return NOT_ASKED
    for line in found:
        print(line)
    print(f"{len(found) or 'No'} known vulnerabilities.")
    return 1 if found else 0


def licensed() -> int:
    here = by_name(installed())
    packages = {name: version for lock in reversed(LOCKS) for name, version in pins(ROOT / lock).items()}
    shipped = pins(ROOT / SHIPPED)
    seen = [look(name, packages[name], declared(here.get(name, {}))) for name in sorted(packages)]
    for package in seen:
        kind = "shipped" if package.name in shipped else "tool"
        why = f"  ({package.problem.upper() or package.note})" if package.problem or package.note else ""
        licence = package.licence.replace("License :: OSI Approved :: ", "")
        print(f"{package.name:30} {package.version:15} {kind:8} {licence}{why}")
    wrong = [package.name for package in seen if package.problem]
    print(f"{len(seen)} packages; not permissive and not excepted: {', '.join(wrong) or 'none'}.")
    return 1 if wrong else 0


def billed() -> int:
    print(f"{SBOM}: {bill.write(ROOT / SBOM)} packages, valid CycloneDX 1.6.")
    return 0


STEPS = {"audit": audited, "licences": licensed, "sbom": billed}


def main(words: list[str]) -> int:
    if unknown := set(words) - set(STEPS):
        print(f"./check --supply has {', '.join(STEPS)}; not {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    codes = set()
    for word in words or STEPS:
        print("==", word, flush=True)
        try:
            codes.add(STEPS[word]())
        except SupplyError as error:
            print(error, file=sys.stderr)
            codes.add(1)
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
