"""Renders the sample catalogue: eight invented products, their adverts, their listing pictures and the truth.

Everything that draws is `pvtt_data.render`. Read in this order: `articles` says which products exist and `adverts`
which videos; `staging` turns a shot into a scene; `cutting` adds the fade and bars; `film` encodes; `truth`,
`catalogue` and `teapot` write what is committed; `preview` is for looking.
"""
