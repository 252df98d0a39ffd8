#!/bin/sh
# The program that is to be complete: it adds up the orders of a week, writes a line for each item to data/totals.csv, and
# prints what it made of them.
set -eu

rows=$(awk -F, '
    NR > 1 { count[$2] += $3; cents[$2] += $3 * $4 }
    END { for (item in count) printf "%s,%d,%d\n", item, count[item], cents[item] }
' data/orders.csv)

{ echo 'item,count,cents'; printf '%s\n' "$rows" | LC_ALL=C sort; } > data/totals.csv

awk -F, '
    NR > 1 { printf "%-6s %4d  %4d.%02d\n", $1, $2, $3 / 100, $3 % 100; cents += $3 }
    END { printf "%-6s %4s  %4d.%02d\n", "all", "", cents / 100, cents % 100 }
' data/totals.csv
