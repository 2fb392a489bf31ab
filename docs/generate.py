"""Writes ``docs/reference/*.md`` from the code: settings, metrics, error codes, commands.

Run ``python -m docs.generate`` after a change; a test compares the pages with what this makes.
"""

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import msgspec

from deid_stream import config, errors
from deid_stream.cli import cli
from deid_stream.config import ENV_PREFIX, Settings
from deid_stream.errors import DeidError
from deid_stream.observe.metrics import Counter, Gauge, Metrics
from deid_stream.wire.providers import PROVIDERS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
MADE = "<!-- Made from the code by `python -m docs.generate`; edit the code, not this page. -->\n\n"


def attribute_docs(source: str, class_name: str) -> dict[str, str]:
    """The string below each attribute of a class."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for before, after in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(before, ast.AnnAssign)
                    and isinstance(before.target, ast.Name)
                    and isinstance(after, ast.Expr)
                    and isinstance(after.value, ast.Constant)
                ):
                    found[before.target.id] = plain(str(after.value.value))
    return found


def plain(text: str) -> str:
    """A docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


def settings_page() -> str:
    docs = attribute_docs(inspect.getsource(config), "Settings")
    lines = [
        MADE + "# Settings",
        "",
        "Flags, then `DEID_*` environment, then a TOML file (`--config FILE`, or `DEID_CONFIG`), then the default. A name that is no setting",
        "is refused, in the environment too. A setting's flag is its name with hyphens (`--group-id`); secrets have no flag. Each command's",
        "flags are in [Commands](cli.md).",
        "",
        "| setting | environment | type | default | meaning |",
        "|---|---|---|---|---|",
    ]
    for field in msgspec.structs.fields(Settings):
        kind = " or ".join(f"`{value}`" for value in get_args(field.type)) or field.type.__name__
        limits = config.RANGES.get(field.name)
        kind += f", {limits[0]:,} to {limits[1]:,}" if limits else ""
        default = "empty" if field.default == "" else f"`{field.default}`".lower().replace("false", "false")
        if isinstance(field.default, str) and field.default:
            default = f"`{field.default}`"
        lines.append(
            f"| `{field.name}` | `{ENV_PREFIX}{field.name.upper()}` | {kind} | {default} | {docs[field.name]} |"
        )
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    lines = [
        MADE + "# Metrics",
        "",
        "Names and labels are a public interface: they change only with a word in the changelog. No label holds anything a caller said.",
        "Counters with a closed set of label values show each of them as 0 from the start, so that `increase()` sees the first event.",
        "",
        "| metric | kind | labels | says |",
        "|---|---|---|---|",
    ]
    for metric in Metrics():
        name, text, labels, _ = metric.definition
        kind = "counter" if isinstance(metric, Counter) else "gauge" if isinstance(metric, Gauge) else "histogram"
        shown = ", ".join(f"`{label}`" for label in labels)
        lines.append(f"| `{name}{'_total' * (kind == 'counter')}` | {kind} | {shown} | {plain(text)} |")
    lines += ["", "## Closed sets of label values", "", "| metric | label | values |", "|---|---|---|"]
    for metric in Metrics():
        if isinstance(metric, Counter) and metric.definition.labels and metric.values:
            name, _, labels, _ = metric.definition
            values = ", ".join(f"`{value}`" for value in metric.values)
            lines.append(f"| `{name}_total` | `{labels[0]}` | {values} |")
    return "\n".join(lines) + "\n"


def error_tree(root: type[DeidError], depth: int = 0) -> Iterator[tuple[int, type[DeidError]]]:
    yield depth, root
    for below in sorted(root.__subclasses__(), key=lambda error: error.__name__):
        if below.__module__ == errors.__name__:
            yield from error_tree(below, depth + 1)


def errors_page() -> str:
    tree = (errors.__doc__ or "").partition("\n\n")[2]
    lines = [
        MADE + "# Errors",
        "",
        "`code` stands in dead letters, logs and metrics. *Retried* errors may go away by themselves: the worker tries again.",
        "Messages name what is wrong and the mend; they hold no text, no digits, no audio and no header's value.",
        "",
        "| error | code | retried |",
        "|---|---|---|",
    ]
    for depth, error in error_tree(DeidError):
        indent = "&nbsp;" * 4 * depth
        lines.append(f"| {indent}`{error.__name__}` | `{error.code}` | {'yes' if error.retryable else 'no'} |")
    return "\n".join(lines) + "\n\n```text\n" + tree.rstrip() + "\n```\n"


def providers_page() -> str:
    lines = [
        MADE + "# Providers",
        "",
        "What is read of each provider, and what its transcripts have. How to name a provider, and what follows from what it lacks, is in",
        "[Providers](../providers.md).",
        "",
        "| name | provider | also named | word times | interims | channels or parties | speakers | says again |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for provider in PROVIDERS:
        can = provider.capabilities
        flags = (can.interims, can.channels, can.speakers, can.restates)
        shown = " | ".join("yes" if flag else "" for flag in flags)
        also = ", ".join(f"`{alias}`" for alias in provider.aliases)
        lines.append(f"| `{provider.name}` | {provider.title} | {also} | {can.word_times} | {shown} |")
    lines += ["", "## Forms", ""]
    for provider in PROVIDERS:
        forms = "; ".join(form.name for form in provider.forms)
        lines.append(f"- **{provider.title}**: {forms}")
    return "\n".join(lines) + "\n"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, info_name="deid-stream")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def cli_page() -> str:
    lines = [
        MADE + "# Commands",
        "",
        "Every command has `--help`, ends with status 0 only on success, and says errors in one line on standard error. What the",
        "commands do in more words is in [Command line](../cli.md).",
    ]
    for path, command in commands(cli):
        context = click.Context(command, info_name=path[-1])
        usage = " ".join(["deid-stream", *path, *command.collect_usage_pieces(context)])
        text = inspect.cleandoc(command.help or command.short_help or "")
        lines += ["", f"## {' '.join(path)}", "", f"    {usage}", "", text]
        options = [p for p in command.params if isinstance(p, click.Option)]
        if options:
            lines += ["", "| option | meaning |", "|---|---|"]
        for option in options:
            record = option.get_help_record(context)
            if record is not None:
                lines.append(f"| `{record[0]}` | {plain(record[1])} |".replace("  ", " "))
    return "\n".join(lines) + "\n"


PAGES = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
    "providers.md": providers_page,
    "cli.md": cli_page,
}


RULES = ROOT / "docker" / "prometheus" / "rules.yaml"


def prometheus_rule() -> str:
    """The alerts as the Prometheus operator wants them."""
    body = RULES.read_text(encoding="utf-8").partition("groups:\n")[2]
    head = "# A copy of docker/prometheus/rules.yaml, made by `python -m docs.generate`.\n"
    head += "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: deid-stream\nspec:\n  groups:\n"
    return head + textwrap.indent(body, "  ")


COPIES = {
    "k8s/base/alerts.yaml": prometheus_rule,
    "k8s/helm/files/rules.yaml": lambda: RULES.read_text(encoding="utf-8"),
} | {
    f"k8s/helm/files/{path.name}": functools.partial(path.read_text, encoding="utf-8")
    for path in sorted((ROOT / "k8s" / "base" / "dashboards").glob("*.json"))
}
"""What stands in two places because Kustomize and Helm read only below their own folder."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
    for name, copy in COPIES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(copy(), encoding="utf-8")


if __name__ == "__main__":
    main()
