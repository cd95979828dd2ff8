"""What a browser loads: small, known to the byte, and allowed by the policy."""

import gzip
import hashlib
import re

from sfn_cqrs_tools.console.rendering import FOLDER, STATIC
from sfn_cqrs_tools.console.security import HEADERS

MOST_BYTES = 60 * 1024
VENDOR = STATIC / "vendor"


def test_all_that_a_browser_loads_is_at_most_60_kib_compressed():
    loaded = [path for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".svg")]

    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in loaded) <= MOST_BYTES


def test_assets_of_others_are_what_their_hashes_say_and_have_a_licence():
    said = dict(line.split()[::-1] for line in (VENDOR / "SHA256SUMS").read_text().splitlines())

    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.iterdir()
        if path.suffix in (".js", ".css")
    }
    assert found == said
    assert "Zero-Clause BSD" in (VENDOR / "htmx.LICENSE").read_text()
    assert "MIT License" in (VENDOR / "uPlot.LICENSE").read_text()


def test_no_page_has_script_or_style_in_it():
    inline = re.compile(
        r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son(?!ly)[a-z]+=|hx-on|javascript:"
    )

    for path in (FOLDER / "templates").iterdir():
        assert inline.findall(path.read_text()) == [], path.name


def test_the_policy_allows_nothing_from_elsewhere_and_nothing_inline():
    assert HEADERS["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
