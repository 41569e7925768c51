// Who buys, remembered for this tab: nobody likes to enter the same twice.

const NAME = "shop-buyer";

/** Fills what is empty of a form's fields. */
export function fill(userid, username) {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "{}");
  userid.value ||= kept.userid ?? "";
  username.value ||= kept.username ?? "";
}

export function keep({ userid, username }) {
  sessionStorage.setItem(NAME, JSON.stringify({ userid, username }));
}
