"""Everything that talks to Kafka. Other packages use the interfaces in ``ports``; only ``clients`` imports a Kafka
client library."""
