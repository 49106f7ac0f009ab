"""An exact simplex for small systems of numbers that are not negative: what a sum leaves open about its parts."""

import math
from fractions import Fraction

# Ranges of this width and more are not looked at more closely.
WIDE = 6


def divide(number, by):
    return number * by if by in (1, -1) else Fraction(number) / by


class Simplex:
    """Numbers that are not negative, each solved for others: {number: [constant, {other: coefficient}]}."""

    def __init__(self):
        self.rows, self.seen = {}, {}

    def add(self, constant, parts):
        """One more sum that is zero."""
        row = [constant, parts]
        for number in [number for number in parts if number in self.rows]:
            self.replace(row, number, self.rows[number])
        if parts:
            self.solve(min(parts, key=lambda number: (abs(parts[number]) != 1, number)), *row)

    def replace(self, row, number, own):
        times = row[1].pop(number)
        row[0] += times * own[0]
        for other, value in own[1].items():
            row[1][other] = row[1].get(other, 0) + times * value
            if row[1][other] == 0:
                del row[1][other]

    def solve(self, number, constant, parts):
        by = -parts.pop(number)
        own = [divide(constant, by), {other: divide(value, by) for other, value in parts.items()}]
        for row in self.rows.values():
            if number in row[1]:
                self.replace(row, number, own)
        self.rows[number] = own

    def grow(self, number, negative=None):
        """As far as the others allow, or until one of them is no longer negative; whether there is an end."""
        ends = [
            (divide(row[0], -row[1][number]), other)
            for other, row in self.rows.items()
            if number in row[1] and (other == negative or row[0] >= 0 > row[1][number])
        ]
        if ends:
            other = min(ends)[1]
            constant, parts = self.rows.pop(other)
            self.solve(number, constant, parts | {other: -1})
        return bool(ends)

    def start(self):
        """Until none is negative."""
        for number in list(self.rows):
            while number in self.rows and self.rows[number][0] < 0:
                self.grow(min(other for other, value in self.rows[number][1].items() if value > 0), number)

    def end(self, number, sign):
        """The highest value, or with a negative sign the lowest, by Bland's rule."""
        if sign > 0 and number not in self.rows and not self.grow(number):
            return math.inf
        while better := [other for other, value in self.rows.get(number, (0, {}))[1].items() if value * sign > 0]:
            if not self.grow(min(better)):
                return math.inf
        for other, (at, _) in self.rows.items():
            low, high = self.seen.get(other, (at, at))
            self.seen[other] = (min(low, at), max(high, at))
        return self.rows.get(number, (0,))[0]

    def range(self, number):
        """Lowest and highest value; no end where two solutions are known that lie WIDE apart."""
        at = self.rows.get(number, (0,))[0]
        low, high = self.seen.get(number, (at, at))
        low, high = min(low, at), max(high, at)
        high = self.end(number, 1) if high - low < WIDE else high
        low = self.end(number, -1) if high - low < WIDE else low
        return (math.ceil(low), math.floor(high)) if high - low < WIDE else (0, math.inf)
