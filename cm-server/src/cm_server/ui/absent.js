// What is shown where no cm-ops runs.

const card = document.getElementById("absent");

export const is = (problem) => problem.status === 404 && problem.fields.length === 0;

export function hide() {
  card.hidden = true;
}

export function show() {
  card.querySelector(".empty-title").textContent = "No cm-ops runs beside this shop";
  card.querySelector("p:last-child").textContent =
    "It is what looks at Kafka and MongoDB for this page. Start it, and name it to cm-server by CM_OPS_URL.";
  card.hidden = false;
}
