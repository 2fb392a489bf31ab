"""One call: what was asked, what was found, and nothing of what was said."""

from deid_stream.detect.conversation.turns import Conversation, ConversationState

__all__ = ["Conversation", "ConversationState"]
