"""Simulates all of a package in a process of its own: PACKAGE SCHEDULES SEED."""

import os
import sys

from sfn_cqrs_tools.testing.simulation import simulate


def main(package, schedules, seed):
    os.environ["APP_PACKAGE"] = package
    print(simulate(schedules=int(schedules), seed=int(seed)))


if __name__ == "__main__":
    main(*sys.argv[1:])
