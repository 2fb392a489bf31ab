"""Recognisers' own JSON. The samples are made up after the providers' documentation; nobody said these words."""

import json

import pytest

from deid_stream.errors import ConfigError, DecodeError
from deid_stream.model.events import Word
from deid_stream.wire.limits import Limits
from deid_stream.wire.providers import timing_of
from deid_stream.wire.transcript import decode_transcript

DEEPGRAM = {
    "type": "Results",
    "channel_index": [1, 2],
    "duration": 1.1,
    "start": 4.0,
    "is_final": True,
    "channel": {
        "alternatives": [
            {
                "transcript": "Hi, Ann.",
                "confidence": 0.99,
                "words": [
                    {"word": "hi", "punctuated_word": "Hi,", "start": 4.1, "end": 4.4, "confidence": 0.98},
                    {"word": "ann", "punctuated_word": "Ann.", "start": 4.4, "end": 5.0, "confidence": 0.97},
                ],
            },
            {"transcript": "high and", "words": []},
        ]
    },
}
AWS = {
    "Transcript": {
        "Results": [
            {
                "ResultId": "r-1",
                "ChannelId": "ch_1",
                "IsPartial": False,
                "StartTime": 4.1,
                "EndTime": 5.0,
                "Alternatives": [
                    {
                        "Transcript": "Hi, Ann.",
                        "Items": [
                            {
                                "Content": "Hi",
                                "StartTime": 4.1,
                                "EndTime": 4.4,
                                "Type": "pronunciation",
                                "Confidence": 0.98,
                            },
                            {"Content": ",", "StartTime": 4.4, "EndTime": 4.4, "Type": "punctuation"},
                            {
                                "Content": "Ann",
                                "StartTime": 4.4,
                                "EndTime": 5.0,
                                "Type": "pronunciation",
                                "Confidence": 0.97,
                            },
                            {"Content": ".", "StartTime": 5.0, "EndTime": 5.0, "Type": "punctuation"},
                        ],
                    }
                ],
            }
        ]
    }
}
GOOGLE_V1 = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": "Hi, Ann.",
                    "words": [
                        {"startTime": "4.100s", "endTime": "4.400s", "word": "Hi,", "confidence": 0.98},
                        {"startTime": "4.400s", "endTime": "5s", "word": "Ann.", "confidence": 0.97},
                    ],
                }
            ],
            "isFinal": True,
            "resultEndTime": "5s",
            "channelTag": 2,
            "languageCode": "en-us",
        }
    ]
}
GOOGLE_V2 = json.loads(
    json.dumps(GOOGLE_V1)
    .replace("startTime", "startOffset")
    .replace("endTime", "endOffset")
    .replace("resultEndTime", "resultEndOffset")
)
AZURE = {
    "Id": "a1",
    "RecognitionStatus": "Success",
    "Offset": 41_000_000,
    "Duration": 9_000_000,
    "Channel": 1,
    "DisplayText": "Hi, Ann.",
    "NBest": [
        {
            "Confidence": 0.9,
            "Lexical": "hi ann",
            "Display": "Hi, Ann.",
            "Words": [
                {"Word": "hi", "Offset": 41_000_000, "Duration": 3_000_000, "Confidence": 0.98},
                {"Word": "ann", "Offset": 44_000_000, "Duration": 6_000_000, "Confidence": 0.97},
            ],
        }
    ],
}
ASSEMBLYAI = {
    "type": "Turn",
    "turn_order": 3,
    "turn_is_formatted": True,
    "end_of_turn": True,
    "transcript": "Hi, Ann.",
    "words": [
        {"text": "Hi,", "start": 4100, "end": 4400, "confidence": 0.98, "word_is_final": True},
        {"text": "Ann.", "start": 4400, "end": 5000, "confidence": 0.97, "word_is_final": True},
    ],
}
WHISPER = {
    "language": "en",
    "segments": [
        {
            "id": 0,
            "start": 4.1,
            "end": 5.0,
            "text": " Hi, Ann.",
            "words": [
                {"word": " Hi,", "start": 4.1, "end": 4.4, "probability": 0.98},
                {"word": " Ann.", "start": 4.4, "end": 5.0, "probability": 0.97},
            ],
        }
    ],
}
TWILIO = {
    "media_channel": 2,
    "sentence_index": 7,
    "sid": "GX1",
    "start_time": "4.1",
    "end_time": "5.0",
    "transcript": "Hi, Ann.",
    "words": [
        {"word": "Hi,", "start_time": "4.1", "end_time": "4.4"},
        {"word": "Ann.", "start_time": "4.4", "end_time": "5.0"},
    ],
}
SAMPLES = {
    "deepgram": DEEPGRAM,
    "aws": AWS,
    "google": GOOGLE_V1,
    "google v2": GOOGLE_V2,
    "azure": AZURE,
    "assemblyai": ASSEMBLYAI,
    "whisper": WHISPER,
    "twilio": TWILIO,
}


def decode(schema, document, channel=b"1"):
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"t1"),
        ("ce_source", b"/asr"),
        ("ce_type", b"call.transcript.v1"),
        ("ce_dataschema", schema.encode()),
        ("ce_customerid", b"northwind"),
        ("ce_channel", channel),
    )
    reading = decode_transcript(b"call-1", json.dumps(document).encode(), headers, 123, 9, Limits())
    if reading.faults:
        raise reading.faults[0]
    return reading.segments


@pytest.mark.parametrize("name", SAMPLES)
def test_every_provider_says_the_same(name):
    provider = name.split()[0]
    (segment,) = decode(f"https://schemas.example/{provider}/v1", SAMPLES[name])
    assert segment.text in ("Hi, Ann.", "hi ann")
    assert segment.text == " ".join(word.text for word in segment.words)
    assert [(w.start_ms, w.end_ms) for w in segment.words] == [(4100, 4400), (4400, 5000)]
    assert segment.channel == 1
    assert segment.is_final
    assert segment.provider == provider
    assert (segment.call_id, segment.customer_id, segment.time_ms, segment.offset) == ("call-1", "northwind", 123, 9)
    assert (segment.start_ms, segment.end_ms) == ((4000, 5100) if name == "deepgram" else (4100, 5000))


@pytest.mark.parametrize(
    ("schema", "provider"),
    [
        ("deepgram", "deepgram"),
        ("urn:x:Amazon:transcribe", "aws"),
        ("aws-transcribe", "aws"),
        ("faster_whisper.json", "whisper"),
    ],
)
def test_a_provider_is_named_by_a_part_of_the_schema(schema, provider):
    assert decode(schema, SAMPLES[provider])[0].provider == provider


def test_a_schema_that_names_no_provider_is_the_contracts_form():
    record = {"segment_id": "s", "text": "hi", "start_ms": 0, "end_ms": 5}
    assert decode("https://schemas.example/transcript/v1", record)[0].provider == ""


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("deepgram", {"type": "Metadata", "duration": 3}),
        ("aws", {"Transcript": {"Results": []}}),
        ("google", {"speechEventType": "END_OF_SINGLE_UTTERANCE"}),
        ("azure", AZURE | {"RecognitionStatus": "InitialSilenceTimeout"}),
        ("assemblyai", {"type": "Begin", "id": "x"}),
        ("assemblyai", {"type": "Turn", "turn_order": 0, "words": []}),
        ("whisper", {"segments": []}),
    ],
)
def test_messages_without_words_are_no_segments(schema, document):
    assert decode(schema, document) == ()


@pytest.mark.parametrize(
    ("schema", "document", "is_final"),
    [
        ("deepgram", DEEPGRAM | {"is_final": False}, False),
        ("deepgram", {k: v for k, v in DEEPGRAM.items() if k != "is_final"}, False),
        ("google", {"results": [{"alternatives": [{"transcript": "hi"}], "resultEndTime": "1s"}]}, False),
        ("assemblyai", ASSEMBLYAI | {"end_of_turn": False}, False),
        ("azure", {"Text": "hi", "Offset": 0, "Duration": 10_000}, False),
        ("assemblyai", {"message_type": "FinalTranscript", "audio_start": 0, "audio_end": 9, "text": "hi"}, True),
        ("assemblyai", {"message_type": "PartialTranscript", "audio_start": 0, "audio_end": 9, "text": "hi"}, False),
    ],
)
def test_only_what_says_so_is_final(schema, document, is_final):
    assert [segment.is_final for segment in decode(schema, document)] == [is_final]


def test_a_final_deepgram_result_finishes_its_channel_to_its_end():
    assert decode("deepgram", DEEPGRAM)[0].transcribed_until_ms == 5100
    assert decode("deepgram", DEEPGRAM | {"is_final": False})[0].transcribed_until_ms is None


def test_googles_json_leaves_a_zero_out():
    words = [{"endTime": "0.4s", "word": "hi"}]
    result = {"alternatives": [{"transcript": "hi", "words": words}], "isFinal": True, "resultEndTime": "0.4s"}
    assert decode("google", {"results": [result]})[0].words == (Word("hi", 0, 400),)


def test_a_formatted_assemblyai_turn_revises_the_unformatted():
    first = decode("assemblyai", ASSEMBLYAI | {"turn_is_formatted": False})[0]
    second = decode("assemblyai", ASSEMBLYAI)[0]
    assert first.segment_id == second.segment_id
    assert (first.revision, second.revision) == (0, 1)


def test_azures_display_text_goes_with_display_words_only():
    best = AZURE["NBest"][0] | {
        "DisplayWords": [{"DisplayText": "Hi, Ann.", "Offset": 41_000_000, "Duration": 9_000_000}]
    }
    segment = decode("azure", AZURE | {"NBest": [best]})[0]
    assert segment.text == "Hi, Ann."
    assert segment.words == (Word("Hi, Ann.", 4100, 5000),)


def test_whispers_loose_words_find_their_segment():
    document = {
        "segments": [
            {"id": 0, "start": 0, "end": 1, "text": "hi"},
            {"id": 1, "start": 1, "end": 2, "text": "ann"},
        ],
        "words": [{"word": "hi", "start": 0.1, "end": 1.1}, {"word": "ann", "start": 1.1, "end": 1.9}],
    }
    assert [[w.text for w in segment.words] for segment in decode("whisper", document)] == [["hi"], ["ann"]]


def test_a_page_of_twilio_sentences():
    assert len(decode("twilio", {"sentences": [TWILIO, TWILIO | {"sid": "GX2"}]})) == 2


@pytest.mark.parametrize("provider", ["twilio", "deepgram", "aws", "google", "azure", "assemblyai", "whisper"])
@pytest.mark.parametrize("shape", [None, "text", 5, [], ["x"], [None], {}, True], ids=str)
def test_any_shape_in_any_field_is_read_or_refused(provider, shape):
    document = SAMPLES[provider]
    for field in document:
        try:
            decode(provider, document | {field: shape})
        except DecodeError as error:
            assert "Ann" not in str(error)  # noqa: PT017 - being refused is as good as being read


@pytest.mark.parametrize(
    ("name", "profile"),
    [("", ""), ("exact", "exact"), ("300ms", "300ms"), ("deepgram", "100ms"), ("whisper", "late"), ("openai", "late")],
)
def test_the_timing_profile_that_a_setting_names(name, profile):
    assert timing_of(name) == profile


@pytest.mark.parametrize(
    ("name", "said"),
    [("deepgramm", "did you mean deepgram[?]$"), ("50 ms", "did you mean 50ms"), ("fine", "provider$")],
)
def test_a_timing_profile_that_nobody_knows_is_refused(name, said):
    with pytest.raises(ConfigError, match=f"^timing_profile must be exact, .* or the name of a .*{said}"):
        timing_of(name)
