"""The command line. A command's module is imported when it is asked for, so that ``--help`` answers at once."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from deid_stream import __version__
from deid_stream.errors import DeidError
from deid_stream.observe import hooks, logs
from deid_stream.observe.logs import where

_COMMANDS: Final = {
    "demo": ("demo:demo", "Play sample calls through the whole service and check what comes out."),
    "serve": (
        "service:serve",
        "Run worker, control plane and dashboard, with an embedded broker where none is configured.",
    ),
    "worker": ("service:worker", "Run the production worker."),
    "control": ("control:control", "Run the control plane: opt-outs, people's rights, retention, aggregates."),
    "dashboard": ("service:dashboard", "Run only the dashboard."),
    "spotcheck": ("spotcheck:spotcheck", "Listen again to a sample of released calls; take back what leaked."),
    "broker": ("service:broker", "Run only the embedded Kafka-compatible broker."),
    "play": ("demo:play", "Play the sample calls into a broker's topics, as fast as they were spoken."),
    "topics": ("topics:topics", "Create the topics, or name what is wrong with them."),
    "policy": ("policies:policy", "Set, show and list customers' policies."),
    "rights": ("rights:rights", "Deletion, access, restriction, objection, withdrawal, legal hold; retention."),
    "keys": ("keys:keys", "Make, rotate and destroy keys: the master key, and customers' own."),
    "audit": ("audit:audit", "Prove from the topics that consent was kept; export the audit."),
    "dataset": ("dataset:dataset", "Export training sets; take out of them what was withdrawn."),
    "fetch": ("fetch:fetch", "Take one call's records out of Kafka, as files for `replay`."),
    "replay": ("offline:replay", "De-identify recorded calls without Kafka."),
    "detect": ("offline:detect", "Find what identifies people in a JSONL of turns."),
    "score": ("offline:score", "Compare found spans with labelled ones."),
    "validate": ("validate:validate", "Say what is wrong with records, call files and recognisers' documents."),
    "bridge": ("bridge:bridge", "Take calls from a telephony platform into the topics."),
    "doctor": ("doctor:doctor", "Check broker, topics, model, clocks and policies, and say what to do."),
}


class LazyGroup(click.Group):
    """Knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"deid_stream.commands.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table above names commands only
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest command where there is none of that name."""
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0][:40], _COMMANDS, 1, 0.6)
            if near:
                ctx.fail(f"No such command {args[0]!r}; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="deid-stream")
def cli() -> None:
    """Takes the identity out of voice data while the call is still going on.

    Settings come from flags, then DEID_* environment variables, then a TOML file (--config or DEID_CONFIG).
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit status. Every error is one line on standard error and names the mend, not the data."""
    try:
        status = cli.main(args=arguments, prog_name="deid-stream", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return _failed("stopped", 130)
    except DeidError as error:
        return _failed(str(error), 1)
    except BrokenPipeError:
        # whoever read our output has gone; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _failed(f"{name}{error.strerror or type(error).__name__}", 1)
    except Exception as error:  # noqa: BLE001 - the message of an unforeseen error may quote payload
        return _failed(f"internal error, {type(error).__name__} in {where(error)}; please report it", 70)
    return status if isinstance(status, int) else 0


def _failed(message: str, status: int) -> int:
    click.echo(f"deid-stream: {message}", err=True)
    return status


def main() -> None:
    """Entry point of ``deid-stream``."""
    # before NumPy is imported, which reads it once. Products here are small: after each of them other threads of
    # OpenBLAS wait in a loop for the next, which took 5 to 10 % of a call's processor time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # also for commands that log nothing themselves: what a library or Python prints may quote a record
    logs.configure()
    hooks.install()
    sys.exit(run())
