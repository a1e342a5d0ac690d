# SPDX-License-Identifier: Apache-2.0
"""Two types of one name in one namespace: the linker would take one's functions for both, and nothing warns.

usage: type_names.py ROOT
"""
import collections
import pathlib
import re
import sys

NAMESPACE = re.compile(r"^namespace (jitney(?:::\w+)*) \{", re.MULTILINE)
UNNAMED = re.compile(r"^namespace \{.*?^\}  // namespace$", re.MULTILINE | re.DOTALL)
TYPE = re.compile(r"^(?:struct|class|enum class) (\w+)(?: final)?(?: :[^{;]*)? ?\{", re.MULTILINE)


def types(text):
    """The types that a file defines for others to see: [(namespace, name), ...]."""
    namespace = NAMESPACE.search(text)
    return [(namespace[1], name) for name in TYPE.findall(UNNAMED.sub("", text))] if namespace else []


def check_itself():
    text = "namespace jitney::app {\nnamespace {\nstruct A {\n};\n}  // namespace\nclass B final : public C {\n};\nstruct D;\n}\n"
    assert types(text) == [("jitney::app", "B")], types(text)


def main():
    check_itself()
    root = pathlib.Path(sys.argv[1])
    places = collections.defaultdict(set)
    for folder in ("apps", "aws", "core", "github", "local", "net", "sim"):
        for path in sorted((root / folder).rglob("*.?pp")):
            # A test's own types are its program's alone.
            if "_test." not in path.name:
                for name in types(path.read_text()):
                    places[name].add(str(path.relative_to(root)))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    for (namespace, name), where in sorted(twice.items()):
        print(f"{namespace}::{name} is defined in {' and in '.join(sorted(where))}: give one another name")
    print(f"{len(places)} types, {len(twice)} of them twice")
    sys.exit(1 if twice else 0)


if __name__ == "__main__":
    main()
