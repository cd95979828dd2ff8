"""Makes paths of what the parser read, and finds out which parents each `%` means."""

from collections.abc import Callable

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.lexer import END
from sfn_local.language.jsonata.nodes import Group, Node, Slot, Stage, Term

LEAVES = frozenset(("string", "number", "value", "wildcard", "descendant", "variable", "regex"))


class Shaping:
    """The shaping of one expression."""

    def __init__(self) -> None:
        """No `%` has been met yet."""
        self._parents = 0
        self._shapes: dict[str, Callable[[Node], Node]] = {
            "binary": self._binary,
            "unary": self._unary,
            "function": self._call,
            "partial": self._call,
            "lambda": self._lambda,
            "condition": self._condition,
            "transform": self._transform,
            "block": self._block,
            "name": self._name,
            "parent": self._parent,
            "placeholder": lambda node: node,
        }
        self._operators: dict[str, Callable[[Node], Node]] = {
            ".": self._path,
            "[": self._filter,
            "{": self._group,
            "^": self._order,
            ":=": self._bind,
            "@": self._focus,
            "#": self._index,
            "~>": self._apply,
        }

    def whole(self, node: Node) -> Node:
        """Return the tree of a whole expression.

        Raises:
            JsonataError: its parts do not go together.
        """
        tree = self.shaped(node)
        if tree.kind == "parent" or tree.seeking:
            raise JsonataError("S0217", tree.position, token=tree.kind)
        return tree

    def shaped(self, node: Node) -> Node:
        """Return the tree of a part."""
        if node.kind in LEAVES:
            return node
        shape = self._shapes.get(node.kind)
        if shape is None:
            code = "S0207" if node.kind == END else "S0206"
            raise JsonataError(code, node.position, token=node.value)
        result = shape(node)
        if node.keeps_array:
            result.keeps_array = True
        return result

    def _binary(self, node: Node) -> Node:
        special = self._operators.get(node.value)
        if special is not None:
            return special(node)
        result = Node("binary", node.position, node.value)
        result.left, result.right = self.shaped(node.first), self.shaped(node.second)
        return _seeking(result, result.left, result.right)

    def _path(self, node: Node) -> Node:
        first = self.shaped(node.first)
        path = first if first.kind == "path" else Node("path", items=[first])
        if first.kind == "parent" and first.slot:
            path.seeking = [first.slot]
        rest = self.shaped(node.second)
        if rest.kind == "path":
            path.items.extend(rest.items)
        else:
            if rest.predicates:
                rest.stages, rest.predicates = rest.predicates, []
            path.items.append(rest)
        _check_steps(path.items)
        if any(step.keeps_array for step in path.items):
            path.keeps_singleton = True
        for step in (path.items[0], path.items[-1]):
            if step.kind == "unary" and step.value == "[":
                step.builds_array = True
        _resolve(path)
        return path

    def _filter(self, node: Node) -> Node:
        result = self.shaped(node.first)
        step = result.items[-1] if result.kind == "path" else result
        if step.group is not None:
            raise JsonataError("S0209", node.position)
        predicate = self.shaped(node.second)
        for slot in list(predicate.seeking):
            if slot.level == 1:
                _seek(step, slot)
            else:
                slot.level -= 1
        _seeking(step, predicate)
        stages = step.stages if result.kind == "path" else step.predicates
        stages.append(Stage(node.position, filter=predicate))
        return result

    def _group(self, node: Node) -> Node:
        result = self.shaped(node.first)
        if result.group is not None:
            raise JsonataError("S0210", node.position)
        pairs = [(self.shaped(name), self.shaped(value)) for name, value in node.pairs]
        result.group = Group(pairs, node.position)
        return result

    def _order(self, node: Node) -> Node:
        result = self.shaped(node.first)
        if result.kind != "path":
            result = Node("path", items=[result])
        step = Node("sort", node.position)
        for term in node.terms:
            expression = self.shaped(term.expression)
            _seeking(step, expression)
            step.terms.append(Term(expression, term.is_descending))
        result.items.append(step)
        _resolve(result)
        return result

    def _bind(self, node: Node) -> Node:
        value = self.shaped(node.second)
        result = Node("bind", node.position, node.value, self.shaped(node.first), value)
        return _seeking(result, value)

    def _focus(self, node: Node) -> Node:
        result = self.shaped(node.first)
        step = result.items[-1] if result.kind == "path" else result
        if step.stages or step.predicates:
            raise JsonataError("S0215", node.position)
        if step.kind == "sort":
            raise JsonataError("S0216", node.position)
        if node.keeps_array:
            step.keeps_array = True
        step.focus = node.second.value
        step.makes_tuples = True
        return result

    def _index(self, node: Node) -> Node:
        result = self.shaped(node.first)
        if result.kind == "path":
            step = result.items[-1]
        else:
            step, result = result, Node("path", items=[result])
            step.stages, step.predicates = step.predicates, []
        if step.stages:
            step.stages.append(Stage(node.position, index=node.second.value))
        else:
            step.index = node.second.value
        step.makes_tuples = True
        return result

    def _apply(self, node: Node) -> Node:
        left, right = self.shaped(node.first), self.shaped(node.second)
        result = Node("apply", node.position, node.value, left, right)
        result.keeps_array = left.keeps_array or right.keeps_array
        return result

    def _unary(self, node: Node) -> Node:
        result = Node("unary", node.position, node.value)
        if node.value == "[":
            result.items = [self.shaped(item) for item in node.items]
            return _seeking(result, *result.items)
        if node.value == "{":
            for name, value in node.pairs:
                pair = (self.shaped(name), self.shaped(value))
                _seeking(result, *pair)
                result.pairs.append(pair)
            return result
        operand = self.shaped(node.first)
        if operand.kind == "number":
            operand.value = -operand.value
            return operand
        result.left = operand
        return _seeking(result, operand)

    def _call(self, node: Node) -> Node:
        result = Node(node.kind, node.position, node.value)
        result.items = [self.shaped(item) for item in node.items]
        _seeking(result, *result.items)
        result.left = self.shaped(node.first)
        return result

    def _lambda(self, node: Node) -> Node:
        body = _with_tail_calls(self.shaped(node.first))
        result = Node("lambda", node.position, None, body, items=node.items)
        result.signature = node.signature
        return result

    def _condition(self, node: Node) -> Node:
        parts = [self.shaped(part) for part in (node.left, node.right, node.third) if part]
        result = Node("condition", node.position, None, parts[0], parts[1])
        result.third = parts[2] if node.third else None
        return _seeking(result, *parts)

    def _transform(self, node: Node) -> Node:
        result = Node("transform", node.position)
        result.left, result.right = self.shaped(node.first), self.shaped(node.second)
        result.third = self.shaped(node.third) if node.third else None
        return result

    def _block(self, node: Node) -> Node:
        result = Node("block", node.position)
        for item in node.items:
            part = self.shaped(item)
            _seeking(result, part)
            if part.builds_array or (part.kind == "path" and part.items[0].builds_array):
                result.builds_array = True
            result.items.append(part)
        return result

    def _name(self, node: Node) -> Node:
        path = Node("path", items=[node])
        path.keeps_singleton = node.keeps_array
        return path

    def _parent(self, node: Node) -> Node:
        result = Node("parent", node.position)
        result.slot = Slot(f"!{self._parents}", 1, result)
        self._parents += 1
        return result


def _check_steps(steps: list[Node]) -> None:
    for step in steps:
        if step.kind in ("number", "value"):
            raise JsonataError("S0213", step.position, value=step.value)
        if step.kind == "string":
            step.kind = "name"


def _with_tail_calls(node: Node) -> Node:
    if node.kind == "function" and not node.predicates:
        return Node("lambda", node.position, None, node, is_thunk=True)
    if node.kind == "condition":
        node.right = _with_tail_calls(node.second)
        node.third = _with_tail_calls(node.third) if node.third else None
    elif node.kind == "block" and node.items:
        node.items[-1] = _with_tail_calls(node.items[-1])
    return node


def _seeking(result: Node, *parts: Node) -> Node:
    """Return the result, which looks for the parents that its parts look for."""
    for part in parts:
        result.seeking.extend(_sought(part))
    return result


def _sought(part: Node) -> list[Slot]:
    return [*part.seeking, part.slot] if part.kind == "parent" and part.slot else part.seeking


def _resolve(path: Node) -> None:
    """Look in a path for the parents that its last step means."""
    for found in _sought(path.items[-1]):
        slot, index = found, len(path.items) - 2
        while slot.level > 0:
            if index < 0:
                path.seeking.append(slot)
                break
            step, index = path.items[index], index - 1
            while index >= 0 and step.focus and path.items[index].focus:
                step, index = path.items[index], index - 1
            slot = _seek(step, slot)


def _seek(node: Node, slot: Slot) -> Slot:
    """Go one step up; the step that is reached keeps its parent for the `%`."""
    if node.kind in ("name", "wildcard"):
        _reach(node, slot)
    elif node.kind == "parent":
        slot.level += 1
    elif node.kind == "block":
        if node.items:
            node.makes_tuples = True
            slot = _seek(node.items[-1], slot)
    elif node.kind == "path":
        node.makes_tuples = True
        index = len(node.items) - 1
        slot = _seek(node.items[index], slot)
        while slot.level > 0 and index > 0:
            index -= 1
            slot = _seek(node.items[index], slot)
    else:
        raise JsonataError("S0217", node.position, token=node.kind)
    return slot


def _reach(node: Node, slot: Slot) -> None:
    slot.level -= 1
    if slot.level == 0:
        if node.ancestor is not None and slot.owner and slot.owner.slot:
            slot.owner.slot.label = node.ancestor.label
        node.ancestor = slot
        node.makes_tuples = True
