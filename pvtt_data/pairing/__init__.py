"""Which product A meets which B, and which pictures of B are shown: decisions over tables, without pixels.

Read in this order: `kinship` (how near two products are by their words), `partners` (whose A), `references` (which B).
"""
