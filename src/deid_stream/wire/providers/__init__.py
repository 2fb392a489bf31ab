"""Recognisers' own JSON, told by ``ce_dataschema``: any URI or name one of whose parts names the provider
(``deepgram``, ``https://schemas.example/aws-transcribe/v1``). The provider's name is also its timing profile."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from deid_stream.wire.providers import assemblyai, aws, azure, deepgram, google, twilio, whisper
from deid_stream.wire.segments import Draft


class Provider(NamedTuple):
    name: str
    read: Callable[[Mapping[str, Any]], Iterator[Draft]]


_PROVIDERS = {
    "twilio": Provider("twilio", twilio.read),
    "deepgram": Provider("deepgram", deepgram.read),
    "aws": Provider("aws", aws.read),
    "amazon": Provider("aws", aws.read),
    "google": Provider("google", google.read),
    "azure": Provider("azure", azure.read),
    "assemblyai": Provider("assemblyai", assemblyai.read),
    "whisper": Provider("whisper", whisper.read),
}


def provider_of(dataschema: bytes | None) -> Provider | None:
    """None: the contract's own form, also under a schema that names no provider."""
    if not dataschema:
        return None
    parts = re.split(rb"[^a-z0-9]+", dataschema.lower())
    return next((found for part in parts if (found := _PROVIDERS.get(part.decode()))), None)
