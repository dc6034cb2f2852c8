"""What presents a version to the world: its card in two languages, licences and credits, a preview, and Croissant.

`writer` calls `facts.CardFacts.add` for each sample and `write.write_card` once everything else is written. All of it
follows from the samples, the settings and the tables, so a version that is made again has the same bytes.
"""
