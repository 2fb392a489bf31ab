"""``topics create`` and ``topics check``."""

import asyncio

import click

from deid_stream.commands.options import CONNECTION, TOPICS, cluster, json_option, print_json, settings_options
from deid_stream.config import Settings
from deid_stream.kafka import topics_admin
from deid_stream.model import topics as contract


@click.group()
def topics() -> None:
    """Create the topics of a deployment, or name what is wrong with them."""


@topics.command()
@settings_options(CONNECTION, TOPICS)
@json_option
def create(settings: Settings, as_json: bool) -> None:
    """Create the topics that are missing, with equal partition counts. Those that are there are left as they are."""
    created = asyncio.run(
        topics_admin.create(
            cluster(settings, "deid-stream-topics"),
            prefix=settings.topic_prefix,
            partitions=settings.partitions,
            replication_factor=settings.replication_factor,
        )
    )
    if as_json:
        print_json({"created": created})
    else:
        done = "\n".join(f"created {name}" for name in created)
        click.echo(
            done or "nothing to create: every topic is there; `deid-stream topics check` says whether they are right"
        )


@topics.command()
@settings_options(CONNECTION)
@json_option
def check(settings: Settings, as_json: bool) -> int:
    """Name what is wrong with the topics; exit status 1 where anything is."""
    kafka = cluster(settings, "deid-stream-topics")
    problems = asyncio.run(topics_admin.check(kafka, prefix=settings.topic_prefix))
    if as_json:
        print_json({"problems": [problem._asdict() for problem in problems]})
    else:
        click.echo("\n".join(map(str, problems)) or f"all {len(contract.TOPICS)} topics are right")
    return 1 if problems else 0
