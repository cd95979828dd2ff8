"""Draws a definition: as Mermaid text, and as an SVG with a layout of its own."""

from sfn_local.asl.graph.mermaid import mermaid
from sfn_local.asl.graph.svg import svg

__all__ = ["mermaid", "svg"]
