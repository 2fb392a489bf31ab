"""Every error the project raises, in one tree.

    DeidError
    +-- ConfigError            a setting is missing or wrong; the message says how to mend it
    +-- DecodeError            an input record is not what the contract says
    |   +-- UnknownTypeError   a ``ce_type`` nobody handles
    |   +-- OversizedError     above the configured limit
    |   +-- NoCustomerError    nobody's policy could be applied to it
    |   +-- AudioFormatError   a content type, rate, byte count or sample value that cannot be audio
    |       +-- CodecError     a codec whose extra is not installed here
    +-- PolicyError            a policy that cannot be compiled
    +-- DetectionError         a recognizer failed; the turn is withheld
    |   +-- ModelError         the shipped model is missing, damaged or of another version
    +-- AlignmentError         text could not be placed on the audio; the turn is muted
    +-- DigestKeyError         the digest key is missing or unusable
    +-- BrokerError            the broker refused or is away
        +-- TopicError         a topic is missing or has the wrong shape
        +-- FencedError        another worker owns the partition now

Messages never carry payload: no text, no digits, no audio, no header values; only names, sizes, positions and
the mend. ``retryable`` says whether the same call may succeed later without anyone changing anything.
"""

from typing import ClassVar


class DeidError(Exception):
    """Root of the tree."""

    retryable: ClassVar[bool] = False
    code: ClassVar[str] = "error"


class ConfigError(DeidError):
    code = "config"


class DecodeError(DeidError):
    code = "undecodable"


class UnknownTypeError(DecodeError):
    code = "unknown_type"


class OversizedError(DecodeError):
    code = "oversized"


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


class AlignmentError(DeidError):
    code = "alignment"


class DigestKeyError(DeidError):
    code = "key"


class BrokerError(DeidError):
    retryable = True
    code = "broker"


class TopicError(BrokerError):
    retryable = False
    code = "topic"


class FencedError(BrokerError):
    retryable = False
    code = "fenced"
