"""Vision-language models that look at pictures and answer questions: behind an endpoint, or on this machine.

No stage of a build asks one. Commands ask (`pvtt-data judge`, `pvtt-data caption`) and keep what was answered in the
work directory (`answers`); a build reads it from there like any other input, so that the same answers give the same
bytes, without network, and nothing is asked twice.
"""
