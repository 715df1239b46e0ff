"""The part of CloudWatch's filter pattern syntax that template.yaml uses, to check what a filter counts."""

import re

COMPARISON = re.compile(r'\(\$\.(\w+) (=|!=) "([^"]*)"\)')


def matches(pattern, line):
    """Whether a filter with that pattern counts a line. A missing field matches nothing."""

    def holds(comparison):
        field, operator, wanted = comparison.groups()
        if field not in line:
            return "False"
        wanted = re.escape(wanted).replace(r"\*", ".*")
        return str((re.fullmatch(wanted, str(line[field])) is not None) == (operator == "="))

    outer = re.fullmatch(r"\{ (.*) \}", pattern)
    words = COMPARISON.sub(holds, outer[1] if outer else pattern).replace("&&", "and").replace("||", "or")
    if not re.fullmatch(r"(True|False|and|or|[() ])+", words):
        raise AssertionError(f"a pattern in a form that this test does not know: {pattern}")
    return eval(words)
