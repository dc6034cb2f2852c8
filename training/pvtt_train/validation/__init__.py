"""Samples, scores and loss on held-out products while a model trains; nothing of the training is changed by it."""
