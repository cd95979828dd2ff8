"""Reads an expression: operators by how strongly they bind; `shaping` makes paths of them."""

from collections.abc import Callable, Iterator

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.lexer import (
    END,
    NAME,
    OPERATOR,
    VARIABLE,
    Lexer,
    Token,
)
from sfn_local.language.jsonata.nodes import Node, Pairs, Term
from sfn_local.language.jsonata.shaping import Shaping
from sfn_local.language.jsonata.signatures import Signature

BINDING = {
    **dict.fromkeys(("[", "(", "@", "#"), 80),
    ".": 75,
    "{": 70,
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("+", "-", "&"), 50),
    **dict.fromkeys(("=", "<", ">", "^", "!=", "<=", ">=", "~>", "in"), 40),
    "and": 30,
    "or": 25,
    "?": 20,
    ":=": 10,
}
NEGATION = 70
WITHOUT_LEFT = {"*": "wildcard", "**": "descendant", "%": "parent"}
NAMED = frozenset(("and", "or", "in"))
UNKNOWN = frozenset("!~")


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        JsonataError: the text is none.
    """
    return Shaping().whole(_Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self._lexer = Lexer(text)
        self._token = Token(END, END, 0)
        self._prefixes: dict[str, Callable[[Token], Node]] = {
            "-": self._negation,
            "(": self._block,
            "[": self._array,
            "{": lambda token: Node("unary", token.position, "{", pairs=self._pairs()),
            "|": self._transform,
        }
        self._infixes: dict[str, Callable[[Token, Node], Node]] = {
            "(": self._call,
            "[": self._predicate,
            "{": self._grouping,
            "^": self._ordering,
            ":=": self._assignment,
            "@": self._binding,
            "#": self._binding,
            "?": self._condition,
        }
        self._advance()

    def whole(self) -> Node:
        tree = self._expression(0)
        if self._token.kind != END:
            raise JsonataError("S0201", self._token.position, token=self._token.value)
        return tree

    def _advance(self, after_value: bool = False) -> None:
        token = self._lexer.next(after_value)
        if token.kind == OPERATOR and token.value in UNKNOWN:
            raise JsonataError("S0204", token.position, token=token.value)
        self._token = token

    def _expect(self, symbol: str, after_value: bool = False) -> None:
        if not self._is(symbol):
            code = "S0203" if self._token.kind == END else "S0202"
            token = self._token
            raise JsonataError(code, token.position, token=token.value, value=symbol)
        self._advance(after_value)

    def _is(self, symbol: str) -> bool:
        return self._token.kind == OPERATOR and self._token.value == symbol

    def _take(self, symbol: str) -> bool:
        """Return whether the symbol is next; it is skipped then."""
        if self._is(symbol):
            self._advance()
            return True
        return False

    def _expression(self, strength: int) -> Node:
        token = self._token
        self._advance(after_value=True)
        left = self._prefix(token)
        while strength < self._strength():
            token = self._token
            self._advance()
            left = self._infix(token, left)
        return left

    def _strength(self) -> int:
        return BINDING.get(self._token.value, 0) if self._token.kind == OPERATOR else 0

    def _prefix(self, token: Token) -> Node:
        if token.kind != OPERATOR:
            return Node(token.kind, token.position, token.value)
        if token.value in WITHOUT_LEFT:
            return Node(WITHOUT_LEFT[token.value], token.position, token.value)
        if token.value in NAMED:
            return Node(NAME, token.position, token.value)
        prefix = self._prefixes.get(token.value)
        if prefix is None:
            raise JsonataError("S0211", token.position, token=token.value)
        return prefix(token)

    def _infix(self, token: Token, left: Node) -> Node:
        special = self._infixes.get(token.value)
        if special is not None:
            return special(token, left)
        right = self._expression(BINDING[token.value])
        return Node("binary", token.position, token.value, left, right)

    def _negation(self, token: Token) -> Node:
        return Node("unary", token.position, "-", self._expression(NEGATION))

    def _block(self, token: Token) -> Node:
        items = []
        while not self._is(")"):
            items.append(self._expression(0))
            if not self._take(";"):
                break
        self._expect(")", after_value=True)
        return Node("block", token.position, items=items)

    def _array(self, token: Token) -> Node:
        items = []
        for _ in self._listed("]"):
            item = self._expression(0)
            if self._is(".."):
                position = self._token.position
                self._advance()
                item = Node("binary", position, "..", item, self._expression(0))
            items.append(item)
        return Node("unary", token.position, "[", items=items)

    def _listed(self, closing: str) -> Iterator[None]:
        """Go through what stands between commas, up to a bracket; after a comma is something."""
        while not self._is(closing):
            yield
            if not self._take(","):
                break
            if self._is(closing):
                raise JsonataError("S0211", self._token.position, token=closing)
        self._expect(closing, after_value=True)

    def _pairs(self) -> Pairs:
        pairs = []
        for _ in self._listed("}"):
            name = self._expression(0)
            self._expect(":")
            pairs.append((name, self._expression(0)))
        return pairs

    def _transform(self, token: Token) -> Node:
        pattern = self._expression(0)
        self._expect("|")
        update = self._expression(0)
        delete = self._expression(0) if self._take(",") else None
        self._expect("|")
        return Node("transform", token.position, None, pattern, update, delete)

    def _call(self, token: Token, left: Node) -> Node:
        call = Node("function", token.position, token.value, left)
        for _ in self._listed(")"):
            if self._is("?"):
                call.kind = "partial"
                call.items.append(Node("placeholder", self._token.position, "?"))
                self._advance()
            else:
                call.items.append(self._expression(0))
        is_lambda = left.kind == NAME and left.value in ("function", "λ")
        return self._lambda(call) if is_lambda else call

    def _lambda(self, call: Node) -> Node:
        for index, parameter in enumerate(call.items, 1):
            if parameter.kind != VARIABLE:
                token = parameter.value
                raise JsonataError("S0208", parameter.position, token=token, value=index)
        signature = self._signature() if self._is("<") else None
        self._expect("{")
        body = self._expression(0)
        self._expect("}")
        return Node("lambda", call.position, None, body, items=call.items, signature=signature)

    def _signature(self) -> Signature:
        position, depth, text = self._token.position, 1, "<"
        while depth > 0 and not self._is("{") and self._token.kind != END:
            self._advance()
            depth += 1 if self._is("<") else -1 if self._is(">") else 0
            text += str(self._token.value)
        self._expect(">")
        try:
            return Signature(text)
        except JsonataError as error:
            error.position = position + (error.position or 0)
            raise

    def _predicate(self, token: Token, left: Node) -> Node:
        if self._is("]"):
            step = left
            while step.kind == "binary" and step.value == "[":
                step = step.first
            step.keeps_array = True
            self._advance(after_value=True)
            return left
        right = self._expression(0)
        self._expect("]", after_value=True)
        return Node("binary", token.position, "[", left, right)

    def _grouping(self, token: Token, left: Node) -> Node:
        return Node("binary", token.position, "{", left, pairs=self._pairs())

    def _ordering(self, token: Token, left: Node) -> Node:
        self._expect("(")
        ordering = Node("binary", token.position, "^", left)
        while True:
            is_descending = self._is(">")
            if is_descending or self._is("<"):
                self._advance()
            ordering.terms.append(Term(self._expression(0), is_descending))
            if not self._take(","):
                break
        self._expect(")")
        return ordering

    def _assignment(self, token: Token, left: Node) -> Node:
        if left.kind != VARIABLE:
            raise JsonataError("S0212", left.position, token=left.value)
        right = self._expression(BINDING[":="] - 1)
        return Node("binary", token.position, ":=", left, right)

    def _binding(self, token: Token, left: Node) -> Node:
        right = self._expression(BINDING[token.value])
        if right.kind != VARIABLE:
            raise JsonataError("S0214", right.position, token=token.value)
        return Node("binary", token.position, token.value, left, right)

    def _condition(self, token: Token, left: Node) -> Node:
        then = self._expression(0)
        otherwise = self._expression(0) if self._take(":") else None
        return Node("condition", token.position, None, left, then, otherwise)
