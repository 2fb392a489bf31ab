"""Recognisers' and telephone systems' own JSON, told by ``ce_dataschema``: any URI or name one of whose parts names
the provider (``deepgram``, ``https://schemas.example/aws-transcribe/v1``)."""

import difflib
import itertools
import re
from collections.abc import Iterator
from typing import Final

from deid_stream.audio.align.profiles import PROFILES
from deid_stream.errors import ConfigError, UnknownProviderError
from deid_stream.wire import cloudevents as ce
from deid_stream.wire.providers import (
    assemblyai,
    aws,
    azure,
    bland,
    deepgram,
    elevenlabs,
    genesys,
    gladia,
    google,
    retell,
    revai,
    riva,
    soniox,
    speechmatics,
    telnyx,
    twilio,
    vapi,
    vonage,
    vosk,
    whisper,
)
from deid_stream.wire.providers.base import Fields, Provider

PROVIDERS: Final[tuple[Provider, ...]] = (
    assemblyai.PROVIDER,
    aws.PROVIDER,
    azure.PROVIDER,
    bland.PROVIDER,
    deepgram.PROVIDER,
    elevenlabs.PROVIDER,
    genesys.PROVIDER,
    gladia.PROVIDER,
    google.PROVIDER,
    retell.PROVIDER,
    revai.PROVIDER,
    riva.PROVIDER,
    soniox.PROVIDER,
    speechmatics.PROVIDER,
    telnyx.PROVIDER,
    twilio.PROVIDER,
    vapi.PROVIDER,
    vonage.PROVIDER,
    vosk.PROVIDER,
    whisper.PROVIDER,
)
NAMES: Final = tuple(provider.name for provider in PROVIDERS)
_BY_NAME: Final = {name: provider for provider in PROVIDERS for name in (provider.name, *provider.aliases)}
_OWN_FORM: Final = frozenset({"transcript", "call", "contract", "native", "deid"})
"""Parts of a schema that names the contract's own form."""


def named(name: str) -> Provider:
    """The provider of that name. Raises UnknownProviderError with the known names, and the nearest."""
    found = _BY_NAME.get(name.strip().lower())
    if found is None:
        mend = _mend([name.strip().lower()])
        raise UnknownProviderError("no reader for that provider", at="--format", mend=mend)
    return found


def timing_of(name: str) -> str:
    """The timing profile that the setting ``timing_profile`` means: a provider's own, or the profile of that name;
    empty: none is named. Raises ConfigError for any other."""
    found = _BY_NAME.get(name)
    if found is not None:
        return found.timing
    if name and name not in PROFILES:
        near = difflib.get_close_matches(name[:40], [*PROFILES, *NAMES], 1, 0.75)
        nearest = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"timing_profile must be {', '.join(PROFILES)}, or the name of a provider{nearest}")
    return name


def provider_of(dataschema: bytes | None) -> Provider | None:
    """None: the contract's own form, which a missing schema means, or one with ``transcript`` or ``call`` among its
    parts. Raises UnknownProviderError for any other schema: its documents cannot be in the contract's form."""
    if not dataschema:
        return None
    parts = [part.decode() for part in re.split(rb"[^a-z0-9]+", dataschema.lower()) if part]
    # "rev-ai", "eleven-labs"
    spelled = [*parts, *(a + b for a, b in itertools.pairwise(parts))]
    found = next((_BY_NAME[part] for part in spelled if part in _BY_NAME), None)
    if found is None and not _OWN_FORM & set(parts):
        mend = f"{_mend(parts)}; leave ce_dataschema out for the contract's own form"
        raise UnknownProviderError("no reader for the provider of ce_dataschema", at=ce.DATASCHEMA, mend=mend)
    return found


def _mend(parts: list[str]) -> str:
    near = [name for part in parts for name in difflib.get_close_matches(part[:40], NAMES, 1, 0.75)]
    nearest = f"did you mean {near[0]}? " if near else ""
    return f"{nearest}known: {', '.join(NAMES)}"


def detect(document: Fields) -> Iterator[Provider]:
    """The providers of which the document may be, told from its form alone."""
    for provider in PROVIDERS:
        form = provider.form_of(document)
        if form is not None and form.telling:
            yield provider
