"""What concerns a person in every domain: that they are to be forgotten. Each domain that knows persons takes it."""

from __future__ import annotations

from shop_core.events.fields import Text128
from shop_core.events.reading import Checked

USER_ERASED = "shop.user.erased.v1"


class UserErased(Checked, frozen=True, forbid_unknown_fields=True):
    """A user is erased: nothing said or done as them before it, in the order of the log, is shown any more.

    It stands in every partition of a topic (`ce_copies`), and each copy holds for what its own partition told before
    it. Without that it holds for what was said before its time. `by` is who asked for it: `self`, or the caller's id.
    """

    userid: Text128
    by: Text128
