"""One call: what was asked, what was found, and nothing of what was said."""

from deid_stream.detect.conversation.state import ConversationState
from deid_stream.detect.conversation.turns import Conversation

__all__ = ["Conversation", "ConversationState"]
