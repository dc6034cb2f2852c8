"""One module for each family of sets; each has one `build`."""
