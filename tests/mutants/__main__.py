"""Apply mutants one by one and say which are found: `python -m tests.mutants [ID…]`."""

import sys

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.running import Verdict, a_copy

SHOWN = 3_000
"""Characters of what pytest said last."""


def main(ids: list[str]) -> int:
    """Try the mutants with these ids, or all; return 1 if one is not found."""
    known = {mutant.id: mutant for mutant in MUTANTS}
    if unknown := [id_ for id_ in ids if id_ not in known]:
        print(f"no such mutants: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    return _tried([known[id_] for id_ in ids] or MUTANTS)


def _tried(mutants: list[Mutant]) -> int:
    with a_copy() as tree:
        tests = sorted({mutant.found_by for mutant in mutants})
        code, said = tree.run(tests)
        if code:
            print(f"the tests fail on the code as it is:\n{said[-SHOWN:]}")
            return 2
        left = 0
        for mutant in mutants:
            verdict, said = tree.try_(mutant)
            print(f"{mutant.id:4} {verdict:9} {mutant.breaks}", flush=True)
            if verdict is not Verdict.FOUND:
                left += 1
                print(said[-SHOWN:])
    print(f"{len(mutants) - left} of {len(mutants)} are found")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
