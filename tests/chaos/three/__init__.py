"""Three brokers behind a bad network, workers with a bad clock, customers who change their minds."""
