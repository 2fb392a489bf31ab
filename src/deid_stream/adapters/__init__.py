"""Voice-agent frameworks to live calls: one module a framework, imported only by who uses it."""
