"""`python -m study` is the `tintune` command."""

from study.cli.main import main

if __name__ == "__main__":
    main()
