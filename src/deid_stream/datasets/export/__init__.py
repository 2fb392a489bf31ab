"""Exported training sets: shards of clips in a folder or object store, with a manifest that says what each holds."""
