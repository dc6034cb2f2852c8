"""From shards to the batches of a training step.

Read it in this order:

- `config`: what a user sets.
- `encoders`: what is asked of a VAE and of a text encoder.
- `pieces`: what a sample is made of once it is encoded, and how a lesson is put together from that.
- `examples`: what a loader is given; `pixels` encodes as it goes, `latents` reads what `precompute` stored by
  `latent_shards`' format; `readers` keeps what is read from being taken away.
- `buckets`: samples of one size go together, in an order that follows from a seed.
- `loader`: batches, made while the step before is at work.

Nothing is imported here, so that a command's help stays quick.
"""
