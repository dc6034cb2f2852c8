"""The command `pvtt-data`.

Commands load what they need when they run, so that `pvtt-data --help` is quick.
"""

from __future__ import annotations

import click

from pvtt_data import __version__
from pvtt_data.command_line import LazyGroup, run

_COMMANDS = {
    "build": ("build", "Build a dataset version from a recipe."),
    "plan": ("plan", "Say what a build would run, what is cached and why, and estimate time and disk."),
    "show": ("show", "Show the rows of the latest build."),
    "retry": ("retry", "Let rows that crashed, hung or ran out of memory run again."),
    "clean": ("clean", "Say what the work directory could do without, and free it."),
    "render": ("render", "Render exact pairs, product A and product B in the same scene; or adverts to mine."),
    "segment": ("segment", "Segment the product in a video or a folder of frames."),
    "caption": ("caption", "Ask a model to put the scenes of clips into words, for prompts."),
    "judge": ("judge", "Ask a vision-language model what it thinks of the triples."),
    "models": ("models", "List, pull and locate model weights."),
    "verify": ("datasets", "Check that a dataset holds what its manifest promises."),
    "inspect": ("datasets", "Describe a dataset, or draw one sample as a contact sheet."),
    "qc": ("qc", "Report the quality numbers of triples under any thresholds, or measure thresholds."),
    "review": ("pvtt_curation.cli", "Look at clips, masks and triples in a browser, and say what is wrong with them."),
    "preview": ("preview", "Draw what a VACE model will see of some samples, and say what looks wrong."),
    "verdicts": ("verdicts", "List, compare, import and export people's verdicts."),
    "export": ("export", "Write a dataset for other tools: DiffSynth, FFGO, videofolder, frames, DAVIS."),
    "log": ("versions", "List the versions of a dataset."),
    "diff": ("versions", "Say what changed between two versions."),
    "publish": ("publish", "Check a dataset version and put it on the Hugging Face Hub."),
    "rebuild": ("publish", "Make the withheld samples of a published dataset again from their originals."),
    "schema": ("build", "Print the JSON Schema of recipes, for editors."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    offered=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="pvtt-data")
def cli() -> None:
    """From messy product videos to verified training triples.

    Begin with `pvtt-data build recipes/ecommerce.yaml`.
    """


def main() -> None:
    """Run the command line; errors that a person can act on are printed without a traceback.

    A request to end (SIGTERM, or SIGHUP when the terminal closes) is treated as Ctrl-C: what was finished is kept.
    """
    run(cli, "what was finished")
