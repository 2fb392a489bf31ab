"""Audio: codecs, the timeline, speech detection, alignment of text to sound, silencing. Length-preserving."""
