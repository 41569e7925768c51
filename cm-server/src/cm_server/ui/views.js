// Which of a page's views is open: the address after # says, so that links, back and reload lead to the same place.

/** `views` by name: the `title` of the tab, the id of the `heading`, and `open`; `chosen` makes the name of one and what
 * it is about of what follows #. The nodes are `<name>-view`. */
export function keep(views, chosen) {
  function open(event) {
    const [name, about] = chosen(location.hash);
    for (const each of Object.keys(views)) document.getElementById(`${each}-view`).hidden = each !== name;
    document.title = `${views[name].title} · scalable-shop`;
    views[name].open(about);
    // Moved here by a link: who reads by ear or keyboard goes on from the new title.
    if (event) document.getElementById(views[name].heading).focus();
  }

  // What follows # names the view here, so that "#main" would lead away from it.
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  window.addEventListener("hashchange", open);
  open();
}
