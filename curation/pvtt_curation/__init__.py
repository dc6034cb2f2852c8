"""Review: datasets and builds shown to people, and what they say of them brought back as verdicts."""
