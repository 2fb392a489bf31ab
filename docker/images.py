"""The images that others make: which of them are fixed by digest, and how to fix them.

    python docker/images.py [--strict]     names each image that is fixed by its tag only; --strict: status 1 then
    python docker/images.py pin            asks the registry for each tag's digest, writes it down (`make pin-images`)

A tag may be another image tomorrow; a digest is that image's content. ``pin`` asks with crane, skopeo or docker's
buildx, whichever is on the path, from a machine that reaches the registry. Images of more than one architecture get the
digest of their index. Afterwards build and start what uses them before you commit.
"""

import re
import subprocess
import sys
from pathlib import Path
from shutil import which

HERE = Path(__file__).parent
TOOLS = {
    "crane": ("crane", "digest", "{image}"),
    "skopeo": ("skopeo", "inspect", "--format", "{{.Digest}}", "docker://{image}"),
    "docker": ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", "{image}"),
}
"""What prints a tag's digest."""
TIMEOUT_S = 120
_LINE = re.compile(r"^([A-Z_]+_IMAGE)=(\S+)$", re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BASE = re.compile(r"^ARG BASE=\S+$", re.MULTILINE)


def images(folder: Path) -> dict[str, str]:
    """By the variable's name."""
    return dict(_LINE.findall((folder / ".env").read_text(encoding="utf-8")))


def by_tag_only(folder: Path) -> list[str]:
    """Images without a digest."""
    return [image for image in images(folder).values() if not _DIGEST.fullmatch(image.partition("@")[2])]


def asked(image: str) -> str:
    """The digest of a tag, from the registry. Raises SystemExit where there is no answer."""
    tool = next((name for name in TOOLS if which(name)), None)
    if tool is None:
        raise SystemExit(f"nothing on the path asks a registry: install one of {', '.join(TOOLS)}")
    command = [part.replace("{image}", image) for part in TOOLS[tool]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{image}: {tool} has no answer after {TIMEOUT_S} s") from None
    digest = done.stdout.strip()
    if done.returncode or not _DIGEST.fullmatch(digest):
        said = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise SystemExit(f"{image}: {tool} has no digest: {said[0][:300]}")
    return digest


def pin(folder: Path) -> None:
    """Every image by the digest that its tag has now; nothing is written unless all are known."""
    tags = {name: image.partition("@")[0] for name, image in images(folder).items()}
    pinned = {name: f"{tag}@{asked(tag)}" for name, tag in tags.items()}
    listed, dockerfile = folder / ".env", folder / "Dockerfile"
    text = _LINE.sub(lambda found: f"{found[1]}={pinned[found[1]]}", listed.read_text(encoding="utf-8"))
    listed.write_text(text, encoding="utf-8")
    based = _BASE.sub(f"ARG BASE={pinned['BASE_IMAGE']}", dockerfile.read_text(encoding="utf-8"))
    dockerfile.write_text(based, encoding="utf-8")
    print(*pinned.values(), sep="\n")


def main(arguments: list[str]) -> int:
    """Status 1 with ``--strict`` where a digest is missing."""
    if arguments == ["pin"]:
        pin(HERE)
        return 0
    open_ones = by_tag_only(HERE)
    if not open_ones:
        print("every image that others make is fixed by digest")
        return 0
    print(
        f"fixed by tag only, not by digest: {', '.join(open_ones)}; `make pin-images` asks the registry",
        file=sys.stderr,
    )
    return 1 if "--strict" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
