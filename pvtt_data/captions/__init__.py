"""Captions: the text prompts of a triple, one for its target and one for its source.

`titles` cleans what a shop wrote about a product, `product_phrase` says what a product is called, `scene` says what is
known of a clip, `compose` puts both into a sentence, `counts` counts sentences that repeat. A scene may also be put
into words by a model (`captioner`); its words are stored inputs, see `pvtt_data.vlm`.
"""
