"""One module per group of commands. Each reads its settings, calls the packages below, and prints."""
