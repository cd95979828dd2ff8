"""How much an evaluation may take, and what AWS says where one takes more.

Source: what AWS answered in floci-io/floci 2667, 2737, 2783 and 2790: a hundred levels, 873,782
numbers, strings of 2^22 characters but not of 2^23. AWS stops an evaluation by its time; here it is
by its steps, so that a test does not depend on the machine.
"""

DEEPEST = 100
MOST_BYTES = 6_990_256
BYTES_OF_NUMBER = 8
MOST_ITEMS = MOST_BYTES // BYTES_OF_NUMBER
MOST_STEPS = 3_000_000

TOO_DEEP = (
    "Stack overflow error: Check for non-terminating recursive function.  "
    "Consider rewriting as tail-recursive."
)
TOO_LONG = "Expression evaluation timeout: Check for infinite loop"
TOO_LARGE = "Expression evaluation memory limit exceeded: Check for excessive memory usage"
