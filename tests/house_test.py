#!/usr/bin/env python3
"""The rules of the house (CONTRIBUTING.md): who includes whom, and how large a room may grow.

    house_test.py ROOT         checks a source tree; exit code 1 and a line per violation
    house_test.py --self-test  plants each kind of violation in a small tree and checks that it is found
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LONGEST_FILE = 500
LONGEST_FUNCTION = 70

# A room and the rooms it may include.
MAY_INCLUDE = {
    "codes": {"codes"},
    "dnn": {"codes", "dnn"},
    "protocol": {"codes", "protocol"},
    "node": {"codes", "dnn", "protocol", "node"},
    "tools": {"codes", "dnn", "protocol", "node", "tools"},
    "tests": {"codes", "dnn", "protocol", "node", "tools", "tests"},
}
# The rooms of a folder: those that each may include, besides itself; what is in none of them may include all.
ROOMS = {
    "codes/base": set(),
    "codes/families": {"codes/base"},
    "codes/kernels": {"codes/base"},
    "codes/decode": {"codes/base", "codes/kernels"},
    "dnn/operations": set(),
    "dnn/data": {"dnn/operations"},
    "dnn/optimizers": {"dnn/operations", "dnn/data"},
    "dnn/coded": {"dnn/operations", "dnn/optimizers", "dnn/data"},
    "dnn/reference": {"dnn/operations", "dnn/optimizers", "dnn/data"},
    "protocol/wire": set(),
    "protocol/rounds": {"protocol/wire"},
    "protocol/members": {"protocol/wire"},
    "protocol/recovery": {"protocol/wire", "protocol/members", "protocol/rounds"},
    "protocol/health": {"protocol/wire", "protocol/rounds"},
    "node/text": set(),
    "node/system": set(),
    "node/files": {"node/text", "node/system"},
    "node/config": {"node/text", "node/files"},
    "node/inputs": {"node/text", "node/config"},
    "node/tables": {"node/text", "node/files", "node/inputs"},
    "node/data": {"node/text", "node/files", "node/inputs", "node/tables"},
    "node/faults": {"node/text", "node/files", "node/config"},
    "node/records": {"node/text", "node/system", "node/files", "node/config"},
    "node/checkpoints": {"node/text", "node/files"},
    "node/model": {"node/text", "node/files", "node/config", "node/inputs", "node/checkpoints"},
    "node/transport": {"node/text", "node/system", "node/config", "node/faults"},
    "node/process": {"node/text", "node/system", "node/files", "node/config", "node/data", "node/faults", "node/records",
                     "node/checkpoints", "node/model", "node/transport"},
}
MADE_BY_THE_BUILD = "planted_bugs"  # copies of sources with a bug in them
# Pure rooms have no clock, no threads and no files.
PURE_ROOMS = {"codes", "dnn", "protocol"}
IMPURE_HEADERS = {"chrono", "ctime", "time.h", "thread", "mutex", "condition_variable", "future", "fstream",
                  "filesystem", "unistd.h", "sys/socket.h", "sys/time.h"}
# What the uncoded reference network may take from codes/; and what it takes, from its data, the names of types.
REFERENCE_MAY_INCLUDE = {"codes/base/check.h", "codes/base/result.h"}
REFERENCE_MAY_REACH = REFERENCE_MAY_INCLUDE | {"codes/base/matrix.h"}

TOP_LEVEL = {".ci", ".clang-format", ".clang-tidy", ".github", ".gitattributes", ".gitignore", "CHANGELOG.md", "CMakeLists.txt",
             "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "NOTICE", "README.md"} | set(MAY_INCLUDE)
# Only where there is no git to say what belongs to the tree.
NOT_OF_THE_TREE = re.compile(r"\.git|build.*|runs|.*\.swp")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
COMMENT_OR_LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.M)
NOT_A_FUNCTION = re.compile(r"^(?:template\s*<.*>\s*)?(?:inline\s+)?(?:typedef\s+)?"
                            r"(?:namespace|class|struct|union|enum|extern)\b", re.S)


def blank(text):
    """The same lines, without their content."""
    return re.sub(r"[^\n]", " ", text)


def functions(text):
    """(first line, line count) of each function with a body; lambdas and local classes belong to theirs."""
    text = COMMENT_OR_LITERAL.sub(lambda match: blank(match.group()), text)
    text = DIRECTIVE.sub(lambda match: blank(match.group()), text)
    found, depth, inside, head_start = [], 0, None, 0
    for at, char in enumerate(text):
        if char == "{":
            depth += 1
            if inside is None:
                head = text[head_start:at].strip()
                if "(" in head and not head.endswith("=") and not NOT_A_FUNCTION.match(head):
                    start = head_start + len(text[head_start:at]) - len(text[head_start:at].lstrip())
                    inside = (depth, start)
        elif char == "}":
            if inside is not None and depth == inside[0] and re.match(r"\s*[,{]", text[at + 1:at + 200]):
                inside = None  # x_{1} of a constructor: its body is still to come
                depth -= 1
                continue
            if inside is not None and depth == inside[0]:
                first = text.count("\n", 0, inside[1]) + 1
                found.append((first, text.count("\n", 0, at) + 1 - first + 1))
                inside = None
            depth -= 1
        if char in "{};" and inside is None:
            head_start = at + 1
    return found


def python_functions(text):
    """(first line, line count) of each function of a Python file, by indentation."""
    found, lines = [], text.split("\n")
    for first, line in enumerate(lines):
        match = re.match(r"( *)def ", line)
        if not match:
            continue
        last = first
        for at in range(first + 1, len(lines)):
            if lines[at].strip():
                if len(lines[at]) - len(lines[at].lstrip()) <= len(match.group(1)) and not lines[at].startswith(")"):
                    break
                last = at
        found.append((first + 1, last - first + 1))
    return found


class House:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.violations = []
        self.texts = {}
        for room in MAY_INCLUDE:
            for path in sorted((self.root / room).rglob("*")):
                if path.is_file() and self.is_source(path):
                    self.texts[path.relative_to(self.root).as_posix()] = path.read_text(encoding="utf-8")
        for name in ("CMakeLists.txt",):
            if (self.root / name).is_file():
                self.texts[name] = (self.root / name).read_text(encoding="utf-8")

    @staticmethod
    def is_source(path):
        if path.suffix in (".cc", ".h", ".py", ".cmake", ".sh") or path.name == "CMakeLists.txt":
            return True
        if path.suffix:
            return False
        with path.open("rb") as file:
            return file.read(2) == b"#!"

    def report(self, where, what):
        self.violations.append(f"{where}: {what}")

    def includes(self, name):
        """(line, header, quoted) of each include of a file."""
        text = self.texts[name]
        for match in INCLUDE.finditer(text):
            yield text.count("\n", 0, match.start(2)) + 1, match.group(2), match.group(1) == '"'

    def check_includes(self):
        for name in self.texts:
            if not name.endswith((".cc", ".h")):
                continue
            room = name.split("/")[0]
            for line, header, quoted in self.includes(name):
                target = header.split("/")[0]
                if target in MAY_INCLUDE and "/" in header:
                    if target not in MAY_INCLUDE[room]:
                        self.report(f"{name}:{line}", f"{room} must not include {header}")
                    if not quoted or not (self.root / header).is_file():
                        self.report(f"{name}:{line}", f"{header} is not a quoted path from the root to a file")
                elif quoted and not (room == "tests" and target == MADE_BY_THE_BUILD):
                    self.report(f"{name}:{line}", f'"{header}" does not start at the root')
                self.check_foreign(name, line, room, header)

    def check_rooms(self):
        """Who includes whom within a folder, that no two sources share a name, and that ROOMS has no cycle."""
        homes = {}
        for name in self.texts:
            if not name.endswith((".cc", ".h")) or name.startswith("tests/"):
                continue
            room, base = name.rsplit("/", 1)
            if base in homes:
                self.report(name, f"has the name of {homes[base]}")
            homes[base] = name
            if "/" in room and room not in ROOMS and any(room.split("/")[0] == known.split("/")[0] for known in ROOMS):
                self.report(name, f"{room} is no room that ROOMS knows")
            for line, header, _ in self.includes(name):
                target = header.rsplit("/", 1)[0]
                if room in ROOMS and target.split("/")[0] == room.split("/")[0] and \
                        target != room and target not in ROOMS[room]:
                    self.report(f"{name}:{line}", f"{room} must not include {header}")
        for room in ROOMS:
            for below in ROOMS[room]:
                if room in self.reached(below):
                    self.report("tests/house_test.py", f"{room} and {below} include each other")

    @staticmethod
    def reached(room):
        seen, pending = set(), [room]
        while pending:
            for below in ROOMS[pending.pop()] - seen:
                seen.add(below)
                pending.append(below)
        return seen

    def check_foreign(self, name, line, room, header):
        if re.match(r"(.*/)?zmq[^/]*$", header) and "/" not in header.removeprefix("node/transport/"):
            allowed = name.startswith("node/transport/zmq_") or room == "tests" or header.startswith("node/")
            if not allowed:
                self.report(f"{name}:{line}", f"only node/transport/zmq_* may see {header}")
        if room in PURE_ROOMS and header in IMPURE_HEADERS:
            self.report(f"{name}:{line}", f"{room} has no clock, thread or file: not <{header}>")

    def check_reference(self):
        """dnn/reference takes nothing of codes/ but checks and results, and reaches nothing of the coded path."""
        pending = [(name, name) for name in self.texts if re.match(r"dnn/reference/[^/]*\.(cc|h)$", name)]
        seen = {name for name, _ in pending}
        while pending:
            name, origin = pending.pop()
            allowed = REFERENCE_MAY_INCLUDE if name == origin else REFERENCE_MAY_REACH
            for line, header, _ in self.includes(name):
                if re.match(r"codes/|dnn/coded/", header):
                    if header not in allowed:
                        self.report(f"{name}:{line}", f"{origin} must not depend on {header}")
                elif header in self.texts and header not in seen:
                    seen.add(header)
                    pending.append((header, origin))

    def check_sizes(self):
        lengths = sorted(((text.count("\n"), name) for name, text in self.texts.items()), reverse=True)
        for length, name in lengths:
            if length > LONGEST_FILE:
                self.report(name, f"{length} lines, more than {LONGEST_FILE}")
        bodies = []
        for name, text in self.texts.items():
            if name.endswith((".cc", ".h")):
                bodies += [(length, f"{name}:{first}") for first, length in functions(text)]
            elif name.endswith(".py"):
                bodies += [(length, f"{name}:{first}") for first, length in python_functions(text)]
        for length, where in sorted(bodies, reverse=True):
            if length > LONGEST_FUNCTION:
                self.report(where, f"a function of {length} lines, more than {LONGEST_FUNCTION}")
        return lengths[:5], sorted(bodies, reverse=True)[:5]

    def check_top_level(self):
        for name in self.top_level_names():
            if name not in TOP_LEVEL:
                self.report(name, "is no name for the top level")

    def top_level_names(self):
        try:
            listed = subprocess.run(["git", "-C", str(self.root), "ls-files"], capture_output=True, text=True,
                                    check=True).stdout.splitlines()
        except (OSError, subprocess.CalledProcessError):
            listed = []
        if listed:
            return sorted({name.split("/")[0] for name in listed})
        return sorted(path.name for path in self.root.iterdir() if not NOT_OF_THE_TREE.fullmatch(path.name))

    def check(self):
        self.check_includes()
        self.check_rooms()
        self.check_reference()
        self.check_top_level()
        return self.check_sizes()


def check_tree(root):
    house = House(root)
    files, bodies = house.check()
    print("longest files:")
    for length, name in files:
        print(f"  {length:4} {name}")
    print("longest functions:")
    for length, where in bodies:
        print(f"  {length:4} {where}")
    for violation in house.violations:
        print(f"VIOLATION {violation}")
    if not house.texts:
        print(f"VIOLATION {root}: no sources found")
        return 1
    return 1 if house.violations else 0


CLEAN_TREE = {
    "CMakeLists.txt": "project(x)\n",
    "codes/base/result.h": "#pragma once\n",
    "codes/base/matrix.h": "#pragma once\n#include <Eigen/Core>\n",
    "dnn/operations/tensor.h": '#include "codes/base/result.h"\n',
    "dnn/reference/reference.cc": '#include "dnn/operations/tensor.h"\n#include "codes/base/result.h"\n',
    "protocol/wire/wire.h": '#include "codes/base/matrix.h"\n',
    "node/transport/zmq_transport.h": "#include <zmq.hpp>\n",
    "node/process/pump.cc": '#include "node/transport/zmq_transport.h"\n#include "dnn/operations/tensor.h"\n#include "protocol/wire/wire.h"\n#include <thread>\n',
    "tools/main.cc": '#include "node/transport/zmq_transport.h"\nint main() { return \'{\' == "}}}{"[0]; }  // {{{\n',
    "tests/a_test.cc": "#include <zmq.hpp>\n",
}
LONG_BODY = "  ++x;\n" * LONGEST_FUNCTION
# What is planted, and what must be said about it.
PLANTED = [
    ("codes/bad.h", '#include "dnn/operations/tensor.h"\n', "codes must not include dnn/operations/tensor.h"),
    ("codes/bad.h", "#  include <dnn/operations/tensor.h>\n", "codes must not include dnn/operations/tensor.h"),
    ("dnn/bad.h", '#include "protocol/wire/wire.h"\n', "dnn must not include protocol/wire/wire.h"),
    ("protocol/bad.h", '#include "dnn/operations/tensor.h"\n', "protocol must not include dnn/operations/tensor.h"),
    ("protocol/bad.h", '#include "node/process/pump.cc"\n', "protocol must not include node/process/pump.cc"),
    ("node/bad.h", '#include "tools/main.cc"\n', "node must not include tools/main.cc"),
    ("tools/bad.h", '#include "tests/a_test.cc"\n', "tools must not include tests/a_test.cc"),
    ("node/bad.cc", "#include <zmq.hpp>\n", "only node/transport/zmq_* may see zmq.hpp"),
    ("protocol/bad.cc", "#include <zmq.h>\n", "only node/transport/zmq_* may see zmq.h"),
    ("tools/bad.cc", "#include <zmq_addon.hpp>\n", "only node/transport/zmq_* may see zmq_addon.hpp"),
    ("dnn/reference/reference.h", '#include "codes/base/matrix.h"\n', "must not depend on codes/base/matrix.h"),
    ("dnn/operations/tensor.h", '#include "codes/kernels/encode.h"\n', "dnn/reference/reference.cc must not depend on codes/kernels/encode.h"),
    ("dnn/operations/tensor.h", '#include "dnn/coded/coded_matrix.h"\n', "dnn/reference/reference.cc must not depend on dnn/coded/coded_matrix.h"),
    ("codes/base/bad.h", '#include "codes/kernels/encode.h"\n', "codes/base must not include codes/kernels/encode.h"),
    ("codes/attic/old.h", "#pragma once\n", "codes/attic is no room that ROOMS knows"),
    ("codes/kernels/matrix.h", "#pragma once\n", "codes/kernels/matrix.h: has the name of codes/base/matrix.h"),
    ("codes/bad.cc", "#include <chrono>\n", "no clock"),
    ("protocol/bad.cc", "#include <thread>\n", "no clock"),
    ("codes/bad.cc", '#include "matrix.h"\n', "does not start at the root"),
    ("codes/bad.cc", '#include "codes/gone.h"\n', "is not a quoted path"),
    ("codes/bad.cc", "\n" * (LONGEST_FILE + 1), "501 lines"),
    ("tools/bad.py", "\n" * (LONGEST_FILE + 1), "501 lines"),
    ("codes/bad.cc", f"namespace a {{\nvoid f(int x) {{\n{LONG_BODY}}}\n}}\n", "a function of 72 lines"),
    ("codes/bad.cc", f"struct A {{\n  A(int x) : y_{{x}}, z_{{x}} {{\n{LONG_BODY}}}\n}};\n", "a function of 72 lines"),
    ("tests/bad.cc", f"TEST(A, B) {{\n  int x = 0;\n{LONG_BODY}}}\n", "a function of 73 lines"),
    ("codes/bad.cc", f"template <typename T>\nint f(T x)\n{{\n{LONG_BODY}}}\n", "a function of 74 lines"),
    ("tools/bad.py", "def f(x):\n" + "    x += 1\n" * LONGEST_FUNCTION, "a function of 71 lines"),
    ("notes.txt", "hello\n", "notes.txt: is no name for the top level"),
]


def write_tree(root, files):
    for name, text in files.items():
        path = pathlib.Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test():
    clean = dict(CLEAN_TREE)
    # Namespaces, classes and tables may be long; functions up to the limit too.
    clean["codes/long.cc"] = ("namespace a {\n" + f"int f(int x) {{\n{LONG_BODY[:-2 * len('  ++x;')]}}}\n" +
                              "int table[] = {\n" + "  1,\n" * 100 + "};\n" + "class B {\n  int g(int x);\n" +
                              "  int h() const { return 1; }\n" * 100 + "};\n}\n")
    failures = 0
    for planted, text, wanted in [(None, None, None)] + PLANTED:
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, clean if planted is None else {**clean, planted: text})
            house = House(root)
            house.check()
            if planted is None:
                good = not house.violations
            else:
                good = any(wanted in violation for violation in house.violations)
            if not good:
                failures += 1
                print(f"FAILED {planted or 'the clean tree'}: wanted {wanted!r}, got {house.violations}")
    ROOMS["codes/base"].add("codes/decode")  # which includes it
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, clean)
        house = House(root)
        house.check()
        if not any("include each other" in violation for violation in house.violations):
            failures += 1
            print(f"FAILED a cycle of rooms: got {house.violations}")
    print(f"{len(PLANTED) + 1} planted violations, {failures} failures")
    return 1 if failures else 0


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    return self_test() if sys.argv[1] == "--self-test" else check_tree(sys.argv[1])


if __name__ == "__main__":
    sys.exit(main())
