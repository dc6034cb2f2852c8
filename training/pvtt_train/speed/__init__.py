"""A training step made fast from outside DiffSynth: what a block computes, what is kept for it, in what kernels."""
