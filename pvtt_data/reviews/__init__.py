"""Verdicts of people: what each one said of which pixels, who says what now, and what a build makes of it.

Thresholds give verdicts too (`pvtt_data.thresholds`); those of people come after them.
"""
