"""The arithmetic of ratings, in whole numbers, so that no order of changes leaves a trace in the result."""

from __future__ import annotations

from dataclasses import dataclass

from shop_core.mongo.client import Document

STARS = (1, 2, 3, 4, 5)
# A product's rank is the average it would have with this many reviews of the middle of the scale on top of its own:
# one review of five stars does not outrank a hundred of 4.8.
PRIOR_REVIEWS = 10
PRIOR_STARS = 3
RANK_SCALE = 1_000_000


@dataclass(frozen=True)
class Rating:
    """How many reviews gave 1, 2, 3, 4 and 5 stars."""

    histogram: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @classmethod
    def of(cls, stored: Document) -> Rating:
        """As `stored` in a product."""
        one, two, three, four, five = (stored["histogram"][str(stars)] for stars in STARS)
        return cls((one, two, three, four, five))

    @property
    def count(self) -> int:
        return sum(self.histogram)

    @property
    def sum(self) -> int:
        return sum(stars * number for stars, number in zip(STARS, self.histogram, strict=True))

    @property
    def hundredths(self) -> int | None:
        """The average in hundredths of a star, halves up; None without reviews."""
        return (200 * self.sum + self.count) // (2 * self.count) if self.count else None

    @property
    def average(self) -> float | None:
        """The average to two decimals."""
        return None if self.hundredths is None else self.hundredths / 100

    @property
    def rank(self) -> int:
        """The average with the prior, in millionths of a star."""
        reviews = PRIOR_REVIEWS + self.count
        return (2 * RANK_SCALE * (PRIOR_REVIEWS * PRIOR_STARS + self.sum) + reviews) // (2 * reviews)

    def changed(self, old: int | None, new: int | None) -> Rating:
        """With a review of `old` stars replaced by one of `new`; None stands for no review."""
        numbers = list(self.histogram)
        if old is not None:
            numbers[old - 1] -= 1
        if new is not None:
            numbers[new - 1] += 1
        one, two, three, four, five = numbers
        return Rating((one, two, three, four, five))

    def stored(self) -> Document:
        """As a product holds it."""
        by_stars = {str(stars): number for stars, number in zip(STARS, self.histogram, strict=True)}
        return {"sum": self.sum, "count": self.count, "histogram": by_stars}

    def difference(self, before: Rating) -> Document:
        """What to add to the stored numbers of `before` to come here; empty when they are equal."""
        changes = {"rating.sum": self.sum - before.sum, "rating.count": self.count - before.count}
        for stars, now, was in zip(STARS, self.histogram, before.histogram, strict=True):
            changes[f"rating.histogram.{stars}"] = now - was
        return {field: change for field, change in changes.items() if change}
