"""Listens to a sample of released calls with a second recogniser, in a process of its own. If it hears a value that
should be silent, the call's records are taken back."""
