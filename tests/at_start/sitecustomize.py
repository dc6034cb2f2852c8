"""Python runs this when it starts, where this folder is on its path: in a command, and in every worker."""

from remembered_answers import remember

remember()
