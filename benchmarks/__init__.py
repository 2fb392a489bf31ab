"""Load generator, harness, per-stage costs and peers. ``python -m benchmarks`` runs them all."""
