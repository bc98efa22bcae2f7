#!/usr/bin/env python3
"""Answers SMT-LIB on standard input with the bindings of cvc5: `(reset)` begins a question, `(check-sat)` ends it."""

import sys

import cvc5


def answer(text):
    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    symbols = cvc5.SymbolManager(terms)
    parser = cvc5.InputParser(solver, symbols)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
    out = ""
    while True:
        command = parser.nextCommand()
        if command.isNull():
            return out.strip()
        out += command.invoke(solver, symbols)


def main():
    lines = []
    for line in sys.stdin:
        if line.strip() == "(reset)":
            lines = []
            continue
        lines.append(line)
        if line.strip() == "(check-sat)":
            try:
                said = answer("".join(lines))
            except Exception as error:  # The reader of the answer shows it.
                said = repr(error)
            print(" ".join(said.split()), flush=True)


main()
