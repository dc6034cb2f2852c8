"""Engines that make swapped pairs; see `pvtt_data.engines.base`."""
