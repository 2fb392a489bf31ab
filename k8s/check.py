"""`make manifests`: what a cluster and Compose would be given, by their own tools. A tool that is not there is named."""

import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parents[1]
MADE_BY = {
    "k8s/base": ("kubectl", "kustomize", "k8s/base"),
    "k8s/spotcheck": ("kubectl", "kustomize", "k8s/spotcheck"),
    "k8s/dashboard": ("kubectl", "kustomize", "k8s/dashboard"),
    "k8s/strimzi": ("kubectl", "kustomize", "k8s/strimzi"),
    "k8s/helm": ("helm", "template", "deid", "k8s/helm"),
}
"""Manifests by the command that writes them."""
CHECKS = (
    ("docker-compose", "-f", "docker/compose.yaml", "config", "--quiet"),
    ("promtool", "test", "rules", *sorted(map(str, ROOT.glob("tests/alerts/*_test.yaml")))),
)


def main(validate: str) -> int:
    """``validate``: kubernetes-validate's command. Status 1 where something is wrong, 3 where a tool is missing."""
    missing, wrong = set[str](), list[str]()
    for name, command in MADE_BY.items():
        if which(command[0]) is None:
            missing.add(command[0])
            continue
        made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if made.returncode:
            sys.stderr.write(made.stderr)
            wrong.append(name)
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(made.stdout)
            file.flush()
            # custom resources have no schema there: they are passed over
            if subprocess.run([validate, "--strict", "--quiet", "--no-warn", file.name], check=False).returncode:
                wrong.append(name)
    for check in CHECKS:
        if which(check[0]) is None:
            missing.add(check[0])
        elif subprocess.run(check, cwd=ROOT, check=False).returncode:
            wrong.append(check[0])
    if wrong:
        print(f"wrong: {', '.join(wrong)}", file=sys.stderr)
        return 1
    if missing:
        print(f"not on the path, so not checked by: {', '.join(sorted(missing))}", file=sys.stderr)
        return 3
    print("manifests, chart, Compose and alerts are in order")
    return 0


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).absolute())))
