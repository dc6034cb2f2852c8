"""`python -m pvtt_train`, and so `accelerate launch -m pvtt_train`."""

from pvtt_train.cli import main

main()
