"""Segmentation backends: one product in, one mask per frame out."""
