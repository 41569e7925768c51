"""What concerns a person in every domain: that they are to be forgotten. Each domain that knows persons takes it."""

from __future__ import annotations

from shop_core.events.fields import Text128
from shop_core.events.reading import Checked

USER_ERASED = "shop.user.erased.v1"


class UserErased(Checked, frozen=True, forbid_unknown_fields=True):
    """A user is erased: nothing said or done as them before this event's time is shown any more.

    `by` is who asked for it: `self`, or the caller's id.
    """

    userid: Text128
    by: Text128
