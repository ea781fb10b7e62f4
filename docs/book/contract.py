"""The contract as pages of Markdown, from schemas/ and fixtures/."""

import json
from collections import namedtuple
from html import escape
from http import HTTPStatus

import yaml

import links

# A page of the book: its file, its title, how deep it stands in the contents, its text.
Page = namedtuple("Page", "name title depth text")

METHODS = ("get", "put", "post", "patch", "delete", "options", "head")

# The sentence of each grade.
GRADES = {
    "documented": "The vendor's documentation says it, or shows it.",
    "stack": "The documentation is silent. Django REST framework, which the service uses, does it.",
    "observed": "Other public pages of the vendor show it.",
    "reading": "The documentation leaves it open. A [reading](readings.md) decides, and it can be changed.",
}


class Contract:
    """What the files say."""

    def __init__(self, root):
        self.schemas = {
            path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in (root / "schemas").glob("*.schema.json")
        }
        self.document = json.loads((root / "schemas/openapi.json").read_text(encoding="utf-8"))
        register = yaml.safe_load((root / "schemas/readings.yaml").read_text(encoding="utf-8"))
        self.readings = register["readings"]
        self.documented = {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted((root / "fixtures/documented").glob("*.json"))
        }
        self.operations = [
            Operation(self, path, method, about)
            for path, item in self.document["paths"].items()
            for method, about in item.items()
            if method in METHODS
        ]

    def resolve(self, value):
        """What a reference within the document refers to, or the value itself."""
        while isinstance(value, dict) and value.get("$ref", "").startswith("#/"):
            found = self.document
            for name in value["$ref"][2:].split("/"):
                found = found[name.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def operation_of(self, request):
        """The operation that a request asks for; of several paths the one without a parameter."""
        asked = [operation for operation in self.operations if operation.is_asked_by(request)]
        return min(asked, key=lambda operation: operation.path.count("{"))


class Operation:
    """One operation of the document."""

    def __init__(self, contract, path, method, about):
        self.contract = contract
        self.path = path
        self.method = method.upper()
        self.about = about
        self.id = about["operationId"]
        self.names = [self.id, *about.get("x-also", [])]
        self.title = about["summary"]
        self.page = f"api/{self.id}.md"

    def answers(self):
        """Each status with its answer, and the name that operations share it by, or None."""
        for status, response in self.about["responses"].items():
            shared = response.get("$ref", "").rpartition("/")[2] or None
            yield status, self.contract.resolve(response), shared

    def grade(self):
        """The grade of the operation: that of its success."""
        return next(iter(self.about["responses"].values())).get("x-grade", "")

    def readings(self):
        return [r for r in self.contract.readings if set(r["operations"]) & set(self.names)]

    def is_asked_by(self, request):
        path = request["path"].partition("?")[0]
        pattern = self.path.split("/")
        parts = path.split("/")
        return (
            request["method"] == self.method
            and len(parts) == len(pattern)
            and all(p == q or p.startswith("{") for p, q in zip(pattern, parts))
            and (self.path == path or "{" in self.path)
        )

    def documented(self):
        return {
            name: shown
            for name, shown in self.contract.documented.items()
            if self.contract.operation_of(shown["request"]) is self
        }


# Markdown.


def code(text):
    return f"`{text}`"


def grade(name):
    return f'<span class="grade {name}">{name}</span>' if name else ""


def cell(text):
    """A text that fits a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(head, rows):
    if not rows:
        return ""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"


def block(text, language="json"):
    return f"```{language}\n{text}\n```\n\n"


def laid_out(value):
    return json.dumps(value, indent=2, ensure_ascii=False)


def folded(summary, content):
    return f"<details>\n<summary>{summary}</summary>\n\n{content}</details>\n\n"


def spans(text):
    """A sentence as HTML, of which what stands between back-quotes is code."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{p}</code>" if at % 2 else p for at, p in enumerate(parts))


def status_title(status):
    try:
        return f"{status} {HTTPStatus(int(status)).phrase}"
    except ValueError:
        return status


def status_anchor(status):
    return links.anchor(status_title(status))


def is_success(status):
    return status.startswith("2") and status != "208"


# Kinds of values.


def payload_link(reference):
    name = reference.removesuffix(".schema.json")
    return f"[{name}](payloads.md#{name})"


def kind(schema):
    """The kind of a value, in words."""
    if "$ref" in schema:
        if schema["$ref"] == "#":
            return "the same again"
        if schema["$ref"].startswith("#"):
            return code(schema["$ref"].rpartition("/")[2])
        return payload_link(schema["$ref"])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(json.dumps(value)) for value in schema["enum"])
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = dict.fromkeys(kind(form) for form in schema[several])
            return " or ".join(kinds)
    types = schema.get("type", "any value")
    types = [types] if isinstance(types, str) else types
    if "array" in types and isinstance(schema.get("items"), dict):
        inner = kind(schema["items"])
        return " or ".join(f"list of {inner}" if name == "array" else name for name in types)
    text = " or ".join(types)
    if "maxLength" in schema:
        text += f" of at most {schema['maxLength']} characters"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        text += f", {low} to {high}"
    elif low is not None:
        text += f", at least {low}"
    return text


def members(schema):
    """A table of the members of an object."""
    required = set(schema.get("required", []))
    rows = [
        (code(name), kind(member) + ("" if name in required else ", optional"),
         member.get("description", ""))
        for name, member in schema.get("properties", {}).items()
    ]
    return table(["member", "value", "meaning"], rows)


def shape(schema):
    """What a schema takes."""
    text = members(schema)
    if text:
        return text
    return f"{kind(schema)}\n\n"


# Pages.


def overview(contract):
    info = contract.document["info"]
    text = "# The API\n\n" + info["summary"] + "\n\n"
    text += (
        "These pages are made from [`openapi.json`](../files/schemas/openapi.json), the register of"
        " readings and the responses of the vendor's documentation. [The contract](../contract.md)"
        " has the same as prose, section by section of that documentation.\n\n"
        "Base address of the examples: `http://localhost:8000`, where the mock listens."
        " Except for login, each request has the header `Authorization: Token KEY`.\n\n"
    )
    for tag in contract.document["tags"]:
        rows = [
            (f"[{operation.title}]({operation.id}.md)",
             f"`{operation.method} {operation.path}`", grade(operation.grade()))
            for operation in contract.operations
            if tag["name"] in operation.about["tags"]
        ]
        text += f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n"
        text += table(["operation", "request", "grade"], rows)
    text += "## Grades\n\nEach answer has a grade, which says who says so.\n\n"
    text += table(["grade", "meaning"], [(grade(name), says) for name, says in GRADES.items()])
    text += "## For every path\n\n"
    for paragraph in info["description"].split("\n\n")[1:]:
        text += paragraph + "\n\n"
    return text


def parameters(operation):
    rows = []
    for parameter in operation.about.get("parameters", []):
        parameter = operation.contract.resolve(parameter)
        place = parameter["in"] + (", required" if parameter.get("required") else "")
        rows.append((code(parameter["name"]), kind(parameter["schema"]), place,
                     parameter.get("description", "")))
    if not rows:
        return ""
    return "## Parameters\n\n" + table(["parameter", "value", "in", "meaning"], rows)


def request_body(operation):
    body = operation.about.get("requestBody")
    if not body:
        return ""
    text = "## Body\n\n"
    if not body.get("required", False):
        text += "The body may be left out.\n\n"
    content = body["content"].get("application/json", {})
    schema = content.get("schema", {})
    reference = schema.get("$ref", "")
    named = operation.contract.schemas.get(reference)
    if named:
        text += f"{payload_link(reference)}: {named.get('description', '')}\n\n"
    text += shape(named or schema)
    for name, example in content.get("examples", {}).items():
        text += folded(
            f"{spans(example.get('summary', name))} {grade(example.get('x-grade'))}",
            block(curl(operation, example["value"]), "sh"),
        )
    return text


def curl(operation, body=None):
    address = "http://localhost:8000" + operation.path
    method = "" if operation.method == ("GET" if body is None else "POST") else f"-X {operation.method} "
    line = f"curl {method}'{address}'"
    if operation.id != "login":
        line += " \\\n  -H 'Authorization: Token any'"
    if body is not None:
        text = laid_out(body).replace("'", "'\\''")
        line += f" \\\n  -H 'Content-Type: application/json' \\\n  -d '{text}'"
    return line


def examples(response):
    text = ""
    for media, content in response.get("content", {}).items():
        for name, example in content.get("examples", {}).items():
            summary = example.get("summary", name.replace("-", " ").capitalize() + ".")
            shown = example.get("value")
            if isinstance(shown, str):
                shown = block(shown, "text")
            else:
                shown = block(laid_out(shown))
            text += folded(f"{spans(summary)} {grade(example.get('x-grade'))}", shown)
    return text


def payloads_of(response):
    kinds = []
    for media, content in response.get("content", {}).items():
        of_media = "" if media == "application/json" else f" ({code(media)})"
        kinds.append(kind(content.get("schema", {})) + of_media)
    return f"Body: {', '.join(kinds)}.\n\n" if kinds else ""


def shown(name, documented, level):
    """A response that the vendor's documentation shows, with its request."""
    request, response = documented["request"], documented["response"]
    source = documented["source"]
    head = f"{request['method']} {request['path']}"
    headers = "".join(f"\n{key}: {value}" for key, value in request.get("headers", {}).items())
    body = "\n\n" + laid_out(request["body"]) if request.get("body") is not None else ""
    text = f"{'#' * level} {code(name)}\n\n"
    text += f"> **{source['section']}**: {escape(source['quote'], quote=False)}\n\n"
    text += block(head + headers + body, "http")
    text += f"{status_title(str(response['status']))}\n\n"
    if response.get("body") is not None:
        text += block(laid_out(response["body"]))
    return text


def operation_page(operation):
    text = f"# {operation.title}\n\n`{operation.method} {operation.path}`\n\n"
    names = " or ".join(code(name) for name in operation.names)
    text += f"{grade(operation.grade())} {names}\n\n{operation.about['description']}\n\n"
    readings = operation.readings()
    if readings:
        rows = [
            (f"[{r['id']}](readings.md#{r['id']})", r["question"], code(r["default"]))
            for r in readings
        ]
        text += "## Readings\n\nQuestions that the documentation leaves open here, and the default of"
        text += " the mock.\n\n" + table(["reading", "question", "default"], rows)
    text += parameters(operation) + request_body(operation)
    if "requestBody" not in operation.about:
        text += "## Request\n\n" + block(curl(operation), "sh")
    text += "## Answers\n\n"
    shared = []
    for status, response, name in operation.answers():
        if name:
            row = (f"[{status_title(status)}](statuses.md#{status_anchor(status)})",
                   response["description"], grade(response.get("x-grade")))
            shared.append(row)
            continue
        text += f"### {status_title(status)}\n\n{grade(response.get('x-grade'))} "
        text += f"{response['description']}\n\n{payloads_of(response)}{examples(response)}"
    if shared:
        text += "### Like other operations\n\n" + table(["status", "when", "grade"], shared)
    documented = operation.documented()
    if documented:
        text += "## In the vendor's documentation\n\n"
        text += "The mock gives these answers member for member.\n\n"
        text += "".join(shown(name, one, 3) for name, one in documented.items())
    return text


def statuses(contract):
    by_status = {}
    for operation in contract.operations:
        for status, response, name in operation.answers():
            by_status.setdefault(status, []).append((operation, response, name))
    text = "# Statuses\n\nEach status that an operation answers with, and when.\n\n"
    text += table(["status", "operations"], [
        (f"[{status_title(status)}](#{status_anchor(status)})", len(by_status[status]))
        for status in sorted(by_status)
    ])
    for status in sorted(by_status):
        text += f"## {status_title(status)}\n\n"
        rows = [
            (f"[{operation.title}]({operation.id}.md)", response["description"],
             grade(response.get("x-grade")))
            for operation, response, _ in by_status[status]
        ]
        common = {name: response for _, response, name in by_status[status] if name}
        if len({row[1] for row in rows}) == 1 and common:
            (response,) = list(common.values())[:1]
            text += f"{grade(response.get('x-grade'))} {response['description']}"
            text += f" {len(rows)} operations answer so.\n\n"
        else:
            text += table(["operation", "when", "grade"], rows)
        for response in common.values():
            text += payloads_of(response) + examples(response)
    return text


def refusals(contract):
    """Each body of a refusal that the document shows, with who answers it."""
    found = {}
    for operation in contract.operations:
        for status, response, _ in operation.answers():
            if is_success(status):
                continue
            for content in response.get("content", {}).values():
                for example in content.get("examples", {}).values():
                    body = example.get("value")
                    body = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
                    key = (status, body)
                    row = found.setdefault(key, (example, []))
                    row[1].append(operation)
    text = (
        "# Refusals\n\nA client got a body that it does not know? Search for it here. In each"
        " refusal nothing was written.\n\n"
    )
    status_before = None
    for (status, body), (example, operations) in sorted(found.items(), key=lambda item: item[0]):
        if status != status_before:
            text += f"## {status_title(status)}\n\n"
            status_before = status
        text += block(body, "json" if body.startswith(("{", "[")) else "text")
        says = f"{example['summary']} " if "summary" in example else ""
        text += f"{says}{grade(example.get('x-grade'))}\n\n"
        if len(operations) > 5:
            text += f"{len(operations)} operations answer so.\n\n"
        else:
            text += ", ".join(f"[{o.title}]({o.id}.md)" for o in operations) + "\n\n"
    return text


def documented_page(contract):
    text = (
        f"# Documented responses\n\nThe {len(contract.documented)} responses that the vendor's"
        " documentation shows, each with its request. The mock gives these answers member for"
        " member; the runner compares a service with them.\n\n"
    )
    for operation in contract.operations:
        of_it = operation.documented()
        if of_it:
            text += f"## {operation.title}\n\n[The operation]({operation.id}.md)\n\n"
            text += "".join(shown(name, one, 3) for name, one in of_it.items())
    return text


def readings_page(contract):
    text = (
        "# The register of readings\n\nThe questions that the vendor's documentation leaves open,"
        " the evidence for each, and the choices. [Readings](../readings.md) says how to choose"
        " one.\n\n"
    )
    known = {name: operation for operation in contract.operations for name in operation.names}
    for reading in contract.readings:
        text += f"## {reading['id']}\n\n**{reading['question']}**\n\n"
        text += "Evidence:\n\n"
        for evidence in reading["evidence"]:
            if "quote" in evidence:
                quote = escape(evidence["quote"].strip(), quote=False)
                text += f"> **{evidence['section']}**: {quote}\n\n"
            else:
                text += f"- {' '.join(evidence['facts'].split())}\n\n"
        if "choices" in reading:
            rows = [
                (code(choice["id"]) + (" (default)" if choice["id"] == reading["default"] else ""),
                 choice["meaning"])
                for choice in reading["choices"]
            ]
            text += table(["choice", "meaning"], rows)
        else:
            number = reading["number"]
            text += (
                f"A number from {number['minimum']:,} to {number['maximum']:,};"
                f" {reading['default']:,} by default.\n\n"
            )
        operations = [known[name] for name in reading["operations"] if name in known]
        if operations:
            text += "Decides in: "
            text += ", ".join(f"[{o.title}]({o.id}.md)" for o in dict.fromkeys(operations)) + "\n\n"
        text += block(f"whippy-mock --reading {reading['id']}={reading['default']}", "sh")
    return text


def payloads(contract):
    """Each schema that the document refers to, however far."""
    wanted, at = [], 0

    def gather(value):
        if isinstance(value, dict):
            reference = value.get("$ref", "")
            if reference in contract.schemas and reference not in wanted:
                wanted.append(reference)
            for inner in value.values():
                gather(inner)
        elif isinstance(value, list):
            for inner in value:
                gather(inner)

    gather(contract.document)
    while at < len(wanted):
        gather(contract.schemas[wanted[at]])
        at += 1
    text = "# Payloads\n\nThe bodies of requests and answers. Each is a JSON Schema file.\n\n"
    for name in sorted(wanted):
        schema = contract.schemas[name]
        text += f"## {name.removesuffix('.schema.json')}\n\n{schema.get('description', '')}\n\n"
        text += shape(schema)
        for part, inner in schema.get("$defs", {}).items():
            text += f"{code(part)}: {inner.get('description', '')}\n\n{shape(inner)}"
        text += f"[{name}](../files/schemas/{name})\n\n"
    return text


def pages(root):
    """The pages, in the order of the contents."""
    contract = Contract(root)
    return [
        Page("api/index.md", "The API", 0, overview(contract)),
        *(
            Page(operation.page, operation.title, 1, operation_page(operation))
            for operation in contract.operations
        ),
        Page("api/statuses.md", "Statuses", 0, statuses(contract)),
        Page("api/refusals.md", "Refusals", 0, refusals(contract)),
        Page("api/documented.md", "Documented responses", 0, documented_page(contract)),
        Page("api/readings.md", "The register of readings", 0, readings_page(contract)),
        Page("api/payloads.md", "Payloads", 0, payloads(contract)),
    ]
