"""Grounded SAM 2: an open-vocabulary detector finds the product by words, a video tracker follows it."""
