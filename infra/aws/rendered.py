"""template.yaml as CloudFormation receives it, and access to its parts."""

from render import TEMPLATE, render

ROOT = TEMPLATE.parent
RENDERED = render()
RESOURCES = RENDERED["Resources"]

HTTP_ROUTES = {
    "/api/ingest": "ingest",
    "/api/ingests": "ingest",
    "/api/ingests/{id}": "ingest",
    "/api/ingests/{id}/resolution": "ingest",
    "/api/uploads": "upload",
    "/api/uploads/{id}": "upload",
    "/api/uploads/{id}/complete": "upload",
    "/api/uploads/{id}/parts/{part}": "upload",
    "/api/chemistry/models": "chemistry",
    "/api/chemistry/fit": "chemistry",
    "/api/chemistry/fit/{id}": "chemistry",
    "/api/{proxy+}": "api",
    "/docs": "dashboard",
    "/docs/{proxy+}": "api",
    "/health": "health",
    "/livez": "health",
    "/readyz": "health",
    "/metrics": "metrics",
    "$default": "dashboard",
}
LIVE_ROUTES = {"$connect": "ws-connect", "$disconnect": "ws-disconnect", "$default": "ws-message"}


def of_type(kind):
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == kind}


def several(value):
    return value if isinstance(value, list) else [value]


def text(value):
    """An ARN as text: `Logical.Attribute` for Fn::GetAtt, the template for Fn::Sub."""
    match value:
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(template)} | str(template):
            return template
    raise AssertionError(f"an ARN in a form that this test does not know: {value}")


def ref(value):
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return name
    raise AssertionError(f"a reference is expected: {value}")


def binaries():
    """Functions by their binary: logical id and properties."""
    functions = of_type("AWS::Lambda::Function").items()
    return {f["Metadata"]["BuildProperties"]["Binary"]: (name, f["Properties"]) for name, f in functions}


FUNCTIONS = binaries()


def role_of(binary):
    return RESOURCES[ref(FUNCTIONS[binary][1]["Role"])]["Properties"]


def statements(binary):
    return [s for policy in role_of(binary)["Policies"] for s in policy["PolicyDocument"]["Statement"]]


def strings(value):
    """All texts in a value, at any depth."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from [key, *strings(inner)]
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    else:
        yield str(value)


def parts(statement):
    """A statement in a comparable form: actions, resources and partition keys."""
    keys = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
    return frozenset(several(statement["Action"])), tuple(map(text, several(statement["Resource"]))), frozenset(keys)
