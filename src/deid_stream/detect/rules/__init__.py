"""What finds values by rule: one module a family, every pattern a row."""
