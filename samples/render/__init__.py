"""Renders the sample catalogue: six invented products, their adverts, their listing pictures and the truth.

Read in this order: `meshes`, `surfaces`, `labels` and `products` make things; `sets` and `camera` stage them;
`renderer` and `grade` turn them into pixels; `timeline` says which adverts exist; `frames` renders and caches;
`film` encodes; `catalogue` and `truth` write what is committed.
"""
