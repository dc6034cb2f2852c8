"""The closed loop in small: does data teach a model to show the product of its references?

A tiny VACE model of DiffSynth's own classes is pretrained until it does what the big one does, to rebuild its reactive
stream whatever the references show; then adapters are trained on differently made data and judged on held-out products.
`benchmarks/closed_loop.py` is the command, docs/closed_loop.md tells what came out.
"""
