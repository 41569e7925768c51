"""The arithmetic of ratings, against the plainest way to get the same numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cm_api.domains.catalog.rating import PRIOR_REVIEWS, PRIOR_STARS, RANK_SCALE, Rating

stars = st.integers(1, 5)


def rated(reviews: list[int]) -> Rating:
    rating = Rating()
    for review in reviews:
        rating = rating.changed(None, review)
    return rating


@given(st.lists(stars))
def test_the_numbers_are_those_of_a_recount(reviews: list[int]) -> None:
    rating = rated(reviews)
    assert (rating.count, rating.sum) == (len(reviews), sum(reviews))
    assert rating.histogram == tuple(reviews.count(number) for number in range(1, 6))
    assert Rating.of(rating.stored()) == rating


@given(st.lists(stars, min_size=1))
def test_the_average_is_rounded_half_up_to_two_decimals(reviews: list[int]) -> None:
    exact = Decimal(sum(reviews)) / len(reviews)
    assert Decimal(str(rated(reviews).average)) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_without_reviews_there_is_no_average() -> None:
    assert (Rating().average, Rating().count, Rating().rank) == (None, 0, PRIOR_STARS * RANK_SCALE)


@given(st.lists(stars), st.lists(stars))
def test_what_is_added_comes_off_again_in_any_order(kept: list[int], passing: list[int]) -> None:
    rating = rated(kept + passing)
    for review in sorted(passing):
        rating = rating.changed(review, None)
    assert rating == rated(kept)


@given(st.lists(stars), st.lists(stars))
def test_the_difference_leads_from_one_to_the_other(before: list[int], after: list[int]) -> None:
    start, end = rated(before), rated(after)
    stored = start.stored()
    for path, change in end.difference(start).items():
        *way, last = path.removeprefix("rating.").split(".")
        (stored[way[0]] if way else stored)[last] += change
    assert stored == end.stored()
    assert end.difference(end) == {}


@given(st.lists(stars))
def test_the_rank_is_the_average_with_the_prior(reviews: list[int]) -> None:
    exact = Fraction(PRIOR_REVIEWS * PRIOR_STARS + sum(reviews), PRIOR_REVIEWS + len(reviews))
    assert abs(Fraction(rated(reviews).rank, RANK_SCALE) - exact) <= Fraction(1, 2 * RANK_SCALE)


@pytest.mark.parametrize(("many", "few"), [([5] * 90 + [4] * 10, [5]), ([4] * 50, [5, 5])])
def test_many_good_reviews_outrank_few_perfect_ones(many: list[int], few: list[int]) -> None:
    assert rated(many).rank > rated(few).rank
