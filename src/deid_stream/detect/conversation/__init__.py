"""The state of one call's conversation: what was asked and what was found, without anything that was said."""
