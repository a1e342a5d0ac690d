# SPDX-License-Identifier: Apache-2.0
"""Writes schema.json: what hashicorp/aws says of the resources that our Terraform uses.

The provider itself cannot be built from the registries that tests may use. Its schema was published, too: as
TypeScript, generated from it, in the npm package @cdktf/provider-aws. Run this after using a new resource:

    npm pack @cdktf/provider-aws@21.22.1 && tar xzf cdktf-provider-aws-21.22.1.tgz
    python3 tests/terraform/stand_in/extract_schema.py package
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
USED = re.compile(r'^(resource|data)\s+"aws_(\w+)"', re.MULTILINE)
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
PROPERTY = re.compile(r"^    readonly (\w+)(\??):", re.MULTILINE)
NESTED = re.compile(
    r"^function (\w+)ToHclTerraform\(struct\) \{(?:(?!^\}).)*?const attrs = \{\n(.*?)\n    \};", re.MULTILINE | re.DOTALL)
OUTER = re.compile(r"synthesizeHclAttributes\(\) \{\s*const attrs = \{\n(.*?)\n        \};", re.DOTALL)
ATTRIBUTE = re.compile(
    r"^\s+(\w+): \{\s*value: (.*?),\s*isBlock: (true|false),\s*type: \"(\w+)\",\s*storageClassType: \"(\w+)\",\s*\}",
    re.MULTILINE | re.DOTALL)
# What AWS alone knows: a getter that no setter goes with.
GETTER = re.compile(r"get(String|Number|Boolean|List|StringMap)Attribute\('(\w+)'\)")
TYPES = {
    "string": "string", "number": "number", "boolean": "bool", "stringList": ["list", "string"], "numberList": ["list", "number"],
    "stringMap": ["map", "string"], "booleanMap": ["map", "bool"], "numberMap": ["map", "number"],
}
COMPUTED = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"], "StringMap": ["map", "string"]}


def optional(interfaces, name, camel):
    """Whether the interface says `camel?:`. What stands in no interface is set by nobody."""
    return interfaces.get(name, {}).get(camel, True)


def read(text, interface, interfaces, nested, level=0):
    block = {"attributes": {}, "blocks": {}}
    for name, value, is_block, kind, storage in ATTRIBUTE.findall(text):
        camel = re.search(r"(?:struct\.|this\._)(\w+)", value)[1]
        free = optional(interfaces, interface, camel)
        if is_block == "false":
            element = TYPES[storage]
            if kind == "set":
                element = ["set", element[1]]
            block["attributes"][name] = {"type": element, "optional" if free else "required": True}
            continue
        function = re.search(r"(\w+)ToHclTerraform", value)[1]
        inner = function[0].upper() + function[1:]
        single = "listMapper" not in value
        block["blocks"][name] = {
            "nesting": "single" if kind == "struct" else kind if kind in ("list", "set") else "list",
            "min": 0 if free else 1,
            "max": 1 if single and kind != "struct" else 0,
            "block": read(nested[function], inner, interfaces, nested, level + 1) if function in nested else {"attributes": {}, "blocks": {}},
        }
    return block


def schema_of(package, kind, name):
    folder = package / "lib" / (("data-aws-" if kind == "data" else "") + name.replace("_", "-"))
    js, ts = (folder / "index.js").read_text(), (folder / "index.d.ts").read_text()
    interfaces = {n: {p: bool(q) for p, q in PROPERTY.findall(body)} for n, body in INTERFACE.findall(ts)}
    nested = dict(NESTED.findall(js))
    config = next(n for n in interfaces if n.endswith("Config"))
    config = next((n for n, body in INTERFACE.findall(ts) if f"interface {n} extends cdktf.TerraformMetaArguments" in ts), config)
    outer = OUTER.search(js)
    block = read(outer[1] if outer else "", config, interfaces, nested)
    # Only the resource's own class, which stands last in the file.
    own = js[js.rindex(" extends cdktf.Terraform"):]
    for which, attribute in GETTER.findall(own):
        if attribute not in block["attributes"] and attribute not in block["blocks"]:
            block["attributes"][attribute] = {"type": COMPUTED[which], "computed": True}
    # May be given, and is known anyway: the bindings do not tell such attributes from others.
    for attribute in ("id", "region"):
        if "optional" in block["attributes"].get(attribute, {}):
            block["attributes"][attribute]["computed"] = True
    return block


def main():
    package = pathlib.Path(sys.argv[1])
    used = set()
    for path in (HERE.parents[2] / "terraform").rglob("*.tf"):
        used |= {(kind, name) for kind, name in USED.findall(path.read_text())}
    provider = re.search(r"provider version (\S+)", (package / "README.md").read_text())[1]
    found = {"provider": provider, "resource": {}, "data": {}}
    for kind, name in sorted(used):
        found[kind][f"aws_{name}"] = schema_of(package, kind, name)
    lines = [f'{{"provider": "{provider}"']
    for kind in ("resource", "data"):
        rows = [f'  {json.dumps(name)}: {json.dumps(block, sort_keys=True, separators=(",", ":"))}' for name, block in found[kind].items()]
        lines.append(f'"{kind}": {{\n' + ",\n".join(rows) + "\n}")
    (HERE / "schema.json").write_text(",\n".join(lines) + "}\n")
    print(f"hashicorp/aws {provider}: {len(found['resource'])} resources, {len(found['data'])} data sources")


main()
