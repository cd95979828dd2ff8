"""Results of cases as JUnit's XML, which CI systems read."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.etree import ElementTree


class Outcome(NamedTuple):
    """A case: its name, the class it is shown under, its time, and why it failed if it did."""

    name: str
    of: str
    seconds: float
    title: str
    complaints: tuple[str, ...]


def junit(name: str, suites: Mapping[str, Iterable[Outcome]]) -> str:
    """Return the XML, a suite for each entry."""
    root = ElementTree.Element("testsuites", name=name)
    for title, outcomes in suites.items():
        listed = list(outcomes)
        suite = ElementTree.SubElement(root, "testsuite", name=title)
        suite.set("tests", str(len(listed)))
        suite.set("failures", str(sum(bool(each.complaints) for each in listed)))
        suite.set("time", f"{sum(each.seconds for each in listed):.3f}")
        for each in listed:
            case = ElementTree.SubElement(suite, "testcase", name=each.name, classname=each.of)
            case.set("time", f"{each.seconds:.3f}")
            if each.complaints:
                failure = ElementTree.SubElement(case, "failure", message=each.title)
                failure.text = "\n".join(each.complaints)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"
