"""The model that is trained: DiffSynth's classes, their published sizes, weights, adapters, and what they cost."""
