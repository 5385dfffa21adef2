"""HCL text -> `Body`; template text -> `Node`. Raises HclError for what Terraform would not read. Pure."""

from agent.gate.hcl import MAX_DEPTH, Attribute, Block, Body, HclError, Node
from agent.gate.hcl_scan import FREE_TEXT, HEREDOC_TEXT, QUOTED_TEXT, SPACES, Token, scan, unescape

LEVELS = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    ">": 4,
    ">=": 4,
    "<": 4,
    "<=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}


def parse(text: str) -> Body:
    """A whole `.tf` file. Raises HclError; its offset points into `text`."""
    _check_returns(text)
    return _Parser(text).body(closing="end")


def parse_template(text: str) -> Node:
    """A whole template file, as `templatefile` reads it. Raises HclError."""
    parser = _Parser(text)
    parts, stop = parser.template_parts(_FREE, stops=())
    if stop:
        raise HclError(f"%{{ {stop} }} without a beginning", parser.at)
    return Node("template", 0, "", parts)


def _check_returns(text: str) -> None:
    at = text.find("\r")
    while at >= 0:
        if not text.startswith("\n", at + 1):
            raise HclError("a carriage return on its own", at)
        at = text.find("\r", at + 1)


class _Place:
    """Where template text is read from: quotes, a heredoc with its marker, or a whole file."""

    def __init__(self, kind: str, marker: str = "") -> None:
        self.kind = kind
        self.marker = marker
        self.line_start = True


_FREE = _Place("free")


class _Parser:
    """One reading of one text, with a place in it; every method reads on from there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.newlines = True
        self.depth = 0

    # --- tokens ---

    def peek(self) -> Token:
        return scan(self.text, self.at, newlines=self.newlines)

    def read(self) -> Token:
        token = scan(self.text, self.at, newlines=self.newlines)
        self.at = token.end
        return token

    def expect(self, kind: str) -> Token:
        token = self.read()
        if token.kind != kind:
            raise HclError(f"expected {kind!r}, found {token.text[:20]!r}", token.at)
        return token

    def deeper(self, at: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise HclError(f"nested deeper than {MAX_DEPTH}", at)

    # --- bodies ---

    def body(self, *, closing: str) -> Body:
        self.deeper(self.at)
        attributes: list[Attribute] = []
        blocks: list[Block] = []
        seen: set[str] = set()
        while True:
            token = self.read()
            if token.kind == "newline":
                continue
            if token.kind == closing:
                self.depth -= 1
                return Body(tuple(attributes), tuple(blocks))
            if token.kind != "name":
                raise HclError(f"expected a name, found {token.text[:20]!r}", token.at)
            if self.peek().kind == "=":
                attributes.append(self.attribute(token, seen))
            else:
                blocks.append(self.block(token))
            self.line_end()

    def line_end(self) -> None:
        token = self.peek()
        if token.kind == "newline":
            self.at = token.end
        elif token.kind != "end":
            raise HclError(f"expected a new line, found {token.text[:20]!r}", token.at)

    def attribute(self, name: Token, seen: set[str]) -> Attribute:
        if name.text in seen:
            raise HclError(f"{name.text} is set twice", name.at)
        seen.add(name.text)
        self.expect("=")
        return Attribute(name.text, self.expression(), name.at)

    def block(self, name: Token) -> Block:
        labels: list[str] = []
        while True:
            token = self.read()
            if token.kind == "name":
                labels.append(token.text)
            elif token.kind == '"':
                labels.append(self.label(token))
            elif token.kind == "{":
                break
            else:
                raise HclError(f"expected a block's label or '{{', found {token.text[:20]!r}", token.at)
        first = self.peek()
        if first.kind in {"newline", "end", "}"}:
            body = self.body(closing="}")
        else:
            self.expect("name")
            body = Body((self.attribute(first, set()),), ())
            self.expect("}")
        return Block(name.text, tuple(labels), body, name.at, self.at)

    def label(self, quote: Token) -> str:
        match = QUOTED_TEXT.match(self.text, self.at)
        end = match.end() if match else self.at
        if not self.text.startswith('"', end):
            raise HclError("a block's label must be plain text", quote.at)
        raw = self.text[self.at : end]
        self.at = end + 1
        return unescape(raw, quote.at, quoted=True)

    # --- expressions ---

    def expression(self) -> Node:
        self.deeper(self.at)
        node = self.binary(1)
        if self.peek().kind == "?":
            self.read()
            yes = self.expression()
            self.expect(":")
            node = Node("if", node.at, "", (node, yes, self.expression()))
        self.depth -= 1
        return node

    def binary(self, level: int) -> Node:
        left = self.traversed()
        while True:
            operator = self.peek()
            own = LEVELS.get(operator.kind, 0)
            if own < level:
                return left
            self.at = operator.end
            left = Node("op", left.at, operator.kind, (left, self.binary(own + 1)))

    def traversed(self) -> Node:
        signs: list[Token] = []
        token = self.read()
        while token.kind in {"-", "!"}:
            signs.append(token)
            token = self.read()
        if len(signs) > MAX_DEPTH:
            raise HclError(f"nested deeper than {MAX_DEPTH}", token.at)
        node = self.term(token)
        while True:
            token = self.peek()
            if token.kind == "." and node.kind == "number":
                raise HclError("a number has no attributes", token.at)
            if token.kind == ".":
                self.at = token.end
                step = self.read()
                if step.kind == "name":
                    node = Node("attr", node.at, step.text, (node,))
                elif step.kind == "number" and step.text.isdigit():
                    node = Node("index", node.at, "", (node, Node("number", step.at, step.text)))
                elif step.kind == "*":
                    node = Node("splat", node.at, "", (node,))
                else:
                    raise HclError(f"expected an attribute's name, found {step.text[:20]!r}", step.at)
            elif token.kind == "[":
                self.at = token.end
                node = self.index(node)
            else:
                break
        for sign in reversed(signs):
            node = Node("op", sign.at, sign.kind, (node,))
        return node

    def index(self, source: Node) -> Node:
        before, self.newlines = self.newlines, False
        if self.peek().kind == "*":
            self.read()
            node = Node("splat", source.at, "", (source,))
        else:
            node = Node("index", source.at, "", (source, self.expression()))
        self.expect("]")
        self.newlines = before
        return node

    def term(self, token: Token) -> Node:
        kind = token.kind
        if kind == "name":
            after = self.peek()
            if after.kind in {"(", "::"}:
                return self.call(token)
            return Node("word" if token.text in {"true", "false", "null"} else "name", token.at, token.text)
        if kind == '"':
            return self.template(token, _Place("quoted"))
        if kind == "number":
            return Node("number", token.at, token.text)
        if kind == "heredoc":
            return self.template(token, _Place("heredoc", token.text.strip().lstrip("<").removeprefix("-")))
        if kind in {"(", "[", "{"}:
            return self.bracketed(token)
        raise HclError(f"expected a value, found {token.text[:20]!r}", token.at)

    def bracketed(self, opening: Token) -> Node:
        before, self.newlines = self.newlines, False
        if opening.kind == "(":
            node = self.expression()
            self.expect(")")
        elif self.peek().text == "for" and self.peek().kind == "name":
            node = self.for_expression(opening)
        elif opening.kind == "[":
            node = Node("list", opening.at, "", self.items("]"))
        else:
            self.newlines = True
            node = self.object(opening)
        self.newlines = before
        return node

    def items(self, closing: str) -> tuple[Node, ...]:
        """Comma-separated expressions up to and with `closing`; a call's last one may be expanded by `...`."""
        found: list[Node] = []
        while True:
            if self.peek().kind == closing:
                self.read()
                return tuple(found)
            found.append(self.expression())
            token = self.read()
            if token.kind == closing:
                return tuple(found)
            if token.kind == "..." and closing == ")":
                self.expect(closing)
                return tuple(found)
            if token.kind != ",":
                raise HclError(f"expected ',' or {closing!r}, found {token.text[:20]!r}", token.at)

    def call(self, name: Token) -> Node:
        names = [name.text]
        while self.peek().kind == "::":
            self.read()
            names.append(self.expect("name").text)
        self.expect("(")
        before, self.newlines = self.newlines, False
        arguments = self.items(")")
        self.newlines = before
        return Node("call", name.at, "::".join(names), arguments)

    def object(self, opening: Token) -> Node:
        found: list[Node] = []
        while True:
            token = self.peek()
            if token.kind == "newline":
                self.read()
                continue
            if token.kind == "}":
                self.read()
                return Node("object", opening.at, "", tuple(found))
            key = self.expression()
            separator = self.read()
            if separator.kind not in {"=", ":"}:
                raise HclError(f"expected '=', found {separator.text[:20]!r}", separator.at)
            value = self.expression()
            literal = key.text if token.kind != "(" and key.kind in {"name", "string", "number", "word"} else ""
            found.append(Node("item", token.at, literal, (key, value)))
            token = self.peek()
            if token.kind in {",", "newline"}:
                self.read()
            elif token.kind != "}":
                raise HclError(f"expected ',' or '}}', found {token.text[:20]!r}", token.at)

    def for_names(self) -> None:
        self.expect("name")
        if self.peek().kind == ",":
            self.read()
            self.expect("name")
        token = self.expect("name")
        if token.text != "in":
            raise HclError(f"expected 'in', found {token.text[:20]!r}", token.at)

    def for_expression(self, opening: Token) -> Node:
        self.read()
        self.for_names()
        parts = [self.expression()]
        self.expect(":")
        parts.append(self.expression())
        if opening.kind == "{":
            self.expect("=>")
            parts.append(self.expression())
            if self.peek().kind == "...":
                self.read()
        if self.peek().text == "if":
            self.read()
            parts.append(self.expression())
        self.expect("}" if opening.kind == "{" else "]")
        return Node("for", opening.at, "", tuple(parts))

    # --- templates ---

    def template(self, opening: Token, place: _Place) -> Node:
        parts, stop = self.template_parts(place, stops=())
        if stop:
            raise HclError(f"%{{ {stop} }} without a beginning", self.at)
        if not parts:
            return Node("string", opening.at)
        if len(parts) == 1 and parts[0].kind == "string":
            return parts[0]._replace(at=opening.at)
        return Node("template", opening.at, "", parts)

    def literal(self, place: _Place) -> str:
        """Text up to the next `${`, `%{` or the end of what a single match may hold; moves on."""
        pattern = {"quoted": QUOTED_TEXT, "heredoc": HEREDOC_TEXT, "free": FREE_TEXT}[place.kind]
        match = pattern.match(self.text, self.at)
        raw = match.group() if match else ""
        text = unescape(raw, self.at, quoted=place.kind == "quoted")
        self.at += len(raw)
        return text

    def template_parts(self, place: _Place, *, stops: tuple[str, ...]) -> tuple[tuple[Node, ...], str]:
        """Parts up to the template's end, or up to the directive in `stops` that ends this part (and its name)."""
        self.deeper(self.at)
        parts: list[Node] = []
        while True:
            start = self.at
            if place.kind == "heredoc" and place.line_start and self.closes(place.marker):
                break
            text = self.literal(place)
            place.line_start = text.endswith("\n")
            if text:
                parts.append(Node("string", start, text))
            if place.kind == "heredoc" and place.line_start:
                continue
            if self.text.startswith("${", self.at):
                parts.append(self.interpolation())
            elif self.text.startswith("%{", self.at):
                node, stop = self.directive(place, stops)
                if stop:
                    self.depth -= 1
                    return tuple(parts), stop
                parts.append(node)
            elif place.kind == "quoted" and self.text.startswith('"', self.at):
                self.at += 1
                break
            elif place.kind == "free" and self.at == len(self.text):
                break
            else:
                raise HclError("text without an end", start)
            place.line_start = False
        if stops:
            raise HclError(f"no %{{ {stops[-1]} }}", self.at)
        self.depth -= 1
        return tuple(parts), ""

    def closes(self, marker: str) -> bool:
        end = self.text.find("\n", self.at)
        if end < 0 or self.text[self.at : end].strip(SPACES) != marker:
            return False
        self.at = end
        return True

    def interpolation(self) -> Node:
        self.at += 2 + self.text.startswith("~", self.at + 2)
        before, self.newlines = self.newlines, False
        node = self.expression()
        self.sequence_end()
        self.newlines = before
        return node

    def sequence_end(self) -> None:
        token = self.read()
        if token.kind not in {"}", "~}"}:
            raise HclError(f"expected '}}', found {token.text[:20]!r}", token.at)

    def directive(self, place: _Place, stops: tuple[str, ...]) -> tuple[Node, str]:
        at = self.at
        self.at += 2 + self.text.startswith("~", self.at + 2)
        before, self.newlines = self.newlines, False
        word = self.expect("name").text
        if word in stops:
            self.sequence_end()
            self.newlines = before
            place.line_start = False
            return Node("word", at, word), word
        if word not in {"if", "for"}:
            raise HclError(f"%{{ {word} }} cannot stand here", at)
        if word == "for":
            self.for_names()
        parts = [self.expression()]
        self.sequence_end()
        self.newlines = before
        place.line_start = False
        if word == "for":
            inner, _ = self.template_parts(place, stops=("endfor",))
        else:
            inner, stop = self.template_parts(place, stops=("else", "endif"))
            if stop == "else":
                parts.append(Node("template", at, "", inner))
                inner, _ = self.template_parts(place, stops=("endif",))
        parts.append(Node("template", at, "", inner))
        return Node(word, at, "", tuple(parts)), ""
