"""Every error the project raises, in one tree.

    DeidError
    +-- ConfigError            a setting is missing or wrong; the message says how to mend it
    +-- DecodeError            an input record breaks the contract; the message names the place and the mend
    |   +-- MissingError       a header or field that is required is not there
    |   +-- WrongKeyError      the record's key is missing, or names another call than its headers or payload
    |   +-- UnknownTypeError   the record's ``ce_type`` is none that is read here
    |   +-- UnknownProviderError  ``ce_dataschema`` names a recogniser whose documents cannot be read here
    |   +-- UnknownFormError   a known recogniser's document has a form that cannot be read here
    |   +-- NoTimesError       a segment has no times, and nothing else says when it was spoken
    |   +-- OversizedError     above a limit, in bytes, characters, words or segments
    |   +-- UnreadableError    the Kafka client cannot read the record itself (codec, damaged, header name)
    |   +-- NoCustomerError    the record names no customer, so no policy applies to it
    |   +-- InternalError      decoding failed by a bug; the message names the exception's type
    |   +-- AudioFormatError   the content type, rate, byte count or a sample cannot be audio
    |       +-- CodecError     a codec whose extra is not installed here
    +-- PolicyError            a policy that cannot be compiled
    +-- DetectionError         a recognizer failed; the turn is withheld
    |   +-- UnsupportedLanguageError  no tables for the language of the turn
    |   +-- ModelError         the shipped model is missing, damaged or of another version
    +-- AlignmentError         text could not be placed on the audio; the turn is muted
    +-- StateError             a call's share of a checkpoint cannot be read; that call is given up
    +-- DigestKeyError         the digest key is missing or unusable
    +-- TakenOverError         another control plane works now, so this one ends
    +-- TaskError              a task ended by a bug; the message names the exception's type
    +-- BrokerError            the broker refused or is away
        +-- TopicError         a topic is missing, has the wrong shape or takes no record of this size
        +-- FencedError        another worker owns the partition now
        +-- ForbiddenError     the Kafka user may not use a topic, group or transactional id
        +-- LoginError         the broker refused the credentials or the mechanism
        +-- TlsError           no TLS connection: certificate, host name, or one side speaks plain text
        +-- ProtocolError      what answers does not speak Kafka, or another version of it

Messages never carry payload: no text, no digits, no audio, no header values; only names, sizes, positions and
the mend. ``retryable`` says whether the same call may succeed later without anyone changing anything.
"""

from typing import ClassVar


def install(extra: str) -> str:
    """How to install a missing extra, for the end of a message. The project's name is on no package index."""
    return f"install it by `pip install '.[{extra}]'` in a checkout, or `pip install 'PATH/TO/THE.whl[{extra}]'`"


def counted(number: int, thing: str, things: str = "") -> str:
    """``1 call``, ``3 calls``: a number of things, for a message. ``things``: the plural, where it takes more than an
    s."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or thing + 's'}"


class DeidError(Exception):
    """Root of the tree."""

    retryable: ClassVar[bool] = False
    code: ClassVar[str] = "error"


class ConfigError(DeidError):
    code = "config"


class DecodeError(DeidError):
    """The record, or a part of it, is not what the contract says.

    ``at`` names the faulty place, a header's name or a path into the JSON value (``$.words[3].start_ms``), never what
    stands there. ``mend`` is what the producer should do. Both go into the dead letter; the message holds the mend,
    too.
    """

    code = "undecodable"

    def __init__(self, message: str = "", *, at: str = "", mend: str = "") -> None:
        super().__init__(f"{message}; {mend}" if mend else message)
        self.at = at
        self.mend = mend

    def within(self, place: str) -> "DecodeError":
        """The same error with the name of the file or record in front of its message."""
        found = type(self)(f"{place}: {self}")
        found.at, found.mend = self.at, self.mend
        return found


class MissingError(DecodeError):
    code = "missing"


class WrongKeyError(DecodeError):
    code = "wrong_key"


class UnknownTypeError(DecodeError):
    code = "unknown_type"


class UnknownProviderError(DecodeError):
    code = "unknown_provider"


class UnknownFormError(DecodeError):
    code = "unknown_form"


class NoTimesError(DecodeError):
    code = "no_times"


class InternalError(DecodeError):
    """``exception`` is the type of what was raised; its message may hold payload and is not kept."""

    code = "internal"
    exception = ""


class OversizedError(DecodeError):
    code = "oversized"


class UnreadableError(DecodeError):
    code = "unreadable"


class NoCustomerError(DecodeError):
    code = "no_customer"


class AudioFormatError(DecodeError):
    code = "audio_format"


class CodecError(AudioFormatError):
    code = "codec"


class PolicyError(DeidError):
    code = "policy"


class DetectionError(DeidError):
    code = "detector"


class ModelError(DetectionError):
    code = "model"


class UnsupportedLanguageError(DetectionError):
    """The turn was not searched for values, so its text must be withheld and its sound silenced."""

    code = "language"


class AlignmentError(DeidError):
    code = "alignment"


class StateError(DeidError):
    code = "state"


class DigestKeyError(DeidError):
    code = "key"


class KeyProviderError(DigestKeyError):
    """A key service (Vault, a KMS) gave no key."""

    code = "key_provider"


class SealedError(DeidError):
    """An encrypted record that cannot be opened here."""

    code = "sealed"


class TakenOverError(DeidError):
    """Another control plane has taken over, so what this one knows may be out of date."""

    retryable = True
    code = "taken_over"


class TaskError(DeidError):
    code = "task"


class BrokerError(DeidError):
    """``cause`` names what went wrong more finely: a value of ``kafka.errors.Cause``."""

    retryable = True
    code = "broker"
    cause: str = "other"


class TopicError(BrokerError):
    retryable = False
    code = "topic"


class FencedError(BrokerError):
    retryable = False
    code = "fenced"


class ForbiddenError(BrokerError):
    retryable = False
    code = "forbidden"


class LoginError(BrokerError):
    retryable = False
    code = "login"


class TlsError(BrokerError):
    retryable = False
    code = "tls"


class ProtocolError(BrokerError):
    retryable = False
    code = "protocol"
