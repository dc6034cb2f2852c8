"""Conditioning: where a triple becomes a VACE model's inputs, for the trainer and the evaluator alike.

Read it in this order. Without torch:

- `latents`: which frames a latent frame stands for, and how masks are widened in time to agree with that.
- `mask_policies`: the mask of where to work, from A's mask alone as at inference, or from A's and B's.
- `references`: pictures of B, brought to the clip's shape.

With torch (``pip install "pvtt[gpu]"``):

- `reactive`: what the model sees inside the mask.
- `context`: the split at the mask, and the tensor that the VACE blocks take; equal to DiffSynth's own.
- `loss_weights`: how much each position of the target counts.
- `conditioning`: settings, what is drawn for a sample and step, and the inputs made from it.

Nothing is imported here, so that the parts without torch stay light.
"""
