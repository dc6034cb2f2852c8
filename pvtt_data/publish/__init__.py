"""Publishing a dataset version: whether it may be, putting it on the Hugging Face Hub, making withheld samples again.

- `licences`: what the licences of a version's parts allow together.
- `preflight`: everything that speaks against publishing, found before anything is sent.
- `upload`: one commit, a tag, and the same bytes read back.
- `withhold`, `rebuild`: samples that are published as addresses, recipe and hashes.
"""
