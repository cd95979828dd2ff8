"""The values of names, scope by scope; lambdas."""

from sfn_local.language.jsonata.nodes import Node
from sfn_local.language.jsonata.values import NOTHING, Function, Value

CONTEXT = "@"


class Frame:
    """A scope; what it does not know, the one around it may."""

    __slots__ = ("_around", "_bound")

    def __init__(
        self, around: "Frame | None" = None, bound: dict[str, Value] | None = None
    ) -> None:
        """Bound becomes the frame's own."""
        self._around = around
        self._bound = {} if bound is None else bound

    def bind(self, name: str, value: Value) -> None:
        """Give a name a value, in this scope."""
        self._bound[name] = value

    def lookup(self, name: str) -> Value:
        """Return the value of a name; nothing if there is none."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame._bound:
                return frame._bound[name]
            frame = frame._around
        return NOTHING


class Lambda(Function):
    """A function that an expression defines, with what it saw there."""

    def __init__(self, node: Node, context: Value, frame: Frame) -> None:
        """Context and frame are those where it is defined."""
        self.node = node
        self.parameters = [parameter.value for parameter in node.items]
        self.body = node.first
        self.context = context
        self.frame = frame
        self.signature = node.signature
        self.is_thunk = node.is_thunk
        self.arity = len(self.parameters)

    def without(self, arguments: list[Value], is_open: list[bool]) -> "Lambda":
        """The function with some of its arguments given; the open ones are its parameters."""
        frame = Frame(self.frame)
        left = []
        for index, name in enumerate(self.parameters):
            if index < len(arguments) and is_open[index]:
                left.append(name)
            else:
                frame.bind(name, arguments[index] if index < len(arguments) else NOTHING)
        partial = Lambda(self.node, self.context, frame)
        partial.parameters, partial.arity, partial.signature = left, len(left), None
        return partial
