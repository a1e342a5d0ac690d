# SPDX-License-Identifier: Apache-2.0
"""Decides a request as IAM does within one account: an explicit Deny, else an Allow, else no.

Only what our policies use. Anything else raises, so that a policy cannot be judged by half.
"""
import re

VARIABLE = re.compile(r"\$\{([^}]+)\}")


def as_list(value):
    return value if isinstance(value, list) else [value]


def _matches(pattern, text, ignore_case=False):
    expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL if ignore_case else re.DOTALL) is not None


def _expanded(pattern, context):
    """With policy variables filled in; None when the request does not have one: then nothing matches."""
    if any(name not in context for name in VARIABLE.findall(pattern)):
        return None
    # A value that bears a wildcard is taken as it is written.
    return VARIABLE.sub(lambda found: context[found[1]].replace("*", "\0"), pattern)


def _resource_matches(pattern, resource, context):
    expanded = _expanded(pattern, context)
    return expanded is not None and _matches(expanded, resource.replace("*", "\0"))


OPERATORS = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringLike": _matches,
    "ArnEquals": _matches,
    "ArnLike": _matches,
    "Bool": lambda wanted, given: wanted == given,
}


NEGATED = {"StringNotEquals": OPERATORS["StringEquals"], "ArnNotEquals": OPERATORS["ArnEquals"]}


def _conditions_hold(conditions, context):
    for operator, tests in conditions.items():
        for name, wanted in tests.items():
            given = context.get(name)
            if operator in NEGATED:
                # Holds for a request that does not have the key.
                if given is not None and any(NEGATED[operator](w, given) for w in as_list(wanted)):
                    return False
            elif given is None or not any(OPERATORS[operator](w, given) for w in as_list(wanted)):
                return False
    return True


def _applies(statement, action, resource, context):
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    if unknown:
        raise ValueError(f"not judged here: {unknown}")
    return (any(_matches(a, action, ignore_case=True) for a in as_list(statement["Action"]))
            and any(_resource_matches(r, resource, context) for r in as_list(statement["Resource"]))
            and _conditions_hold(statement.get("Condition", {}), context))


def allows(policies, action, resource, **context):
    """context: condition keys with ":" and "/" written as they are, given as a dict in `keys`."""
    keys = context.get("keys", {})
    effects = {s["Effect"] for p in policies for s in p["Statement"] if _applies(s, action, resource, keys)}
    return "Allow" in effects and "Deny" not in effects


def actions(policies):
    """Every action that some statement allows, as it is written."""
    return {a for p in policies for s in p["Statement"] if s["Effect"] == "Allow" for a in as_list(s["Action"])}
