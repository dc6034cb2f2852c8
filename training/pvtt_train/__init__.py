"""Training of VACE adapters on pvtt's triples."""
