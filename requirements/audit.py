"""Known vulnerabilities of what the lock files install, by pip-audit.

    python requirements/audit.py

Status 0 when every locked version was looked up and none is known to be vulnerable, 1 when one is, 3 when some could
not be looked up, which is not the same as safe.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TIMEOUT_S = 600


def looked_up(lock: Path) -> list[dict[str, Any]]:
    """What pip-audit says of each package of a lock file. Raises SystemExit(3) where it has no answer."""
    arguments = [
        "--requirement",
        str(lock),
        "--no-deps",
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *arguments], capture_output=True, text=True, timeout=TIMEOUT_S
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print(f"{lock.name}: not audited: no vulnerability database could be reached", file=sys.stderr)
        raise SystemExit(3) from None
    return found


def status(name: str, packages: list[dict[str, Any]]) -> int:
    """Prints a lock file's result and returns its exit status."""
    vulnerable = [package for package in packages if package.get("vulns")]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    for package in vulnerable:
        for vuln in package["vulns"]:
            fixed = ", ".join(vuln["fix_versions"]) or "no version yet"
            print(f"{name}: {package['name']} {package['version']}: {vuln['id']}, mended in {fixed}")
    if skipped and len(skipped) == len(packages):
        print(f"{name}: not audited: no vulnerability database could be reached", file=sys.stderr)
    elif skipped:
        print(f"{name}: not audited: {', '.join(skipped)}", file=sys.stderr)
    else:
        print(f"{name}: {len(packages)} packages looked up, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 3 if skipped else 0


def main() -> int:
    """1 where anything is vulnerable, else 3 where anything was not looked up."""
    results = [status(lock.name, looked_up(lock)) for lock in sorted(HERE.glob("*.txt"))]
    return 1 if 1 in results else max(results)


if __name__ == "__main__":
    sys.exit(main())
