"""`python -m axiru.cli`, for processes that know their interpreter and not where `axiru` was installed."""

from axiru.cli import main

if __name__ == "__main__":
    main()
