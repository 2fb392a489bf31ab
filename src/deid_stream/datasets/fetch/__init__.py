"""One call taken out of Kafka again, as the files that `replay` reads."""
