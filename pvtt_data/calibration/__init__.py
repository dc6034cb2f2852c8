"""Thresholds of quality control: the file that holds them, and how they are found with faults of known kind."""
