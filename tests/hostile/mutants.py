"""The protections that ``docs/threat-model.md`` claims, each taken out of a copy of the source: the test that the page
names must fail for it.

``python -m tests.hostile.mutants [part of a protection ...]`` takes some minutes. That every row still says what stands
in the source, and names a test of the page, is in ``make test``.
"""

import argparse
import time
from typing import Final, NamedTuple

from tests.property.mutants import Mutant, killed


class Removed(NamedTuple):
    """``old`` stands once in ``path`` (below ``src/deid_stream``); with ``new`` in its place ``test`` must fail."""

    protection: str
    path: str
    old: str
    new: str
    test: str


_PAGES: Final = "tests/unit/dashboard/test_pages.py::"
_RING: Final = "tests/unit/keys/test_ring.py::"
_CALL: Final = "tests/unit/session/test_call.py::"
_EXECUTOR: Final = "tests/unit/control/test_executor.py::"
_REQUESTS: Final = "tests/unit/wire/test_requests.py::"
REMOVED: Final = (
    Removed(
        "a stranger's records do not enter a call",
        "worker/desk.py",
        "elif event.customer_id != live.session.customer_id and not self._calls.may_claim(live, event.customer_id):",
        "elif False:",
        "tests/unit/worker/test_identity.py::test_a_strangers_later_records_are_dead_letters_and_audited_once",
    ),
    Removed(
        "a password in clear is warned of",
        "kafka/connection.py",
        'if settings.security_protocol == "SASL_PLAINTEXT" and settings.sasl_mechanism in ("PLAIN", "OAUTHBEARER"):',
        "if False:",
        "tests/unit/config/test_config.py::test_what_others_on_the_network_could_read",
    ),
    Removed(
        "pages of other sites may not ask",
        "dashboard/pages.py",
        'if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):',
        "if False:",
        f"{_PAGES}test_pages_of_other_sites_are_not",
    ),
    Removed(
        "only names of ours are answered",
        "dashboard/pages.py",
        'if not guard.known_host(request.headers.get("Host", "")):',
        "if False:",
        f"{_PAGES}test_only_names_of_ours_are_answered",
    ),
    Removed(
        "sound and names need the token",
        "dashboard/pages.py",
        'if not guard.admits(request.headers.get("Authorization", ""), request.remote or ""):',
        "if False:",
        f"{_PAGES}test_sound_and_names_need_the_token",
    ),
    Removed(
        "an unreadable policy stops training",
        "policy/table.py",
        "standing = replace(before, status=PolicyStatus.UNREADABLE, policy=no_training, error=compiled)",
        "standing = replace(before, status=PolicyStatus.UNREADABLE, error=compiled)",
        "tests/unit/policy/test_policy.py::TestTable::"
        "test_an_unreadable_policy_stops_training_and_takes_nothing_stricter_away",
    ),
    Removed(
        "an opt-out once seen is kept",
        "policy/table.py",
        "opted_out=position if said.opt_out else before.opted_out,",
        "opted_out=position if said.opt_out else None,",
        "tests/property/test_permit_rule.py::test_an_opt_out_once_seen_is_kept",
    ),
    Removed(
        "the proof finds records from before an opt-out",
        "policy/proof.py",
        "if any(position.before(opted_out) for opted_out in self._opt_outs.get(customer_id, ())):",
        "if False:",
        "tests/unit/policy/test_proof.py::test_what_is_wrong_with_a_record",
    ),
    Removed(
        "an audit line's content is in the chain",
        "wire/chain.py",
        'for part in (writer.encode(), b"%d" % position, previous.encode(), key or b"", value):',
        'for part in (writer.encode(), b"%d" % position, previous.encode(), key or b""):',
        "tests/unit/wire/test_chain.py::test_whatever_is_cut_changed_or_moved_shows",
    ),
    Removed(
        "what the detector fails on is withheld",
        "session/judging.py",
        "return judged if replaced is None else self._with_replaced(turn, replaced, state, judged)\n"
        "        except Exception as error:",
        "return judged if replaced is None else self._with_replaced(turn, replaced, state, judged)\n"
        "        except Exception:\n            return Judged((), ())\n        except BaseException as error:",
        f"{_CALL}test_a_detector_that_raises_withholds_the_text_and_mutes_the_turn",
    ),
    Removed(
        "free text that the detector fails on is withheld",
        "session/free_text.py",
        "_DETECTOR] += 1\n                continue",
        "_DETECTOR] += 1\n                spans = []",
        "tests/unit/session/test_free_text.py::test_where_the_detector_fails_the_field_is_withheld_and_counted",
    ),
    Removed(
        "free text is redacted",
        "session/free_text.py",
        "found[name] = [span for span in spans if policy.operator(span.entity_type) is not None]",
        "found[name] = []",
        "tests/unit/session/test_free_text.py::test_what_identifies_somebody_is_replaced",
    ),
    Removed(
        "messages of others' exceptions are not logged",
        "observe/logs.py",
        "        elif isinstance(value, DeidError):\n",
        "        elif isinstance(value, Exception):\n",
        "tests/unit/observe/test_logs.py::test_our_errors_say_what_to_mend_and_others_only_what_they_are",
    ),
    Removed(
        "settings show no secret",
        "config.py",
        "        return f\"<Settings {self.bootstrap_servers or 'embedded broker'}>\"",
        "        return f\"<Settings {self.digest_key} {self.bootstrap_servers or 'embedded broker'}>\"",
        "tests/unit/config/test_config.py::test_nothing_secret_is_shown",
    ),
    Removed(
        "a key ring shows no key",
        "keys/ring.py",
        '        return "<KeyRing>"',
        '        return f"<KeyRing {self._current.hex()}>"',
        f"{_RING}test_nothing_shows_a_key",
    ),
    Removed(
        "a pseudonym is of its kind",
        "keys/ids.py",
        'message = f"{kind}:{value}".encode("utf-8", "surrogatepass")\n    return f"{kind}-{',
        'message = value.encode("utf-8", "surrogatepass")\n    return f"customer-{',
        f"{_RING}test_ids_are_pseudonyms_of_their_kind",
    ),
    Removed(
        "each call has digests of its own",
        "keys/ring.py",
        "derived(master, Purpose.VALUE_DIGESTS, (customer_id, call_id))",
        "derived(master, Purpose.VALUE_DIGESTS, ())",
        f"{_RING}test_equal_values_have_unequal_digests_across_calls_and_customers",
    ),
    Removed(
        "a reader's key opens no secret",
        "keys/customers.py",
        "    for_workers = ring.derive(Purpose.CUSTOMER_SECRETS)\n",
        "    for_workers = reader\n",
        "tests/unit/keys/test_customers.py::test_a_reader_opens_payload_keys_and_no_secrets",
    ),
    Removed(
        "keys are stored wrapped",
        "keys/customers.py",
        "    return b64encode(nonce + AESGCM(key).encrypt(nonce, secret, bound)).decode()",
        "    return b64encode(secret).decode()",
        "tests/unit/keys/test_customers.py::test_nothing_in_a_record_is_a_key",
    ),
    Removed(
        "a request shows nobody",
        "model/requests.py",
        '        return f"<Request {self.kind}>"',
        '        return f"<Request {self.kind} {self.subject}>"',
        f"{_REQUESTS}test_who_it_is_about_is_not_shown",
    ),
    Removed(
        "a mistyped field does not widen a request",
        "wire/requests.py",
        "    _check_names(written)\n",
        "",
        f"{_REQUESTS}test_what_is_wrong_is_named_and_not_repeated",
    ),
    Removed(
        "all is taken back once more",
        "policy/holdings.py",
        "        if self.gone_told == 0 or self.settled_told >= self.told:\n",
        "        if True:\n",
        f"{_EXECUTOR}test_all_of_it_is_taken_back_once_more_and_said_once",
    ),
    Removed(
        "a deletion takes the summary too",
        "policy/rights.py",
        "    Kind.DELETION: _ALL,\n",
        "    Kind.DELETION: frozenset({Purpose.ANALYTICS, Purpose.TRAINING}),\n",
        f"{_EXECUTOR}test_a_deletion_takes_the_summary_too_and_its_receipt_says_how_much",
    ),
    Removed(
        "requests past their deadline are counted",
        "control/executor.py",
        "            overdue += now_ms > status.due_ms\n",
        "",
        f"{_EXECUTOR}test_what_is_past_its_deadline_is_counted",
    ),
    Removed(
        "of several control planes one works",
        "control/app.py",
        "        given = super()._perform_assignment(cluster, {owner: member_metadata[owner]})\n",
        "        return super()._perform_assignment(cluster, member_metadata)\n        given = {}\n",
        "tests/unit/control/test_app.py::test_of_several_control_planes_one_has_everything_and_keeps_it",
    ),
    Removed(
        "connections to the endpoint are bounded",
        "observe/endpoint.py",
        "        if self._free.acquire(blocking=False):",
        "        if self._free.acquire(blocking=False) or True:",
        "tests/unit/observe/test_metrics.py::TestHangingClients::test_threads_are_bounded_and_free_again",
    ),
    Removed(
        "a loop that stands still is unhealthy",
        "worker/run.py",
        "        return not self._heartbeat.late()",
        "        return True",
        "tests/unit/worker/test_silence.py::test_a_loop_that_stands_still_is_unhealthy",
    ),
    Removed(
        "speech that no transcript explains is silenced",
        "session/sound.py",
        "        for span in unheard.unexplained(explained, window, self, channel, self._holes.get(channel, ())):\n",
        "        for span in ():\n",
        f"{_CALL}test_speech_that_no_transcript_covers_is_silenced_at_the_deadline_and_silence_passes",
    ),
    Removed(
        "words that the text does not have are masked",
        "redact/words.py",
        "            elif self._placed.sure[at] or at in self._placed.silent:\n",
        "            elif True:\n",
        "tests/unit/session/test_disagreement.py::"
        "test_words_that_the_text_does_not_have_are_masked_silenced_and_audited",
    ),
    Removed(
        "a language without tables is withheld",
        "session/judging.py",
        "        language = self._language(turn)\n",
        '        language = "en"\n',
        "tests/unit/session/test_languages.py::test_what_nobody_can_read_is_withheld_and_silenced",
    ),
    Removed(
        "a revision takes no redaction back",
        "session/judging.py",
        "            return judged if replaced is None else self._with_replaced(turn, replaced, state, judged)\n",
        "            return judged\n",
        "tests/unit/session/test_revisions.py::test_a_card_given_digit_by_digit_and_then_formatted_stays_hidden",
    ),
    Removed(
        "a task that fails ends the worker",
        "runtime/tasks.py",
        "            self._on_failure(name, error)\n",
        "",
        "tests/unit/worker/test_silence.py::"
        "test_a_partition_that_fails_ends_the_worker_with_its_type_counted_and_logged",
    ),
    Removed(
        "values already found are known by keyed digests",
        "detect/conversation/values.py",
        "digest_size=_DIGEST_BYTES, key=self._key, person=kind.encode()",
        "digest_size=_DIGEST_BYTES, person=kind.encode()",
        "tests/unit/detect/test_conversation.py::test_without_the_key_the_digests_say_nothing",
    ),
    Removed(
        "of a live call's metadata a checkpoint holds what may leave",
        "session/lifecycle.py",
        " and _may_leave(name, value)\n",
        "\n",
        f"{_CALL}test_the_checkpoint_holds_nothing_that_was_said",
    ),
    Removed(
        "a key service's odd answer gives no key",
        "custody/vault.py",
        "        if answer.status != 200:\n",
        "        if answer.status == 0:\n",
        "tests/unit/custody/test_providers.py::TestVault::test_each_failure_is_one_error_with_what_to_do",
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.mutants", description=__doc__)
    parser.add_argument("parts", nargs="*", help="of what is protected; none: all")
    parts = parser.parse_args().parts
    left = 0
    for removed in REMOVED:
        if parts and not any(part in removed.protection for part in parts):
            continue
        began_s = time.monotonic()
        found = killed(Mutant(0, *removed))
        left += not found
        print(
            f"without '{removed.protection}': {'found by' if found else 'NOT FOUND by'} {removed.test} "
            f"({time.monotonic() - began_s:.0f} s)",
            flush=True,
        )
    return 1 if left else 0


if __name__ == "__main__":
    raise SystemExit(main())
