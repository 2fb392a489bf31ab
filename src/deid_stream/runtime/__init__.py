"""What every long-running process shares: tasks that cannot die in silence, signals, backoff, deadlines."""
