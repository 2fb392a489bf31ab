"""``python -m deid_stream``: the command line, where the script is not on the path."""

from deid_stream.cli import main

if __name__ == "__main__":
    main()
