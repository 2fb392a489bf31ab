"""The dashboard: what a deployment does now, call by call, from sanitized topics only."""
