"""Where somebody speaks, and what of it no transcript accounts for."""
