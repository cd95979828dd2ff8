"""What is checked of the chain in TLA+, and what our own model is recorded at."""

from tests.support.proof import DEEP, deep
from tests.tla.checker import Case

USUAL = [
    Case(2),
    Case(3),
    Case(2, {"fail": 1, "retry": 1}),
    Case(2, {"crash": 1}, sweeps=True),
    Case(2, {"zombie": 1}, sweeps=True),
    Case(2, {"lost": 1}, sweeps=True),
    Case(2, {"sweep": 1}, sweeps=True),
    Case(2, {"timeout": 1, "retry": 1}, sweeps=True),
    Case(1, {"fail": 1, "zombie": 1, "retry": 1}),
]
DEEPER = [
    Case(2, {"fail": 1, "skip": 1}),
    Case(2, {"abort": 1, "retry": 1}, sweeps=True),
]
HELD = [*USUAL, *DEEPER] if DEEP else USUAL
LEFT_OUT = {
    "wake": (Case(2, without=["wake"]), "Settles"),
    "look": (Case(2, without=["look"]), "Settles"),
    "row": (Case(2, {"zombie": 1, "retry": 1}, sweeps=True, without=["row"]), "RowFirst"),
    "fence": (Case(1, {"fail": 1, "zombie": 1, "retry": 1}, without=["fence"]), "OwnEnd"),
}
RECORDED = [
    *deep([Case(2)], [Case(3), Case(2, {"fail": 1, "retry": 1})]),
    Case(2, {"fail": 1, "skip": 1}),
    Case(2, {"crash": 1}, sweeps=True),
    Case(2, {"timeout": 1, "retry": 1}, sweeps=True),
]
