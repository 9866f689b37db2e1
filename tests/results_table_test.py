#!/usr/bin/env python3
"""docs/RESULTS.md is what scripts/results-table makes of bench/results/*.csv.

    results_table_test.py ROOT

First made-up files, of today and of before the gains had a spread, show that the script reads both.
"""
import pathlib
import subprocess
import sys
import tempfile

OLD = """cpu,machine,isa,threads,problem,n,k,layers,tokens,scalar_ns,baseline_ns,builtin_ns,tuned_ns,tuned_kernel,packed_bytes,roof_share
"A, old",1,ssse3,2,qkv,8,8,10,1,9,0,300000,200000,k,1,0.5
"A, old",1,ssse3,2,down,8,8,20,1,9,0,300000,100000,k,1,0.8
"""
NEW = """cpu,isa,threads,problem,layers,tokens,baseline_ns,builtin_ns,tuned_ns,roof_share,gain_over_baseline,gain_over_baseline_error,\
gain_over_builtin,gain_over_builtin_error,packing_p_ns,packing_p_kernel,packing_q_ns,packing_q_kernel,packing_z_ns,packing_z_kernel
B,avx2,1,qkv,2,128,3,2,1,0,3,0.1,2,0.1,1,k,2,k,0,
B,avx2,1,all,1,128,4000,2000,1000,0,3.9,0.012,2.1,0.003,1500,,1200,,0,
"""
WANTED = [
    "| A, old | 2 | ssse3 | 1 | 4.00 ms | - | 2.25x | - | 65 % |",
    "| B | 1 | avx2 | 128 | 1.0 us | 3.90x +-1.2 % | 2.10x +-0.3 % | q (0.80 of p) | - |",
]


def made_up(script):
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder) / name for name in ("old.csv", "new.csv")]
        for path, text in zip(paths, (OLD, NEW)):
            path.write_text(text)
        return subprocess.check_output([script, *paths], text=True).splitlines()[-2:]


def main():
    root = pathlib.Path(sys.argv[1])
    script = root / "scripts" / "results-table"
    got = made_up(script)
    if got != WANTED:
        sys.exit("made-up files: wanted\n" + "\n".join(WANTED) + "\ngot\n" + "\n".join(got))
    if (root / "docs" / "RESULTS.md").read_text() != subprocess.check_output([script], text=True):
        sys.exit("docs/RESULTS.md is stale: run scripts/results-table >docs/RESULTS.md")


main()
