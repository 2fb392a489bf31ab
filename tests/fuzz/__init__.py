"""Fuzzing guided by coverage (atheris, extra `fuzz`)."""
