"""Samples, scores and loss on held-out products while a model trains; nothing of the training is changed by it.

Read it in this order: `config`, `cases` (which, and what the model is given), `sampling`, `scoring`, `pictures`,
`trackers`, and `validator`, which does it all.
"""
