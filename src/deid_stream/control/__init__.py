"""The control plane: what people may ask for, what is held of each call, and what must go (docs/control.md)."""
