"""Procedural surfaces: every function makes a `Material` whose pictures tile without a seam."""
