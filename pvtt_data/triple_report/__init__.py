"""What the QC numbers of built triples look like, and what thresholds would make of them.

`built` reads triples from a dataset version or a build, `judged` judges them again, `sheet` draws the worst.
"""
