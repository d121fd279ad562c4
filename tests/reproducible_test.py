#!/usr/bin/env python3
"""A reproducible build holds no instruction whose result differs between processors, and none beyond AVX2.

    reproducible_test.py PROGRAM...   exit code 1 and a line per instruction found

rsqrt and rcp are approximations, which Intel and AMD round differently; registers zmm and k belong to AVX-512.
"""
import re
import subprocess
import sys

APPROXIMATE = re.compile(r"\sv?(?:rsqrt|rcp)(?:14|28)?[ps][sd]\s")
BEYOND_AVX2 = re.compile(r"%zmm\d|%k[1-7]\b")


def main(programs):
    failed = 0
    for program in programs:
        seen = 0
        disassembly = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", program], stdout=subprocess.PIPE, text=True)
        function = "?"
        for line in disassembly.stdout:
            if line.endswith(">:\n"):
                function = line.strip()
                continue
            seen += "%ymm" in line
            if APPROXIMATE.search(line) or BEYOND_AVX2.search(line):
                failed += 1
                if failed <= 20:
                    print(f"{program}: {function} {line.strip()}")
        if disassembly.wait() != 0 or seen == 0:
            print(f"{program}: could not be disassembled, or is not built for AVX2")
            failed += 1
    print(f"{len(programs)} programs, {failed} instructions that do not give the same bits everywhere")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
