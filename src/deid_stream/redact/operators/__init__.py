"""What stands in the place of a redacted value. One operator a file; ``registry`` knows them all."""
