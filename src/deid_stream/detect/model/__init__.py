"""The trained tagger and the turns it is shown."""
