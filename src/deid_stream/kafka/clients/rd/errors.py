"""librdkafka's error codes as causes."""

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from deid_stream.errors import BrokerError
from deid_stream.kafka.errors import Cause, broker_error

_CAUSES: Final[dict[int, Cause]] = {
    KafkaError._FENCED: Cause.FENCED,
    KafkaError.PRODUCER_FENCED: Cause.FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH: Cause.FENCED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Cause.FORBIDDEN,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Cause.FORBIDDEN,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: Cause.FORBIDDEN,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Cause.FORBIDDEN,
    KafkaError.UNKNOWN_TOPIC_OR_PART: Cause.NO_TOPIC,
    KafkaError._UNKNOWN_TOPIC: Cause.NO_TOPIC,
    KafkaError._UNKNOWN_PARTITION: Cause.NO_TOPIC,
    KafkaError.MSG_SIZE_TOO_LARGE: Cause.TOO_LARGE,
    KafkaError._BAD_COMPRESSION: Cause.CODEC,
    KafkaError._BAD_MSG: Cause.DAMAGED,
    KafkaError.SASL_AUTHENTICATION_FAILED: Cause.LOGIN,
    KafkaError._AUTHENTICATION: Cause.LOGIN,
    KafkaError.UNSUPPORTED_SASL_MECHANISM: Cause.MECHANISM,
    KafkaError._SSL: Cause.TLS,
    KafkaError._RESOLVE: Cause.NAME,
    KafkaError.UNSUPPORTED_VERSION: Cause.VERSION,
    KafkaError._TRANSPORT: Cause.DISCONNECTED,
    KafkaError._ALL_BROKERS_DOWN: Cause.SILENT,
    KafkaError._TIMED_OUT: Cause.SILENT,
    KafkaError._MSG_TIMED_OUT: Cause.SILENT,
}
_OF_WHAT: Final[dict[int, str]] = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional id",
}


def cause_of(error: KafkaError) -> Cause:
    """The cause of an error of librdkafka; ``OTHER`` for a code that is not known."""
    return _CAUSES.get(error.code(), Cause.OTHER)


def kafka_error(error: BaseException) -> KafkaError | None:
    """The error in a KafkaException."""
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return error.args[0]
    return None


def translate(error: BaseException, doing: str, *, topic: str = "", group: str = "", id_: str = "") -> BrokerError:
    """The error as one of this project, without librdkafka's own text, which may quote addresses and more."""
    found = kafka_error(error) if not isinstance(error, KafkaError) else error
    if found is None:
        return broker_error(Cause.OTHER, doing, detail=type(error).__name__)
    kind = _OF_WHAT.get(found.code(), "")
    name = {"topic": topic, "group": group, "transactional id": id_}.get(kind, topic)
    return broker_error(cause_of(found), doing, where=f"{kind} {name}".strip(), detail=str(found.name()))
