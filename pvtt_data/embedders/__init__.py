"""From pictures of an object to vectors that say how alike two objects look.

Read in this order: `crops` (what an embedder sees), `base` (what one is), `colour_shape` (no weights; knows colours and
outlines, not things), `hue_histogram` (colours alone), `torch_models` (MobileNet, DINOv2, CLIP), `joint` (several as
one), `choose` (which one is used), `likeness` (how alike, and what is alike enough).
"""
