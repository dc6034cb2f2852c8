"""`python -m pvtt_data.cli`: the same as `pvtt-data`."""

from pvtt_data.cli import main

if __name__ == "__main__":
    main()
