"""Which of several control planes works: one has every partition, the others have none and stand by.

Whoever looks after a customer must know all of the customer's calls, and these lie in all partitions. Faust's own
assignor would share them out, and each process would do half of what is asked and call it done.
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.cluster import ClusterMetadata
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import MemberAssignmentMapping, MemberMetadataMapping, PartitionAssignor

_GIVEN_MS: Final = "\x00given-ms"
"""Stands among the topics' groups, which every member sends back: when its assignment was made. No topic is called so.
A process that was paused and replaced meanwhile still claims everything, by an older one."""


class OneOwner(PartitionAssignor):  # type: ignore[misc]  # untyped
    """Everything stays with the member to which it was given last; where nobody has any, the first by name gets it."""

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: MemberMetadataMapping
    ) -> MemberAssignmentMapping:
        known = {name: self._get_client_metadata(metadata) for name, metadata in member_metadata.items()}
        owner = max(sorted(known), key=lambda name: _given_ms(known[name]))
        given = super()._perform_assignment(cluster, {owner: member_metadata[owner]})
        self._update_member_urls(known)
        nothing = {name: ClientAssignment(actives={}, standbys={}) for name in known if name != owner}
        return {**given, **self._protocol_assignments(nothing, {}, {}, {})}

    def _protocol_assignments(
        self, assignments: Any, changelogs: Any, external: Any, topic_groups: Mapping[str, int]
    ) -> MemberAssignmentMapping:
        stamped = {**topic_groups, _GIVEN_MS: time.time_ns() // 1_000_000}
        return super()._protocol_assignments(assignments, changelogs, external, stamped)


def _given_ms(member: ClientMetadata) -> int:
    """0: it has no partition."""
    if not member.assignment.active_tps:
        return 0
    return int(member.topic_groups.get(_GIVEN_MS, 1))
