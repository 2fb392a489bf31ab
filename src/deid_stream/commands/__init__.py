"""One module a group of commands; each reads its settings, calls the rooms below, prints."""
