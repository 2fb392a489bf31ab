"""What the pipeline is measured against: short programs, written as their own documentation suggests."""
