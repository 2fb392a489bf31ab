"""Operators: each makes the text that replaces a redacted value. One per file; ``registry`` lists them."""
