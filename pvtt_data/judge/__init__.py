"""A vision-language model's opinion of a triple: optional, off by default, and never more than an opinion.

`questions` has what is asked and reads what is answered, `show` draws what is looked at, `config` says what follows
from which answer, and `pvtt_data.stages.judge` applies it in a build.
"""
