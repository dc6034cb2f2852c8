"""Things that stand around a product: every builder makes parts that stand on z = 0 around the z axis."""
