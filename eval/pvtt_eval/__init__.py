"""Scores of product swaps: numpy in, plain numbers out.

Read in this order: `regions` (where to look), `dominance` (is it B, or still A?), `background`, `truth` (rendered cases
only), `case` (all of them for one case), `bootstrap` (over many). What an embedder sees and is: `pvtt_data.embedders`.
"""
