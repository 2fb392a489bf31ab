"""Parts of every long-running process: tasks whose failure is always reported, signals, backoff, deadlines."""
