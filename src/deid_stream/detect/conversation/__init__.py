"""One call: what was asked, what was found, and nothing of what was said."""
