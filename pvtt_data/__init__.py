"""Product Video Template Transfer: from messy product videos to verified training triples."""

__version__ = "0.1.0"
