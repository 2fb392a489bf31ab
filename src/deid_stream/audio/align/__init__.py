"""Which stretch of sound says a word."""
