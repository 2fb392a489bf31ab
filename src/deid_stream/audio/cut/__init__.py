"""What replaces the sound of a span, and which channels carry it."""
