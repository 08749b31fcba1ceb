"""`python -m loadtest.vendors [--host H] [--port P]`."""

import argparse

from loadtest.vendors.app import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m loadtest.vendors", description="Run the simulated vendors.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    wishes = parser.parse_args()
    main(wishes.host, wishes.port)
