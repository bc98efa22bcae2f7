#!/usr/bin/env python3
"""Draws how the time of a verdict grows: the figures of the bench as a small picture.

    cargo bench --bench verdict -- --json target/growth.json && scripts/growth.py target/growth.json docs/growth.svg
"""

import json
import math
import pathlib
import sys

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 340, 64, 40, 16, 190
COLOURS = ["#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce"]
LEAST, MOST = 100, 1_000_000  # microseconds


def across(count):
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log2(max(count, 1)) / 5


def up(micros):
    share = math.log(min(max(micros, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{words}</text>'


def line(points, colour, dashed):
    joined = " ".join(f"{across(count):.1f},{up(micros):.1f}" for count, micros in points)
    dashes = ' stroke-dasharray="3 3"' if dashed else ""
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'


def picture(rows):
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
           "<title>Time of one verdict by the size of its policies</title>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for exponent, name in [(2, "0.1 ms"), (3, "1 ms"), (4, "10 ms"), (5, "100 ms"), (6, "1 s")]:
        y = up(10 ** exponent)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(text(LEFT - 6, y + 4, name, "end"))
    out += [text(across(count), HEIGHT - BOTTOM + 16, count) for count in [1, 2, 4, 8, 16, 32]]
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "how many (line: median, dashes: slowest of the sets)"))
    for number, axis in enumerate(dict.fromkeys(row["axis"] for row in rows)):
        colour = COLOURS[number % len(COLOURS)]
        own = [row for row in rows if row["axis"] == axis]
        out.append(line([(row["count"], row["median"]) for row in own], colour, False))
        out.append(line([(row["count"], row["slowest"]) for row in own], colour, True))
        y = TOP + 14 + 18 * number
        out.append(f'<path d="M{WIDTH - RIGHT + 10} {y - 4}h16" stroke="{colour}" stroke-width="2"/>')
        out.append(text(WIDTH - RIGHT + 32, y, axis, "start"))
    return "\n".join(out + ["</svg>", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    figures, drawn = map(pathlib.Path, sys.argv[1:])
    drawn.write_text(picture(json.loads(figures.read_text())))


if __name__ == "__main__":
    main()
