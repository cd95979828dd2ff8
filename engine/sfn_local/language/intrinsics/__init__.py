"""The intrinsic functions, `States.Format('{}', $.name)` and the others."""

from sfn_local.language.intrinsics.parser import Call, parse_expression

__all__ = ["Call", "parse_expression"]
